"""Prints the requirements of a side that its environment does not meet; run by path, by the side.

Arguments: the folder of its own packages, then extras.
"""

import importlib.metadata
import sys
from collections.abc import Iterator, Sequence

from pip._vendor.packaging.requirements import Requirement  # a side's environment has pip

_TOOLS = ("pip", "setuptools", "wheel")


def list_unmet(folder: str, extras: Sequence[str]) -> Iterator[str]:
    """Yield the requirements of the packages in a folder that no visible package meets."""
    for own in importlib.metadata.distributions(path=[folder]):
        if own.metadata["Name"].lower() in _TOOLS:
            continue
        for text in own.requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            wanted = marker is None or any(marker.evaluate({"extra": each}) for each in extras)
            if wanted and not _is_met(requirement):
                requirement.marker = None
                yield str(requirement)


def _is_met(requirement: Requirement) -> bool:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


if __name__ == "__main__":
    for each in list_unmet(sys.argv[1], ["", *sys.argv[2:]]):
        sys.stdout.write(f"{each}\n")
