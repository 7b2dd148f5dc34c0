"""The report command."""

import argparse

import pytest

from bench.commands import report
from bench.records.store import append_record
from pcakd.errors import ConfigError


def parse(*arguments):
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    return parser.parse_args([str(each) for each in arguments])


def test_it_prints_where_the_page_lies(tmp_path, capsys, make_cost):
    append_record(tmp_path, make_cost(status="oom", reason="no memory"))
    assert report.run(parse(tmp_path)) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'README.md'}\n"


def test_a_results_table_needs_a_file_with_markers(tmp_path):
    (tmp_path / "README.md").write_text("no markers\n")
    with pytest.raises(ConfigError, match="results:begin"):
        report.run(parse("--results-table", tmp_path / "README.md"))


@pytest.mark.parametrize("arguments", [[], ["a", "--results-table", "b"]])
def test_one_target_is_required(arguments, capsys):
    with pytest.raises(SystemExit):
        parse(*arguments)
    assert "results-table" in capsys.readouterr().err
