"""Stylizing the photographs of a plan, one after the other."""

import argparse
import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from tqdm import tqdm

from pcakd.coarse_to_fine import NUM_STEPS
from pcakd.commands.stylize.plan import Job, Plan
from pcakd.errors import ImageError, PcakdError
from pcakd.filters import guided_filter
from pcakd.images import load_image_with_exif, save_image
from pcakd.pipeline import stylize
from pcakd.students import Student
from pcakd.styles import Style
from pcakd.utils.files import make_folder
from pcakd.utils.out_of_memory import is_out_of_memory

_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """What is the same for all photographs of a call."""

    args: argparse.Namespace
    student: Student
    style: Style
    device: torch.device
    dtype: torch.dtype


def say(line: str) -> None:
    """Write a line to standard error, above a progress bar."""
    tqdm.write(line, file=sys.stderr)


def stylize_all(settings: BatchSettings, plan: Plan) -> int:
    """Do what a plan says; a bad photograph among several does not stop the others.

    Returns:
        The exit status, 0.

    Raises:
        PcakdError: A photograph could not be stylized.
    """
    with _output_folder(plan):
        if plan.single:
            with tqdm(total=NUM_STEPS, leave=False, disable=settings.args.quiet or None) as bar:
                _stylize_file(settings, plan.jobs[0], on_step=bar.update)
            return 0
        return _stylize_each(settings, plan)


@contextmanager
def _output_folder(plan: Plan) -> Iterator[None]:
    """Make the folder of the results, and remove it if nothing was written into it."""
    is_new = plan.into_folder and not plan.output.exists()
    if plan.into_folder:
        make_folder(plan.output)
    try:
        yield
    finally:
        if is_new:
            with suppress(OSError):  # it is not empty
                plan.output.rmdir()


def _stylize_each(settings: BatchSettings, plan: Plan) -> int:
    failures = len(plan.problems)
    for job in tqdm(plan.jobs, unit="image", disable=settings.args.quiet or None):
        try:
            _stylize_file(settings, job)
        except PcakdError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_SPACE:
                raise  # the others would fail too
            failures += 1
            reason = str(error).removeprefix(f"{job.source} ")
            say(f"pcakd stylize: skipped {job.source}: {reason}")
    total = len(plan.jobs) + len(plan.problems)
    if failures == total:
        raise ImageError(f"none of {total} images could be stylized")
    if failures:
        raise ImageError(f"{failures} of {total} images could not be stylized, the rest is done")
    return 0


def _stylize_file(
    settings: BatchSettings, job: Job, *, on_step: Callable[[], object] = lambda: None
) -> None:
    args, start = settings.args, time.perf_counter()
    content, exif = load_image_with_exif(job.source)
    with enough_memory(job.source):
        result = stylize(
            settings.student,
            content.to(settings.device, settings.dtype),
            settings.style,
            transform=args.transform,
            strength=args.strength,
            on_step=on_step,
        ).cpu()
        if args.guided_filter:
            result = guided_filter(result.float(), content)
    make_folder(job.target.parent)
    save_image(
        job.target,
        result,
        quality=args.quality,
        exif=None if args.strip else exif,
        icc=not args.strip,
    )
    if not args.quiet:
        height, width = content.shape[-2:]
        seconds = time.perf_counter() - start
        say(f"wrote {job.target} ({width}×{height}, {seconds:.1f} s)")


@contextmanager
def enough_memory(path: Path) -> Iterator[None]:
    """Turn an out-of-memory error into one line that names the image.

    Raises:
        ImageError: In place of the out-of-memory error.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise ImageError(
            f"{path} is too large for the memory of this device; use a smaller image or another "
            "--device"
        ) from error
