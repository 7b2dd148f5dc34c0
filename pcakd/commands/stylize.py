"""``pcakd stylize``: give photographs the style of another one."""

import argparse
import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch
from tqdm import tqdm

from pcakd.coarse_to_fine import NUM_STEPS
from pcakd.commands.parser import add_example, path_argument, text_argument
from pcakd.commands.stylize_plan import Job, Plan, make_plan
from pcakd.errors import ConfigError, ImageError, PcakdError
from pcakd.filters import guided_filter
from pcakd.images import load_image, load_image_with_exif, save_image
from pcakd.pipeline import stylize
from pcakd.students import Student, load_student
from pcakd.style import Style, extract_style, load_style
from pcakd.transforms import TRANSFORMS
from pcakd.utils.devices import describe_devices, resolve_device
from pcakd.utils.extras import require_extra
from pcakd.utils.files import make_folder
from pcakd.utils.out_of_memory import is_out_of_memory
from pcakd.utils.precision import full_precision

DEFAULT_STUDENT: Final = "vgg16"
_PRECISIONS: Final = MappingProxyType(
    {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
)
_SHOWN_NAMES: Final = 5
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """What is the same for all photographs of a call."""

    args: argparse.Namespace
    student: Student
    style: Style
    device: torch.device
    dtype: torch.dtype


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    _add_inputs(parser)
    _add_outputs(parser)
    _add_style_options(parser)
    _add_computing(parser)
    add_example(
        parser,
        "pcakd stylize day.jpg dusk.jpg -o day-at-dusk.jpg",
        "pcakd stylize holiday/*.jpg dusk.jpg -o out/ --strength 0.7",
        "pcakd stylize holiday/ dusk.jpg -o out/ --recursive --skip-existing --format jpg",
        "pcakd stylize holiday/ --style dusk.safetensors -o out/ --student mobilenet_v1",
    )


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "pcakd stylize CONTENT... STYLE -o OUT [options]\n"
        "       pcakd stylize CONTENT... --style FILE -o OUT [options]"
    )
    group = parser.add_argument_group("input")
    group.add_argument(
        "inputs",
        nargs="+",
        type=path_argument,
        metavar="CONTENT... STYLE",
        help="photographs and folders of photographs to stylize; the last name is the style, a "
        "photograph or a style file, unless --style is given",
    )
    group.add_argument(
        "--style",
        type=path_argument,
        metavar="FILE",
        help="take the style from this photograph, or from a .safetensors file of 'pcakd style "
        "extract'; all other names are then contents",
    )
    group.add_argument(
        "--recursive",
        action="store_true",
        help="also search the folders inside the folders; OUT gets the same structure",
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        required=True,
        type=text_argument,
        metavar="OUT",
        help="image file (.png .jpg .webp .tif .bmp) for one photograph; a folder for several, or "
        "if OUT ends in a slash or is a folder already",
    )
    group.add_argument(
        "--format",
        choices=("jpg", "png", "webp", "tif"),
        help="format of the results in a folder (default: that of each photograph; GIF becomes "
        "png, AVIF and JPEG 2000 become jpg)",
    )
    group.add_argument(
        "--quality",
        type=int,
        default=95,
        metavar="N",
        help="quality of JPEG and WebP files, 1 to 100 (default: 95)",
    )
    group.add_argument(
        "--skip-existing", action="store_true", help="do not make results again that exist"
    )
    group.add_argument(
        "--strip",
        action="store_true",
        help="write no EXIF data and no colour profile (default: date, camera and position are "
        "kept, and an sRGB profile is embedded)",
    )
    group.add_argument(
        "--quiet", action="store_true", help="print only problems, no progress and no 'wrote' lines"
    )


def _add_style_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("stylization")
    group.add_argument(
        "--student",
        default=DEFAULT_STUDENT,
        type=text_argument,
        metavar="NAME|FILE",
        help="network to use: a shipped student ('pcakd list' shows them) or a .safetensors file "
        f"(default: {DEFAULT_STUDENT})",
    )
    group.add_argument(
        "--transform",
        choices=TRANSFORMS,
        default="zca",
        help="how features get the style's statistics (default: zca)",
    )
    group.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="S",
        help="0 keeps the content's style, 1 takes the whole new style (default: 1)",
    )
    group.add_argument(
        "--guided-filter",
        action="store_true",
        help="smooth the result along the content's edges: removes the glow that a strong change "
        "of contrast leaves around dark outlines. Off by default, because it also takes style "
        "away: over 35 pairs SSIM with the content rises by 0.015 (better), but the Gram distance "
        "from the style by 7 to 11 %% (worse), and colours are paler. Needs OpenCV: pip install "
        "'pca-kd-bench[filter]'",
    )


def _add_computing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("computing")
    group.add_argument("--device", default="auto", metavar="DEVICE", help=describe_devices())
    group.add_argument(
        "--precision",
        choices=tuple(_PRECISIONS),
        default="fp32",
        help="number format of the network; fp16 and bf16 take half the memory and are meant for "
        "GPUs (default: fp32)",
    )
    group.add_argument("--seed", help=argparse.SUPPRESS)  # of older versions


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
        return 0
    device, dtype = resolve_device(args.device, probe=True), _PRECISIONS[args.precision]
    student = load_student(args.student, device=device).to(dtype)
    with full_precision():
        settings = _Settings(
            args=args,
            student=student,
            style=_read_style(student, style, device, dtype),
            device=device,
            dtype=dtype,
        )
        return _stylize_all(settings, plan)


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
        _say(
            f"pcakd stylize: left out {_count(len(plan.unread), 'file')} of other formats: {names}"
            + (f" and {more} more" if more > 0 else "")
        )
    for problem in plan.problems:
        _say(f"pcakd stylize: skipped {problem}")
    if plan.existing and not quiet:
        _say(f"skipped {_count(len(plan.existing), 'result')} that exist already")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _stylize_all(settings: _Settings, plan: Plan) -> int:
    quiet = settings.args.quiet
    if plan.into_folder:
        make_folder(plan.output)
    if plan.single:
        with tqdm(total=NUM_STEPS, leave=False, disable=quiet or None) as bar:
            _stylize_file(settings, plan.jobs[0], on_step=bar.update)
        return 0
    failures = len(plan.problems)
    for job in tqdm(plan.jobs, unit="image", disable=quiet or None):
        try:
            make_folder(job.target.parent)
            _stylize_file(settings, job)
        except PcakdError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_SPACE:
                raise  # the others would fail too
            failures += 1
            _say(f"pcakd stylize: skipped {job.source}: {error}")
    if failures:
        total = len(plan.jobs) + len(plan.problems)
        raise ImageError(f"{failures} of {total} images could not be stylized, the rest is done")
    return 0


def _stylize_file(
    settings: _Settings, job: Job, *, on_step: Callable[[], object] = lambda: None
) -> None:
    args, start = settings.args, time.perf_counter()
    content, exif = load_image_with_exif(job.source)
    with _enough_memory(job.source):
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
        _say(f"wrote {job.target} ({width}×{height}, {seconds:.1f} s)")


def _read_style(student: Student, path: Path, device: torch.device, dtype: torch.dtype) -> Style:
    if path.suffix == ".safetensors":
        style = load_style(path, device=device)
        try:
            style.statistics_for(student)
        except ConfigError as error:  # another student made the style
            raise ConfigError(f"{path}: {error}") from error
        return style
    image = load_image(path)
    with _enough_memory(path):
        return extract_style(student, [image.to(device, dtype)])


@contextmanager
def _enough_memory(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise ImageError(
            f"{path} is too large for the memory of this device; use a smaller image or another "
            "--device"
        ) from error
