"""The report command."""

import argparse

from bench.commands import report
from bench.records.store import append_record


def test_it_prints_where_the_page_lies(tmp_path, capsys, make_cost):
    append_record(tmp_path, make_cost(status="oom", reason="no memory"))
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    assert report.run(parser.parse_args([str(tmp_path)])) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'README.md'}\n"
