"""The claims of the paper on the page and in files."""

import io

import pandas as pd
import pytest

from bench.records.store import append_record
from bench.report.claims.section import make_section
from bench.report.claims.tables import claims_table, facts_table
from bench.report.common.summary import summarize
from bench.report.render import render_report


@pytest.fixture
def evidence(make_cost, make_pair, make_ratio, make_quality):
    """Return the records of a run with peers: every verdict, and a claim without a record."""
    pixels = 1280 * 720
    big = {"resolution": "8K", "width": 7680, "height": 4320}
    names = [f"{number:02}" for number in range(1, 7)]
    return [
        make_cost("vgg19-full", macs_content=482_778 * pixels, num_params=7_011_040),
        make_cost("vgg16", macs_content=16_931 * pixels, num_params=252_890),
        make_cost("vgg16", **big, peak_bytes=5 * 2**30),
        make_cost("wct2-cat5", num_params=10_121_871),
        *make_ratio("wct2-cat5", "vgg16", 9.7),
        *make_ratio("photowct", "vgg16", 31),
        *make_ratio("photowct", "mobilenet_v1", 2),
        make_pair("photowct2", "vgg16", status="oom", reason="took more than 4 GiB"),
        make_pair("vgg16", "mobilenet_v1", 2),
        *[make_quality("vgg16", pair, gram=0.5 + n / 9) for n, pair in enumerate(names)],
        *[make_quality("wct2-cat5", pair, gram=0.6 + n / 9) for n, pair in enumerate(names)],
        make_quality("photowct", pair=None, status="untrained", reason="seeded weights"),
        *[
            make_quality("photowct2-vgg16", pair, ssim=0.7 + n / 90, cost_subject="photowct2")
            for n, pair in enumerate(names)
        ],
    ]


@pytest.mark.parametrize("make_table", [claims_table, facts_table])
def test_texts_are_the_golden_ones(evidence, make_table, check_golden):
    for name, text in make_table(summarize(evidence)).files().items():
        check_golden(name, text)


def test_raw_numbers_keep_their_precision(evidence):
    table = pd.read_csv(io.StringIO(claims_table(summarize(evidence)).files()["claims.csv"]))
    row = table[table["claim"] == "VGG student faster than WCT²"].iloc[0]
    assert row["value"] == pytest.approx(9.7, rel=1e-3)
    assert row["low"] < row["value"] < row["high"]
    assert set(table["verdict"]) == {
        "reproduced", "exceeded", "not reproduced", "not comparable"
    }  # fmt: skip


def test_a_page_has_the_claims_where_records_compare(tmp_path, evidence):
    for record in evidence:
        append_record(tmp_path, record)
    text = render_report(tmp_path).read_text(encoding="utf-8")
    assert "## Claims of the paper" in text
    tables = {path.name: path for path in (tmp_path / "tables").iterdir()}
    assert tables["claims.md"].read_text(encoding="utf-8").splitlines()[-1] in text
    assert {f"{n}.{kind}" for n in ("claims", "facts") for kind in ("md", "csv", "tex")} <= set(
        tables
    )


def test_a_page_without_comparisons_has_no_claims(make_cost, make_quality):
    assert make_section(summarize([make_cost(), make_quality()])).text == ""
