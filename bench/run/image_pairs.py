"""The pairs that a run folder was scored over: what is added is scored over the same. No torch.

Means over other photographs, or over the same at another size, do not compare.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.plan.image_pairs import ImagePair
from bench.records.identity import latest_records
from bench.records.schema import Record
from bench.records.store import read_records, records_path
from pcakd.errors import ConfigError

_ADVICE = "give --pairs the pairs of the run, or --out another folder"


def open_folder(folder: Path) -> tuple[Record, ...]:
    """Return the records of a run folder; one that does not exist yet has none.

    Raises:
        ConfigError: A line is not a record.
    """
    return latest_records(read_records(folder)) if records_path(folder).exists() else ()


def require_same_pairs(
    records: Iterable[Record], pairs: Sequence[ImagePair], *, complete: bool = True
) -> None:
    """Check that pairs are those of a run: the same names, files and sizes.

    Args:
        records: The records of the run; without scores there is nothing to check.
        pairs: The pairs at hand, at the size at which they are scored.
        complete: Whether the run scored all that it will; one that was interrupted may lack some.

    Raises:
        ConfigError: One is missing, is not of the run, is another image or has another size.
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
