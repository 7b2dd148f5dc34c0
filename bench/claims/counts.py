"""Claims about parameters, and about 8K on one GPU."""

from collections.abc import Iterator, Sequence

from bench.claims.evidence import describe_place, find_cost, find_largest
from bench.claims.published import MOBILENET_STUDENT, VGG_STUDENT, WCT2, Student
from bench.claims.rows import ClaimRow, Unit, cost_command, join_remarks, missing_row, no_record
from bench.claims.verdicts import Finding, judge_at_most, judge_fit, judge_rounded
from bench.records.schema import Record

_8K = (7680, 4320)


def parameter_rows(records: Sequence[Record]) -> Iterator[ClaimRow]:
    """Judge the published counts of parameters, and their shares of the parameters of WCT²."""
    vgg, mobilenet = VGG_STUDENT, MOBILENET_STUDENT
    both = mobilenet.num_params + mobilenet.num_eigenbasis_params
    yield _count_row(
        f"{vgg.title}: parameters",
        "283K",
        vgg.num_params,
        judge_rounded(vgg.num_params, published=283_000, step=1_000),
        f"deployed parameters ({vgg.architecture}), without its {vgg.num_eigenbasis_params:,} "
        "eigenbasis parameters",
    )
    yield _count_row(
        f"{mobilenet.title}: parameters",
        "73K",
        both,
        judge_rounded(both, published=73_000, step=1_000),
        f"{mobilenet.num_params:,} deployed parameters ({mobilenet.architecture}) and "
        f"{mobilenet.num_eigenbasis_params:,} eigenbasis parameters, which inference does not use",
    )
    record = find_cost(records, WCT2)
    whole = record.num_params if record else None
    for student, published, part in (
        (mobilenet, "at most 1 %", both),
        (vgg, "2.8 %", vgg.num_params),
    ):
        claim = f"{student.title}: share of WCT²'s parameters"
        if not whole:
            finding = no_record(cost_command(WCT2, "HD"))
            yield missing_row(claim, published, "share", finding)
            continue
        share = part / whole
        finding = (
            judge_at_most(share, limit=0.01)
            if student is mobilenet
            else judge_rounded(share, published=0.028, step=0.001)
        )
        yield _exact_row(
            claim, published, finding, f"{part:,} of {whole:,}",
            measured=f"{share * 100:.2f} %", unit="share", value=share,
        )  # fmt: skip


def _count_row(claim: str, published: str, count: int, finding: Finding, note: str) -> ClaimRow:
    return _exact_row(
        claim, published, finding, note, measured=f"{count:,}", unit="parameters", value=count
    )


def _exact_row(
    claim: str,
    published: str,
    finding: Finding,
    note: str,
    *,
    measured: str,
    unit: Unit,
    value: float,
) -> ClaimRow:
    return ClaimRow(
        claim=claim,
        published=published,
        measured=measured,
        span="exact",
        place="counted",
        verdict=finding.verdict,
        remark=join_remarks(finding.remark, note),
        unit=unit,
        value=value,
    )


def largest_rows(student: Student, records: Sequence[Record]) -> list[ClaimRow]:
    """Judge whether a student stylizes 8K on one GPU, for each device."""
    claim, published = f"{student.title}: 8K on one GPU", "fits"
    rows = []
    for place, record in find_largest(records, student.subject, _8K).items():
        device, peak = record.case.device, record.peak_bytes
        finding = judge_fit(device=device, status=record.status, reason=record.reason)
        seen = f"this one {_describe_end(record)}" if device == "cpu" else ""
        rows.append(
            ClaimRow(
                claim=claim,
                published=published,
                measured=f"{peak / 2**30:.2f} GiB" if peak else record.status,
                place=describe_place(place),
                verdict=finding.verdict,
                remark=join_remarks(finding.remark, seen),
                unit="bytes",
                value=peak,
            )
        )
    finding = no_record(cost_command(student.subject, "8K"))
    return rows or [missing_row(claim, published, "bytes", finding)]


def _describe_end(record: Record) -> str:
    if record.status == "ok":
        return "completed"
    return f"ended with {record.status}: {record.reason or 'no reason recorded'}"
