"""From the options of ``pcakd stylize`` to its results."""

import argparse
import sys
from pathlib import Path
from typing import Final

import torch

from pcakd.commands.stylize.batch import BatchSettings, enough_memory, say, stylize_all
from pcakd.commands.stylize.plan import Plan, make_plan
from pcakd.errors import ConfigError
from pcakd.images import load_image
from pcakd.students import Student, load_student
from pcakd.styles import Style, extract_style, load_style
from pcakd.utils.devices import resolve_device
from pcakd.utils.extras import require_extra
from pcakd.utils.precision import PRECISIONS, full_precision

_SHOWN_NAMES: Final = 5


def run(args: argparse.Namespace) -> int:
    """Stylize each photograph; a bad one among several does not stop the others."""
    _check_options(args)
    *contents, style = [*args.inputs, args.style] if args.style else args.inputs
    if not contents:
        raise ConfigError(
            f"{style} is the only photograph; name a style after it, or give --style FILE"
        )
    plan = make_plan(
        contents,
        args.output,
        recursive=args.recursive,
        suffix=f".{args.format}" if args.format else None,
        skip_existing=args.skip_existing,
        other_inputs=[style, Path(args.student)],
    )
    _report(plan, quiet=args.quiet)
    if not plan.jobs:
        return 2 if plan.problems else 0
    device, dtype = resolve_device(args.device, probe=True), PRECISIONS[args.precision]
    student = load_student(args.student, device=device).to(dtype)
    with full_precision():
        settings = BatchSettings(
            args=args,
            student=student,
            style=_read_style(student, style, device, dtype),
            device=device,
            dtype=dtype,
        )
        return stylize_all(settings, plan)


def _check_options(args: argparse.Namespace) -> None:
    if not 0.0 <= args.strength <= 1.0:
        raise ConfigError(f"--strength must lie in [0, 1], got {args.strength}")
    if not 1 <= args.quality <= 100:
        raise ConfigError(f"--quality must lie in 1 to 100, got {args.quality}")
    if args.guided_filter:
        require_extra("filter", "cv2.ximgproc", "--guided-filter")
    if args.seed is not None:
        sys.stderr.write("warning: --seed has no effect on stylize and will be removed\n")


def _report(plan: Plan, *, quiet: bool) -> None:
    """Name the files that are left out."""
    if plan.unread:
        names = ", ".join(path.name for path in plan.unread[:_SHOWN_NAMES])
        more = len(plan.unread) - _SHOWN_NAMES
        say(
            f"pcakd stylize: left out {_count(len(plan.unread), 'file')} of other formats: {names}"
            + (f" and {more} more" if more > 0 else "")
        )
    for problem in plan.problems:
        say(f"pcakd stylize: skipped {problem}")
    if plan.existing and not quiet:
        say(f"skipped {_count(len(plan.existing), 'existing result')}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _read_style(student: Student, path: Path, device: torch.device, dtype: torch.dtype) -> Style:
    if path.suffix == ".safetensors":
        style = load_style(path, device=device)
        try:
            style.statistics_for(student)
        except ConfigError as error:  # another student made the style
            raise ConfigError(f"{path}: {error}") from error
        return style
    image = load_image(path)
    with enough_memory(path):
        return extract_style(student, [image.to(device, dtype)])
