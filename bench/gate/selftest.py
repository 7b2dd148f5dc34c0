"""Gates of the code against itself, without a change and with planted slow-downs. No torch.

How many gates without a change fail is the false-alarm rate on this machine; how many with a
planted slow-down do is the power.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.gate.cases import GateCase
from bench.gate.config import GateConfig
from bench.gate.context import Bar
from bench.gate.gate import run_gate
from bench.gate.render import to_json
from bench.gate.scratch import process_environment, scratch_folder
from bench.gate.side_client import Side
from bench.gate.verdicts import SequentialTest
from bench.machine.neighbours import busy_neighbours
from bench.plan.image_pairs import ImagePair
from pcakd.errors import ConfigError
from pcakd.utils.files import write_text

FILE_NAME = "gates.jsonl"
SLOW_DOWNS = (0.05, 0.10, 0.30)
"""Planted shares by which head takes longer."""

_POWER = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many gates with one planted slow-down ended how.

    Attributes:
        slow_down: The planted share; 0 is no change.
        num_gates: Gates.
        num_failed: Those that found a regression.
        num_inconclusive: Those without a decision.
        low: Lower end of the 95 % interval of the share of failed ones (Clopper-Pearson).
        high: Its upper end.
        launches: Mean number of launches of a case.
    """

    slow_down: float
    num_gates: int
    num_failed: int
    num_inconclusive: int
    low: float
    high: float
    launches: float


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


def read_gates(folder: Path) -> list[dict[str, Any]]:
    """Read the gates of a folder; none if it has no file.

    Raises:
        ConfigError: A line is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return []
    gates = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            gates.append(json.loads(line))
        except ValueError as error:
            raise ConfigError(f"{path} line {number} is damaged: {error}; remove it") from error
    return gates


def summarize_gates(gates: Sequence[Mapping[str, Any]]) -> Iterator[Rate]:
    """Yield the rates of each planted slow-down, the smallest first."""
    from scipy.stats import binomtest

    for slow_down in sorted({each["slow_down"] for each in gates}):
        own = [each for each in gates if each["slow_down"] == slow_down]
        failed = sum(each["exit_status"] == 1 for each in own)
        interval = binomtest(failed, len(own)).proportion_ci(0.95)
        counts = [
            case["finding"]["count"] for each in own for case in each["cases"] if case["finding"]
        ]
        yield Rate(
            slow_down=slow_down,
            num_gates=len(own),
            num_failed=failed,
            num_inconclusive=sum(each["exit_status"] == 3 for each in own),
            low=float(interval.low),
            high=float(interval.high),
            launches=sum(counts) / max(1, len(counts)),
        )


def smallest_change(
    gates: Sequence[Mapping[str, Any]], *, error: float, budget_seconds: float
) -> dict[str, float]:
    """Return for each case the smallest slow-down that the budget finds in 95 % of gates.

    It follows from the variation between launches, pooled over gates, and the last look of the
    test: the mean must exceed the margin and what the error allows. The last look is that after
    ``max_launches``, or after as many as the budget has time for.

    Args:
        gates: What `run_selftest` returned.
        error: Of each case.
        budget_seconds: Time budget of a gate.
    """
    import numpy as np
    from scipy.stats import norm, t

    spread: dict[str, list[float]] = {}
    settings: dict[str, tuple[int, float]] = {}
    for gate in gates:
        for case in gate["cases"]:
            logs = _launch_logs(case)
            if len(logs) > 1:
                spread.setdefault(case["name"], []).append(float(np.var(logs, ddof=1)))
                settings[case["name"]] = case["case"]["max_launches"], case["case"]["margin"]
    found = {}
    affordable = int(budget_seconds / _launch_seconds(gates))
    for name, variances in spread.items():
        most, margin = settings[name]
        launches = max(2, min(most, affordable))
        test = SequentialTest(error=error, max_launches=launches)
        standard = (float(np.mean(variances)) / launches) ** 0.5
        least = float(t.isf(test.level(launches), launches - 1)) * standard
        change = max(least, margin) + float(norm.isf(1 - _POWER)) * standard
        found[name] = float(np.expm1(change))
    return found


def _launch_seconds(gates: Sequence[Mapping[str, Any]]) -> float:
    """Return the median time that a gate takes for a launch of all of its cases."""
    from statistics import median

    found: list[float] = []
    for gate in gates:
        counts = [case["finding"]["count"] for case in gate["cases"] if case["finding"]]
        found.append(gate["seconds"] / max([1, *counts]))
    return max(median(found), 1e-9)


def _launch_logs(case: Mapping[str, Any]) -> list[float]:
    """Return the logarithm of head over base of each launch of a recorded case."""
    import numpy as np

    return [
        float(np.mean(np.log(head)) - np.mean(np.log(base)))
        for base, head in zip(case["base_samples"], case["head_samples"], strict=True)
    ]
