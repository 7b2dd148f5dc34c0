"""What the gates of a self-test show: false alarms, power, the smallest change. No torch."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.analysis.stats import MeanInterval, mean_interval
from bench.gate.verdicts import LOOKS, SequentialTest, launch_sample
from bench.records.validation import describe_error
from pcakd.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

FILE_NAME = "gates.jsonl"

_POWER = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of gates with its 95 % interval (Clopper and Pearson's).

    Attributes:
        count: Gates that it counts.
        num_gates: All gates.
        low: Lower end of the interval.
        high: Its upper end.
    """

    count: int
    num_gates: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How the gates with one planted slow-down ended.

    Attributes:
        slow_down: The planted share; 0 is no change.
        failed: Gates that found a regression.
        num_inconclusive: Gates without a decision.
        change: What they measured, the logarithm of head over base: mean over gates and cases.
        launches: Mean number of launches of a case.
        seconds: Median time of a gate.
    """

    slow_down: float
    failed: Share
    num_inconclusive: int
    change: MeanInterval
    launches: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """How many gates had found a planted slow-down after some launches.

    Attributes:
        slow_down: The planted share; 0 is no change.
        launches: Launches of a case.
        found: Gates that had called a case worse by then.
    """

    slow_down: float
    launches: int
    found: Share


def read_gates(folder: Path) -> list[dict[str, Any]]:
    """Read the gates of a folder; none if it has no file.

    Raises:
        ConfigError: The file cannot be read, or a line is damaged.
    """
    from pydantic import ValidationError

    path = folder / FILE_NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    gates = []
    for number, line in enumerate(lines, start=1):
        model = _gate_model()
        try:
            gates.append(json.loads(line))
            model.model_validate(gates[-1])
        except ValidationError as error:
            reason = describe_error(error, model)
            raise ConfigError(f"{path} line {number} is damaged: {reason}; remove it") from error
        except ValueError as error:
            raise ConfigError(f"{path} line {number} is damaged: {error}; remove it") from error
    return gates


def summarize_gates(gates: Sequence[Mapping[str, Any]]) -> Iterator[Rate]:
    """Yield the rates of each planted slow-down, the smallest first."""
    from statistics import fmean, median

    for slow_down, own in _by_slow_down(gates).items():
        findings = [[each["finding"] for each in gate["cases"] if each["finding"]] for gate in own]
        counts = [each["count"] for found in findings for each in found]
        changes = [fmean(each["estimate"] for each in found) for found in findings if found]
        yield Rate(
            slow_down=slow_down,
            failed=_share(sum(each["exit_status"] == 1 for each in own), len(own)),
            num_inconclusive=sum(each["exit_status"] == 3 for each in own),
            change=mean_interval(changes),
            launches=fmean(counts) if counts else 0.0,
            seconds=median(each["seconds"] for each in own),
        )


def find_power(gates: Sequence[Mapping[str, Any]]) -> Iterator[Power]:
    """Yield the power of each planted slow-down after each number of launches at which gates judge.

    A gate that ended without finding it, because it decided otherwise or its budget was over, does
    not find it after more launches either.
    """
    most = max((_launches(each) for each in gates), default=0)
    looks = [each for each in LOOKS if each < most] + [most] * (most > 0)
    for slow_down, own in _by_slow_down(gates).items():
        for launches in looks:
            found = sum(any(_finds(case, launches) for case in each["cases"]) for each in own)
            yield Power(slow_down=slow_down, launches=launches, found=_share(found, len(own)))


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

    found = [float(gate["seconds"]) / max(1, _launches(gate)) for gate in gates]
    return max(median(found), 1e-9)


def _launch_logs(case: Mapping[str, Any]) -> list[float]:
    """Return the logarithm of head over base of each launch of a recorded case."""
    launches = zip(case["base_samples"], case["head_samples"], strict=True)
    return [launch_sample(base, head) for base, head in launches]


def _by_slow_down(gates: Sequence[Mapping[str, Any]]) -> dict[float, list[Mapping[str, Any]]]:
    """Return the gates of each planted slow-down, the smallest first."""
    return {
        slow_down: [each for each in gates if each["slow_down"] == slow_down]
        for slow_down in sorted({each["slow_down"] for each in gates})
    }


def _launches(gate: Mapping[str, Any]) -> int:
    return max((case["finding"]["count"] for case in gate["cases"] if case["finding"]), default=0)


def _finds(case: Mapping[str, Any], launches: int) -> bool:
    finding = case["finding"]
    return bool(finding) and case["verdict"] == "worse" and finding["count"] <= launches


def _share(count: int, num_gates: int) -> Share:
    from scipy.stats import binomtest

    interval = binomtest(count, num_gates).proportion_ci(0.95)
    return Share(
        count=count, num_gates=num_gates, low=float(interval.low), high=float(interval.high)
    )


@cache
def _gate_model() -> "type[BaseModel]":
    """Return the reader of what is computed with; a gate has further keys, which are only kept."""
    from typing import Annotated

    from pydantic import ConfigDict, Field, create_model

    def model(title: str, /, **fields: Any) -> "type[BaseModel]":
        required = {key: (kind, ...) for key, kind in fields.items()}
        settings = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)
        created: type[BaseModel] = create_model(title, __config__=settings, **required)  # type: ignore[call-overload]
        return created

    count = Annotated[int, Field(ge=1)]
    positive = Annotated[float, Field(gt=0)]
    finding = model("Finding", count=count, estimate=float)
    calls = list[list[count]]
    settings = model("CaseSettings", max_launches=count, margin=positive)
    case = model(
        "Case", name=str, verdict=str, finding=finding | None, case=settings, base_samples=calls,
        head_samples=calls,
    )  # fmt: skip
    config = model("Config", error=positive, budget_seconds=positive, max_launches=count)
    environment = model("Environment", cpu=str, torch=str, threads=count)
    return model(
        "Gate", slow_down=float, number=int, commit=str | None, neighbours=int, seconds=float,
        exit_status=int, config=config, environment=environment, cases=list[case],  # type: ignore[valid-type]
    )  # fmt: skip
