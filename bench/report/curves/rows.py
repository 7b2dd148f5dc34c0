"""The points of a student's trade-off curves: settings of strength and λ."""

from dataclasses import dataclass

from bench.records.identity import Machine, identify, label_subjects, machine_of
from bench.records.schema import Record
from bench.report.common.rows import QualityRow
from bench.report.common.summary import Summary, quality_row

Curve = tuple[str, str, Machine]
"""Subject, transform and machine of a curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRow:
    """One point of a curve: means over image pairs at a strength or at a multiple of λ.

    Attributes:
        quality: Subject, transform, machine and metric values.
        strength: In [0, 1]; 1 where λ is varied.
        multiple: Multiple of the student's own λ; 1 where the strength is varied.
        varied: ``strength`` or ``regularizer``.
        own_regularizers: The student's own λ at its four taps.
    """

    quality: QualityRow
    strength: float
    multiple: float
    varied: str
    own_regularizers: list[float] | None

    @property
    def curve(self) -> Curve:
        """Subject, transform and machine: the curve of the point."""
        return self.quality.subject, self.quality.transform, self.quality.machine

    @property
    def is_default(self) -> bool:
        """Whether this is the default setting of the student."""
        return self.strength == self.multiple == 1


def curve_rows(summary: Summary) -> list[CurveRow]:
    """Return a row for each point of each curve: by subject, then strength, then λ."""
    names = label_subjects(summary.records)
    groups: dict[tuple[str, str, Machine, float | None, float | None], list[Record]] = {}
    for record in summary.records:
        if record.kind == "curve":
            case = record.case
            setting = (case.strength, case.regularizer)
            key = (names[identify(record)], case.transform, machine_of(record), *setting)
            groups.setdefault(key, []).append(record)
    order = {name: place for place, name in enumerate(names.values())}
    rows = [
        CurveRow(
            quality=quality_row(*key[:3], group),
            strength=1.0 if key[3] is None else key[3],
            multiple=1.0 if key[4] is None else key[4],
            varied="regularizer" if key[3] is None else "strength",
            own_regularizers=group[-1].own_regularizers,
        )
        for key, group in groups.items()
    ]
    return sorted(
        rows,
        key=lambda row: (
            order[row.quality.subject],
            row.curve,
            row.varied != "strength",
            row.strength,
            row.multiple,
        ),
    )


def split_rows(summary: Summary) -> tuple[list[CurveRow], list[CurveRow]]:
    """Return the rows with the full number of image pairs, whose means compare, and the rest.

    Further trainings of a student are in neither.
    """
    further = {row.subject for row in summary.trainings}
    rows = [row for row in curve_rows(summary) if row.quality.subject not in further]
    most = max((row.quality.num_image_pairs for row in rows), default=0)
    comparable: list[CurveRow] = []
    others: list[CurveRow] = []
    for row in rows:
        whole = row.quality.metrics and row.quality.num_image_pairs == most
        (comparable if whole else others).append(row)
    return comparable, others
