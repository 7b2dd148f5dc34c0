"""Records: one to change, and strategies for random ones."""

from dataclasses import replace

from hypothesis import strategies as st

from bench.records.schema import Case, Record, hash_case

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


COUNT = st.integers(min_value=0, max_value=2**62)


FINITE = st.floats(allow_nan=False, allow_infinity=False)


def maybe(strategy):
    return st.none() | strategy


CASES = st.builds(
    Case,
    kind=st.sampled_from(["cost", "quality", "curve"]),
    subject=TEXT,
    subject_hash=TEXT,
    resolution=maybe(TEXT),
    width=maybe(COUNT),
    height=maybe(COUNT),
    pair=maybe(TEXT),
    transform=TEXT,
    device=st.sampled_from(["cpu", "cuda", "mps"]),
    device_name=TEXT,
    threads=COUNT,
    strength=maybe(FINITE),
    regularizer=maybe(FINITE),
)


@st.composite
def records(draw):
    case = draw(CASES)
    return Record(
        kind=case.kind,
        case=case,
        case_hash=hash_case(case),
        repeat=draw(COUNT),
        environment=draw(st.dictionaries(TEXT, TEXT, max_size=3)),
        commit=draw(maybe(TEXT)),
        dirty=draw(maybe(st.booleans())),
        created=draw(TEXT),
        status=draw(st.sampled_from(["ok", "oom", "timeout", "error", "predicted", "untrained"])),
        macs_total=draw(maybe(COUNT)),
        macs_by_operator=draw(maybe(st.dictionaries(TEXT, COUNT, max_size=3))),
        latency_ns=draw(maybe(st.lists(COUNT, max_size=4))),
        gram=draw(maybe(FINITE)),
        ssim=draw(maybe(FINITE)),
        protocol=draw(maybe(st.dictionaries(TEXT, TEXT, max_size=2))),
    )


def make_record(**changes):
    case = Case(
        kind="cost",
        subject="a",
        subject_hash="0",
        transform="zca",
        device="cpu",
        device_name="x",
        threads=1,
    )
    record = Record(
        kind="cost", case=case, case_hash=hash_case(case), created="2026-01-01", status="ok"
    )
    return replace(record, **changes)
