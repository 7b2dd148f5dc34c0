"""Gates of the code against itself, without a change and with planted slow-downs. No torch.

How many gates without a change fail is the false-alarm rate on this machine; how many with a
planted slow-down do is the power.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.gate.cases import GateCase
from bench.gate.config import GateConfig
from bench.gate.context import Bar
from bench.gate.gate import run_gate
from bench.gate.rates import FILE_NAME, read_gates
from bench.gate.render import to_json
from bench.gate.scratch import process_environment, scratch_folder
from bench.gate.side_client import Side
from bench.machine.neighbours import busy_neighbours
from bench.plan.image_pairs import ImagePair
from pcakd.errors import ConfigError
from pcakd.utils.files import write_text

SLOW_DOWNS = (0.05, 0.10, 0.30)
"""Planted shares by which head takes longer."""


def plan_gates(unchanged: int, planted: int) -> list[tuple[float, int]]:
    """List slow-down and number of each gate; kinds alternate, so that drift favours none."""
    wanted = {0.0: unchanged, **dict.fromkeys(SLOW_DOWNS, planted)}
    gates = [
        ((number + 0.5) / count, slow_down, number)
        for slow_down, count in wanted.items()
        for number in range(count)
    ]
    return [(slow_down, number) for _, slow_down, number in sorted(gates)]


def run_selftest(
    config: GateConfig,
    cases: Sequence[GateCase],
    gates: Sequence[tuple[float, int]],
    *,
    folder: Path,
    python_path: str,
    device: str,
    timed: ImagePair,
    neighbours: int,
    about: Mapping[str, Any],
    bar: Bar,
) -> list[dict[str, Any]]:
    """Run the gates that the folder does not have yet, and add each to its file.

    Args:
        config: The gate.
        cases: Its cases of latency.
        gates: Slow-down and number of each gate.
        folder: The folder of `FILE_NAME`.
        python_path: PYTHONPATH of both sides.
        device: Name of a device.
        timed: The image pair of latency.
        neighbours: Processes that keep a core busy each meanwhile.
        about: Commit and the like, which all gates of a folder share.
        bar: Advanced by each gate.

    Returns:
        The planned gates, those of earlier commands included.

    Raises:
        ConfigError: The folder has gates of another commit or other settings, or is damaged.
    """
    recorded = read_gates(folder)
    settings = {"neighbours": neighbours, "config": asdict(config), **about}
    settings = json.loads(json.dumps(settings))  # as a file gives them back
    for each in recorded:
        _require_same(each, settings, folder)
    known = {(each["slow_down"], each["number"]): each for each in recorded}
    with busy_neighbours(neighbours), scratch_folder() as scratch:
        variables = {**process_environment(scratch), "PYTHONPATH": python_path}
        base = Side(
            name="base",
            title="this environment",
            python=Path(sys.executable),
            folder=Path.cwd(),
            environment=variables,
        )
        for slow_down, number in gates:
            if (slow_down, number) not in known:
                head = replace(base, name="head", slow_down=slow_down)
                bar.set_postfix_str(f"slow-down {slow_down:.0%}")
                result = run_gate(
                    config, cases, (base, head),
                    scratch=scratch, device=device, timed=timed, pairs=(), bar=tqdm(disable=True),
                )  # fmt: skip
                document = to_json(result, status=result.exit_status())
                gate = {"slow_down": slow_down, "number": number, **settings, **document}
                known[slow_down, number] = gate
                lines = (json.dumps(each, ensure_ascii=False) for each in known.values())
                write_text(folder / FILE_NAME, "".join(f"{line}\n" for line in lines))
            bar.update()
    return [known[key] for key in gates]


def _require_same(gate: Mapping[str, Any], settings: Mapping[str, Any], folder: Path) -> None:
    """Check that a recorded gate had the settings of this self-test; rates join only such gates."""
    for name, value in settings.items():
        if gate.get(name) != value:
            values = "" if name == "config" else f" ({gate.get(name)}, here {value})"
            raise ConfigError(
                f"{folder / FILE_NAME} has gates with other {name}{values}; name another folder, "
                "or remove the file"
            )
