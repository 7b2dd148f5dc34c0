"""What documents say of the committed analysis."""

import json
import re
from pathlib import Path
from statistics import median

from pcakd.costs import LatencyModel, LatencySample, relative_errors

ROOT = Path(__file__).parents[3]


def test_the_documents_have_the_errors_of_the_committed_latency_model():
    path = ROOT / "reports/analysis/mobilenet_v1/analysis.json"
    latency = json.loads(path.read_text(encoding="utf-8"))["latency"]
    samples = [LatencySample(**each) for each in latency["samples"] if each["held_out"]]
    errors = relative_errors(LatencyModel(**latency["model"]), samples)
    pairs = list(zip(map(abs, errors), samples, strict=True))
    found = [median(e for e, s in pairs if size in (None, s.resolution)) for size in (None, "8K")]
    text = (ROOT / "docs/compression.md").read_text(encoding="utf-8")
    shown = re.search(
        r"held-out students of MobileNet-V1 is ([\d.]+) %, and ([\d.]+) % at 8K", text
    )
    assert list(shown.groups()) == [f"{100 * error:.1f}" for error in found]
    assert found[0] < 0.1
