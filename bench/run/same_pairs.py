"""Metric values added to a run folder use the same image pairs as its others. No torch.

Means over other photographs, or at another size, do not compare.
"""

from collections.abc import Iterable, Sequence

from bench.plan.image_pairs import ImagePair
from bench.records.schema import Record
from pcakd.errors import ConfigError

_ADVICE = "give --pairs the image pairs of the run, or --out another folder"


def require_same_pairs(
    records: Iterable[Record], pairs: Sequence[ImagePair], *, complete: bool = True
) -> None:
    """Check that image pairs are those of a run: the same names, files and sizes.

    Args:
        records: The records of the run; without quality records there is nothing to check.
        pairs: The image pairs to evaluate, at the size at which they are evaluated.
        complete: Whether the run is finished; an interrupted one may lack some image pairs.

    Raises:
        ConfigError: An image pair is missing, unknown to the run, another image or of another size.
    """
    given = {pair.name: pair for pair in pairs}
    known = {
        record.case.pair: record.case
        for record in records
        if record.kind in ("quality", "curve") and record.case.pair is not None
    }
    if not known:
        return
    if missing := sorted(set(known) - set(given)):
        raise ConfigError(
            f"the run evaluated image pair {missing[0]}, --pairs does not have it; {_ADVICE}"
        )
    if complete and (foreign := sorted(set(given) - set(known))):
        raise ConfigError(f"the run has no image pair {foreign[0]} of --pairs; {_ADVICE}")
    for name, case in sorted(known.items()):
        pair = given[name]
        if case.pair_hash != pair.hash:
            raise ConfigError(
                f"image pair {name} of --pairs has other files than the run's; {_ADVICE}"
            )
        if (case.width, case.height) != (pair.width, pair.height):
            raise ConfigError(
                f"the run evaluated image pair {name} at {case.width}×{case.height} and not at "
                f"{pair.width}×{pair.height}; use the profile of the run, or --out another folder"
            )
