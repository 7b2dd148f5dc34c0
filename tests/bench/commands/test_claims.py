"""The claims command: tables written, a table printed, JSON where it is wanted; no torch."""

import argparse
import json
import subprocess
import sys

import pytest

from bench.commands import claims
from bench.records.store import append_record
from pcakd.errors import ConfigError, OutputError


def run(*arguments):
    parser = argparse.ArgumentParser()
    claims.add_arguments(parser)
    return claims.run(parser.parse_args([*map(str, arguments)]))


def test_claims_are_written_and_printed(tmp_path, make_pair, capsys):
    append_record(tmp_path, make_pair("wct2-cat5", "vgg16", 10))
    assert run(tmp_path) == 0
    said = capsys.readouterr().out
    assert "283,236" in said
    assert f"claims: {tmp_path / 'tables' / 'claims.md'}" in said
    assert len(list((tmp_path / "tables").iterdir())) == 6


def test_json_on_standard_output(tmp_path, make_cost, capsys):
    append_record(tmp_path, make_cost())
    assert run(tmp_path, "--json") == 0
    streams = capsys.readouterr()
    answer = json.loads(streams.out)
    assert answer["claims"][0]["value"] == 283_236
    assert answer["facts"]
    assert any("1.25" in rule for rule in answer["rules"])
    assert "reproduced" in streams.err


def test_bad_places_are_refused(tmp_path, make_cost):
    with pytest.raises(ConfigError, match="does not exist"):
        run(tmp_path)
    append_record(tmp_path, make_cost())
    with pytest.raises(OutputError, match="does not exist"):
        run(tmp_path, "--json", tmp_path / "none" / "claims.json")


def test_claims_need_no_torch():
    modules = "bench.commands.claims, bench.commands.ratio, bench.report.claims.tables"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
