"""Recorded parameters and multiply-adds compared exactly with recomputed ones. No torch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from bench.records.schema import Record

Verdict = Literal["same", "different", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CostKey:
    """The case of a count; machine, threads and samples do not change it."""

    subject: str
    transform: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts that must be equal; fields as in `bench.records.schema.Record`."""

    num_params: int | None
    num_eigenbasis_params: int | None
    macs_content: int | None
    macs_total: int | None


QUANTITIES = tuple(each.name for each in fields(Counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The counts of one case on both sides; None where a side does not have the case."""

    key: CostKey
    recorded: Counts | None
    computed: Counts | None

    @property
    def verdict(self) -> Verdict:
        """``same`` only if every count exists on both sides and is equal."""
        verdicts = [self.verdict_of(name) for name in QUANTITIES]
        worst_first: tuple[Verdict, ...] = ("missing", "different", "same")
        return next(verdict for verdict in worst_first if verdict in verdicts)

    def values_of(self, quantity: str) -> tuple[int | None, int | None]:
        """Return the recorded and the computed count of one quantity."""
        return getattr(self.recorded, quantity, None), getattr(self.computed, quantity, None)

    def verdict_of(self, quantity: str) -> Verdict:
        """Compare one quantity."""
        recorded, computed = self.values_of(quantity)
        if recorded is None or computed is None:
            return "missing"
        return "same" if recorded == computed else "different"


def recorded_counts(records: Iterable[Record]) -> dict[CostKey, Counts]:
    """Return the counts of all cost records; a later record of a case replaces earlier ones."""
    return {
        CostKey(
            subject=record.case.subject,
            transform=record.case.transform,
            width=record.case.width or 0,
            height=record.case.height or 0,
        ): Counts(**{name: getattr(record, name) for name in QUANTITIES})
        for record in records
        if record.kind == "cost"
    }


def compare_counts(
    recorded: Mapping[CostKey, Counts], computed: Mapping[CostKey, Counts]
) -> list[Comparison]:
    """Compare all cases: those of the records first, then the others."""
    keys = dict.fromkeys((*recorded, *computed))
    return [
        Comparison(key=key, recorded=recorded.get(key), computed=computed.get(key)) for key in keys
    ]
