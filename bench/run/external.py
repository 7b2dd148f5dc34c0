"""External results: images that other software made, as a subject of a run folder. No torch.

Such a subject has quality and no cost. Its metric values compare with those of the run only if
image pairs, size and metrics are the same; otherwise it is refused before anything is written.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plan.image_pairs import ImagePair
from bench.quality.protocol import METRICS, name_file_outputs, without_outputs
from bench.records.identity import is_external
from bench.records.schema import NO_TRANSFORM, Case, MetricName, Obtained, Record
from bench.run.recorder import create_record
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from bench.quality.evaluation import EvaluatedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalResults:
    """A folder of images as a subject.

    Attributes:
        name: Name of the subject.
        subject_hash: `hash_results` of its files.
        trained_metrics: Metrics whose formulas the other software optimises.
    """

    name: str
    subject_hash: str
    trained_metrics: tuple[MetricName, ...] = ()


def hash_results(results: Mapping[str, Path]) -> str:
    """Return one SHA-256 of external results, from the names of their pairs and their bytes."""
    digest = hashlib.sha256()
    for name in sorted(results):
        digest.update(
            f"{name}\n{hashlib.sha256(results[name].read_bytes()).hexdigest()}\n".encode()
        )
    return digest.hexdigest()


def require_free_name(records: Iterable[Record], results: ExternalResults) -> None:
    """Check that no other subject of a run folder has the name; the same files may be added again.

    Raises:
        ConfigError: The name cannot be used, or is that of another subject.
    """
    name = results.name
    if not name.isprintable() or not name.strip() or set(name) & set("/\\"):
        raise ConfigError(
            f"{name!r} cannot be a subject's name; give --name with printable characters and no "
            "slash"
        )
    for record in records:
        case = record.case
        names = (case.subject, case.other, record.cost_subject)
        if name in names and (case.subject, case.subject_hash) != (name, results.subject_hash):
            what = "outputs of other files" if is_external(record) else "another subject"
            raise ConfigError(
                f"the run folder holds {what} with the name {name!r}; give another --name"
            )


def find_trained_metrics(records: Iterable[Record], name: str) -> tuple[MetricName, ...]:
    """Return the metrics that a run folder marks for a subject already."""
    own = (record for record in records if record.case.subject == name)
    return next((tuple(each.trained_metrics) for each in own if each.trained_metrics), ())


def evaluated_side(records: Iterable[Record]) -> int:
    """Return the most pixels a side to which a run reduced its image pairs; 0 is native size.

    Raises:
        ConfigError: The records are of several sizes.
    """
    known = [record for record in records if "quality_max_side" in record.config]
    evaluated = [record for record in known if record.kind == "quality" and record.case.pair]
    sides = sorted({int(record.config["quality_max_side"]) for record in evaluated or known})
    if len(sides) > 1:
        raise ConfigError(
            "the run folder holds metric values at several sizes (quality_max_side "
            f"{', '.join(map(str, sides))}); use a run folder of one size"
        )
    return sides[0] if sides else 0


def require_same_protocol(records: Iterable[Record], protocol: Mapping[str, str]) -> None:
    """Check that a run has values of the same metrics.

    Args:
        records: The records of the run.
        protocol: Protocol ids of the metrics that will be computed.

    Raises:
        ConfigError: A metric has another id in the records.
    """
    for record in records:
        if record.kind != "quality" or record.status != "ok":
            continue
        for metric in METRICS:
            found = (record.protocol or {}).get(metric.name)
            own = protocol.get(metric.name)
            if found and own and without_outputs(found) != without_outputs(own):
                raise ConfigError(
                    f"the run's {metric.title} is {found!r}, this program's is {own!r}; use the "
                    "versions and weights of the run, or a new folder"
                )


def quality_record(
    results: ExternalResults,
    pair: ImagePair,
    evaluated: "EvaluatedFile | None",
    *,
    max_side: int,
    protocol: Mapping[str, str],
    environment: Mapping[str, Any],
    commit: str | None,
    dirty: bool | None,
) -> Record:
    """Return the record of one image, or of a missing one.

    Args:
        results: The subject.
        pair: The image pair, at the size at which it is evaluated.
        evaluated: The metric values of the image or why there are none; None if it is missing.
        max_side: The most pixels a side to which pairs are reduced; 0 is native size.
        protocol: Protocol ids of the metrics, for float outputs.
        environment: Environment of the machine that computed the metric values.
        commit: Commit of the code, or None.
        dirty: Whether the code differed from it.
    """
    case = Case(
        kind="quality",
        subject=results.name,
        subject_hash=results.subject_hash,
        width=pair.width,
        height=pair.height,
        pair=pair.name,
        pair_hash=pair.hash,
        transform=NO_TRANSFORM,
        device=environment["device"],
        device_name=environment["device_name"],
        threads=environment["threads"],
    )
    smaller = evaluated is not None and evaluated.made_smaller
    return create_record(
        case,
        config={"outputs": "files", "quality_max_side": max_side, "made_smaller": smaller},
        environment=dict(environment),
        commit=commit,
        dirty=dirty,
        trained_metrics=list(results.trained_metrics) or None,
        **_metric_fields(evaluated, protocol),
    )


def _metric_fields(
    evaluated: "EvaluatedFile | None", protocol: Mapping[str, str]
) -> dict[str, Any]:
    """Return the record fields of metric values, or the reason why there are none."""
    if evaluated is None:
        return {"status": "error", "reason": "there is no output of this pair"}
    if evaluated.values is None:
        return {"status": "error", "reason": evaluated.reason}
    values = {k: v for k, v in asdict(evaluated.values).items() if v is not None}
    obtained: dict[str, Obtained] = dict.fromkeys(values, "measured")
    ids = {
        name: name_file_outputs(text, made_smaller=evaluated.made_smaller)
        for name, text in protocol.items()
    }
    return {"status": "ok", **values, "protocol": ids, "obtained": obtained}
