"""``pcakd plan``: the ranks that keep the most variance under budgets."""

import argparse
import json
import shlex
from typing import Any

from tabulate import tabulate

from pcakd.analysis.run import SPECTRA
from pcakd.commands.options import read_numbers
from pcakd.commands.parser import add_example, path_argument
from pcakd.costs import count_student, peak_bytes
from pcakd.errors import ConfigError
from pcakd.planning import Budget, parse_budget, plan_ranks
from pcakd.planning.analysis import PlanInputs, read_plan_inputs
from pcakd.planning.plan import EQUAL, Ranks, rule_ranks
from pcakd.students import find_block_type
from pcakd.utils.factories import PREFIX
from pcakd.utils.files import require_output, write_text
from pcakd.utils.resolutions import parse_resolution

_NS_PER_MS = 1e6
_MIB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "analysis", type=path_argument, metavar="DIR", help="output folder of `pcakd analyze`"
    )
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="COST",
        help="the most that a student may cost; repeat it for several budgets: latency=200ms@FHD, "
        "macs=3000/px (multiply-adds for each pixel of the content), params=40k, memory=1GiB@8K. "
        "Latencies are those of the machine of the analysis",
    )
    parser.add_argument(
        "--mcev",
        type=float,
        metavar="SHARE",
        help="instead of budgets: the smallest ranks whose mcev reaches SHARE at each tap",
    )
    parser.add_argument(
        "--weights",
        metavar="A,B,C,D",
        help="weights of the taps in the objective, the sum of their mcev (default: 1,1,1,1)",
    )
    parser.add_argument(
        "--json", type=path_argument, metavar="FILE", help="file for the plan as JSON"
    )
    add_example(
        parser,
        "pcakd plan analysis/mobilenet_v1 --budget latency=200ms@FHD --budget memory=1GiB@8K",
        "pcakd plan analysis/mobilenet_v1 --mcev 0.85",
    )


def run(args: argparse.Namespace) -> int:
    """Print the ranks, what they hold and cost, and the command that distils them."""
    if bool(args.budget) == (args.mcev is not None):
        raise ConfigError("give --budget, once or more, or --mcev")
    if args.mcev is not None and not 0.0 < args.mcev <= 1.0:
        raise ConfigError(f"--mcev must lie in (0, 1], got {args.mcev}")
    if args.json is not None:
        require_output(args.json, ".json")
    budgets = [parse_budget(text) for text in args.budget]
    weights = EQUAL if args.weights is None else read_numbers("--weights", args.weights, float, 4)
    inputs = read_plan_inputs(args.analysis)
    rows = _plan(inputs, budgets, weights, args.mcev)
    _print(inputs, rows, budgets)
    if len(rows) > 1:
        print(f"\n{_compare(inputs, rows, weights)}")
    # a module of the current folder is found by `python -m` alone
    program = ["python", "-m", "pcakd"] if inputs.backbone.startswith(PREFIX) else ["pcakd"]
    command = [*program, "distill", "--backbone", inputs.backbone]
    if inputs.weights is not None:
        command += ["--weights", inputs.weights]
    if inputs.seed:
        command += ["--seed", str(inputs.seed)]
    command += ["--bases", str(args.analysis / SPECTRA)]
    command += ["--ranks", ",".join(map(str, next(iter(rows.values()))))]
    if (blocks := find_block_type(inputs.spec)) is not None:
        command += ["--architecture", blocks]
    command += ["--data", "photos/", "-o", "runs/student"]
    print(f"\n{shlex.join(command)}")
    if args.json is not None:
        described = {name: _describe(inputs, ranks, budgets) for name, ranks in rows.items()}
        content = {"backbone": inputs.backbone, "budgets": args.budget, "plans": described}
        write_text(args.json, json.dumps(content, indent=2) + "\n")
    return 0


def _plan(
    inputs: PlanInputs,
    budgets: list[Budget],
    weights: tuple[float, ...],
    mcev: float | None,
) -> dict[str, Ranks]:
    """Return ranks by name, those to use first."""
    if mcev is not None:
        return {f"mcev {mcev:g}": rule_ranks(inputs.mcev_curves, mcev)}
    plan = plan_ranks(
        inputs.mcev_curves,
        inputs.tables,
        budgets,
        weights=weights,
        model=inputs.model,
        threads=inputs.threads,
    )
    rule = {} if plan.rule_ranks is None else {"equal mcev": plan.rule_ranks}
    return {"plan": plan.ranks, **rule}


def _compare(inputs: PlanInputs, rows: dict[str, Ranks], weights: tuple[float, ...]) -> str:
    """Say how much more the plan holds than the rule within the same budgets."""
    plan, rule = (
        sum(
            weight * float(curve[rank - 1])
            for weight, curve, rank in zip(weights, inputs.mcev_curves, ranks, strict=True)
        )
        for ranks in rows.values()
    )
    weighted = "" if tuple(weights) == EQUAL else "weighted "
    return (
        f"objective: the {weighted}sum of mcev over the taps; the plan holds {plan - rule:.3f} "
        "more than the largest equal mcev within the same budgets"
    )


def _print(inputs: PlanInputs, rows: dict[str, Ranks], budgets: list[Budget]) -> None:
    cells = []
    for name, ranks in rows.items():
        found = _describe(inputs, ranks, budgets)
        shown = [name, ",".join(map(str, ranks)), *(f"{share:.3f}" for share in found["mcev"])]
        shown += [f"{sum(found['mcev']):.3f}", f"{found['num_params']:,}", f"{found['macs']:,.0f}"]
        shown += [f"{value / _NS_PER_MS:,.1f}" for value in found["latency_ns"].values()]
        shown += [f"{value / _MIB:,.0f}" for value in found["peak_bytes"].values()]
        cells.append(shown)
    first = _describe(inputs, next(iter(rows.values())), budgets)
    columns = ["", "ranks", *(f"mcev {tap}" for tap in (1, 2, 3, 4)), "sum", "params", "MACs/px"]
    columns += [f"ms at {size}" for size in first["latency_ns"]]
    columns += [f"MiB at {size}" for size in first["peak_bytes"]]
    aligned = ["left", "left", *["right"] * (len(columns) - 2)]
    print(tabulate(cells, columns, colalign=aligned, disable_numparse=True))


def _describe(inputs: PlanInputs, ranks: Ranks, budgets: list[Budget]) -> dict[str, Any]:
    """Return what ranks hold and cost, at the sizes of the budgets, as JSON values."""
    counts, spec = count_student(inputs.at(ranks)), inputs.at(ranks)
    sizes = {
        q: dict.fromkeys(b.resolution.name for b in budgets if b.resolution and b.quantity == q)
        for q in ("latency", "memory")
    }
    latency = (
        {}
        if inputs.model is None
        else {
            name: inputs.model.predict_ns(counts, parse_resolution(name).pixels)
            for name in sizes["latency"]
        }
    )
    return {
        "ranks": list(ranks),
        "mcev": [
            float(curve[rank - 1]) for curve, rank in zip(inputs.mcev_curves, ranks, strict=True)
        ],
        "num_params": counts.num_params,
        "macs": float(counts.macs),
        "latency_ns": latency,
        "peak_bytes": {
            name: peak_bytes(spec, parse_resolution(name).pixels, threads=inputs.threads)
            for name in sizes["memory"]
        },
    }
