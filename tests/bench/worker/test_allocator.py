"""Peak memory of subjects that allocate a known amount, measured by the job in a fresh process."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from bench.worker.allocator import FIXED_ALLOCATOR

MIB = 2**20
SIDE = 80  # pixels; the images take 0.15 MiB
CODE = """
import json, sys, torch
from functools import partial
from bench.subjects import Prepared, Subject
from bench.worker.jobs import measure_memory

calls = []

def stylize(size, content, style):
    calls.append(content.shape)
    if len(calls) > 1:  # the first call, on a small image, belongs to the baseline
        for _ in range(3):
            parts = [torch.ones(size // 16, dtype=torch.uint8) for _ in range(16)]
            del parts
    return content.clone()

def parse(text):
    return Subject(
        name=text, transforms=("none",), precision="fp32", has_quality=False, hash="0",
        num_params=0, num_eigenbasis_params=0,
        build=lambda *_: Prepared(modules=(), run=partial(stylize, int(text))),
    )

for _ in range(50):  # blocks that grow: by default glibc would then keep what is freed
    torch.ones(2**18)
job = {
    "device": "cpu", "subject": sys.argv[1], "transform": "none",
    "width": int(sys.argv[2]), "height": int(sys.argv[3]), "memory_fraction": 1.0,
}
measure_memory(job, lambda message: print(json.dumps(message)), parse=parse)
"""


def _measure(size, width, height):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, (size, width, height))],
        env={**os.environ, **FIXED_ALLOCATOR}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)["peak_bytes"]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")
@pytest.mark.parametrize("mib", [10, 100, 1024, 4096])
def test_a_known_amount_is_measured(mib, importable_code):
    if psutil.virtual_memory().available < 1.5 * mib * MIB:
        pytest.skip(f"{mib} MiB are not free")
    assert _measure(mib * MIB, SIDE, SIDE) == pytest.approx(mib * MIB, rel=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (2560, 1440)])
def test_images_count_and_how_they_are_made_does_not(width, height, importable_code):
    images = 3 * 3 * 4 * width * height  # content, style, result
    assert _measure(0, width, height) == pytest.approx(images, rel=0.05)
