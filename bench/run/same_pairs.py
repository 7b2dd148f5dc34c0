"""Scores that are added to a run folder use the same image pairs as its other scores. No torch.

Means over other photographs, or at another size, do not compare.
"""

from collections.abc import Iterable, Sequence

from bench.plan.image_pairs import ImagePair
from bench.records.schema import Record
from pcakd.errors import ConfigError

_ADVICE = "give --pairs the pairs of the run, or --out another folder"


def require_same_pairs(
    records: Iterable[Record], pairs: Sequence[ImagePair], *, complete: bool = True
) -> None:
    """Check that image pairs are those of a run: the same names, files and sizes.

    Args:
        records: The records of the run; without quality records there is nothing to check.
        pairs: The image pairs to score, at the size at which they are scored.
        complete: Whether the run is finished; an interrupted one may lack some pairs.

    Raises:
        ConfigError: A pair is missing, unknown to the run, another image or of another size.
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
        raise ConfigError(f"the run scored pair {missing[0]}, --pairs does not have it; {_ADVICE}")
    if complete and (foreign := sorted(set(given) - set(known))):
        raise ConfigError(f"the run did not score pair {foreign[0]} of --pairs; {_ADVICE}")
    for name, case in sorted(known.items()):
        pair = given[name]
        if case.pair_hash != pair.hash:
            raise ConfigError(f"pair {name} of --pairs has other files than the run's; {_ADVICE}")
        if (case.width, case.height) != (pair.width, pair.height):
            raise ConfigError(
                f"the run scored pair {name} at {case.width}×{case.height} and not at "
                f"{pair.width}×{pair.height}; use the profile of the run, or --out another folder"
            )
