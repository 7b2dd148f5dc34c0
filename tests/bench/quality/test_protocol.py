import subprocess
import sys

from bench.quality.protocol import METRICS, gram_protocol, lpips_protocol, ssim_protocol


def test_the_directions_of_the_metrics() -> None:
    assert {m.name: m.higher_is_better for m in METRICS} == {
        "gram": False,
        "ssim": True,
        "lpips": False,
    }
    assert [m.arrow for m in METRICS] == ["↓", "↑", "↓"]


def test_ids_say_network_hash_layers_divisor_size_colour_and_range() -> None:
    gram = gram_protocol("ab" * 32, ["relu1_1", "relu2_1"])
    assert all(
        part in gram
        for part in (
            "vgg16",
            "@abababab",
            "relu1_1,relu2_1",
            "/(C*H*W)",
            "native size",
            "RGB [0,1]",
        )
    )
    assert "data range 1" in ssim_protocol("0.26")
    assert "@abababab with v0.1 heads@cdcdcdcd" in lpips_protocol("ab" * 32, "cd" * 32)


def test_the_protocol_needs_no_torch() -> None:
    code = "import sys, bench.quality.protocol; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
