"""The ratio command: one sentence, a record in the run folder, clear errors."""

import argparse
import json

import pytest

from bench.analysis.ratios import speed_ratios
from bench.commands import ratio
from bench.records.store import read_records
from bench.report.common.summary import summarize
from bench.report.cost.speed_ratios import speed_ratio_table
from pcakd.errors import ConfigError, OutputError, UnknownNameError


def run(*arguments):
    parser = argparse.ArgumentParser()
    ratio.add_arguments(parser)
    return ratio.run(parser.parse_args([*map(str, arguments), "--device", "cpu"]))


@pytest.mark.usefixtures("in_process")
def test_a_ratio_is_measured_printed_and_recorded(tmp_path, capsys):
    out = tmp_path / "run"
    assert run("plain", "content", "--resolution", "48x32", "--rounds", 2, "--out", out) == 0
    said = capsys.readouterr().out
    assert said.startswith("content is ")
    assert "as fast as plain (95 % interval " in said
    assert ", 6 rounds in 3 processes, " in said
    records = read_records(out)
    assert [record.repeat for record in records] == [0, 1, 2]
    for record in records:
        assert (record.kind, record.case.subject, record.case.other) == ("pair", "plain", "content")
        assert len(record.latency_ns) == len(record.other_latency_ns) == 2
        assert record.case.other_transform == "none"

    assert run("greedy", "plain", "--resolution", "48x32", "--json", "-") == 0
    streams = capsys.readouterr()
    answer = json.loads(streams.out)
    assert (answer["ratio"], answer["record"]["status"]) == (None, "oom")
    assert "greedy against plain: oom" in streams.err
    assert read_records(out) == records


@pytest.mark.usefixtures("in_process")
def test_ratios_beside_other_programs_are_cases_of_their_own(tmp_path, capsys):
    arguments = ("plain", "content", "--resolution", "48x32", "--rounds", 1, "--processes", 1)
    for options in ((), ("--beside", "loops")):
        assert run(*arguments, *options, "--out", tmp_path / "run") == 0
    quiet, busy = capsys.readouterr().out.splitlines()
    assert "beside" not in quiet
    assert busy.endswith(", beside endless loops)")
    records = read_records(tmp_path / "run")
    assert [record.case.beside for record in records] == [None, "loops"]
    assert len(speed_ratios(records)) == 1  # claims, gates and breakdowns are about quiet machines
    table = speed_ratio_table(summarize(records)).cells
    assert table["Beside"].tolist() == ["—", "endless loops"]


@pytest.mark.parametrize(
    "options", [("--rounds", 0), ("--processes", 0), ("--warmup", -1), ("--seconds", 0)]
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="--rounds must be"):
        run("vgg16", "mobilenet_v1", *options)


def test_other_bad_input_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="resolution '3K'"):
        run("vgg16", "mobilenet_v1", "--resolution", "3K")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write into"):
        run("vgg16", "mobilenet_v1", "--out", tmp_path / "file" / "run")
    with pytest.raises(OutputError, match="does not exist"):
        run("vgg16", "mobilenet_v1", "--json", tmp_path / "none" / "pair.json")
