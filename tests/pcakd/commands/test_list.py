import argparse

from pcakd.backbones import list_backbones
from pcakd.commands.list import run
from pcakd.students import list_students
from pcakd.weights import all_weight_sets


def _sections(capsys):
    """Return the printed sections by the first word of their titles."""
    assert run(argparse.Namespace()) == 0
    lines = capsys.readouterr().out.splitlines()
    titles = [n for n, line in enumerate(lines) if "(pcakd " in line]
    ends = [*titles[1:], len(lines)]
    return {
        lines[start].split()[0]: lines[start + 1 : end]
        for start, end in zip(titles, ends, strict=True)
    }


def test_the_students_are_listed_with_their_size(capsys):
    rows = _sections(capsys)["Students"]
    assert {line.split()[0] for line in rows if line.strip()} >= set(list_students())
    (row,) = (line for line in rows if line.startswith("vgg16 "))
    assert "10, 20, 58, 64" in row
    assert "252,890" in row
    assert "(current)" in row
    assert row.endswith("vgg16 (caffe)")


def test_each_backbone_is_listed_with_each_weight_set(capsys):
    rows = [line.split()[:3] for line in _sections(capsys)["Backbones"] if line.strip()]
    for name in list_backbones():
        assert any(row[0] == name for row in rows)
    for weights in all_weight_sets():
        if weights.backbone != "alexnet":  # the network of a metric, not a backbone
            state = "pinned" if weights.sha256 else "unverified"
            assert [weights.backbone, weights.name, state] in rows
    assert ["tiny", "random", "none"] in rows


def test_the_transforms_are_listed(capsys):
    assert _sections(capsys)["Transforms"] == ["", "zca, ot, adain"]
