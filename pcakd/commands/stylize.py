"""``pcakd stylize``: give photographs the style of another one."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from pcakd.coarse_to_fine import NUM_STEPS, measure_style
from pcakd.commands.options import add_device, resolve_device
from pcakd.commands.parser import add_example
from pcakd.errors import ConfigError, ImageError, OutputError, ShapeError
from pcakd.filters import guided_filter
from pcakd.images import image_format, list_images, load_image, save_image
from pcakd.linalg import Statistics
from pcakd.pipeline import stylize
from pcakd.students import Student, load_student
from pcakd.transforms import TRANSFORMS
from pcakd.utils.extras import require_extra
from pcakd.utils.files import make_folder, require_parent
from pcakd.utils.out_of_memory import is_out_of_memory
from pcakd.utils.precision import full_precision

DEFAULT_STUDENT = "vgg16"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument("content", type=Path, metavar="CONTENT", help="photograph, or a folder")
    parser.add_argument("style", type=Path, metavar="STYLE", help="photograph to take style from")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="image file; a folder where CONTENT is one",
    )
    parser.add_argument(
        "--student",
        default=DEFAULT_STUDENT,
        metavar="NAME|FILE",
        help=f"a shipped student or a .safetensors file (default: {DEFAULT_STUDENT})",
    )
    parser.add_argument(
        "--transform", choices=TRANSFORMS, default="zca", help="feature transform (default: zca)"
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="S",
        help="0 only decodes the content, 1 takes the whole style (default: 1)",
    )
    parser.add_argument(
        "--guided-filter",
        action="store_true",
        help="smooth along the content's edges at the end, against halos",
    )
    add_device(parser, seeds="nothing: a stylization has no chance in it")
    add_example(
        parser,
        "pcakd stylize day.jpg dusk.jpg -o day-at-dusk.jpg",
        "pcakd stylize holiday/ dusk.jpg -o out/ --student mobilenet_v1 --strength 0.7",
    )


def run(args: argparse.Namespace) -> int:
    """Stylize each photograph; a bad one in a folder does not stop the others."""
    if not 0.0 <= args.strength <= 1.0:
        raise ConfigError(f"--strength must lie in [0, 1], got {args.strength}")
    if args.guided_filter:
        require_extra("filter", "cv2.ximgproc", "--guided-filter")
    pairs = list(_jobs(args.content, args.style, args.output))
    device = resolve_device(args.device)
    student = load_student(args.student, device=device)
    with full_precision():
        return _stylize_all(args, student, pairs)


def _stylize_all(
    args: argparse.Namespace, student: Student, pairs: Sequence[tuple[Path, Path]]
) -> int:
    style = _style(student, args.style)
    if not args.content.is_dir():
        with tqdm(total=NUM_STEPS, unit="stage", leave=False, disable=None) as bar:
            _stylize_file(args, student, style, *pairs[0], on_stage=bar.update)
        return 0
    make_folder(args.output)
    failures = 0
    for source, target in tqdm(pairs, unit="image", disable=None):
        try:
            _stylize_file(args, student, style, source, target)
        except (ImageError, ShapeError) as error:
            failures += 1
            tqdm.write(f"pcakd stylize: skipped {source}: {error}", file=sys.stderr)
    if failures:
        raise ImageError(
            f"{failures} of {len(pairs)} images could not be stylized, the rest is done"
        )
    return 0


def _jobs(content: Path, style: Path, output: Path) -> Iterator[tuple[Path, Path]]:
    if not content.is_dir():
        require_parent(output)
        image_format(output)  # an unknown suffix is told before the work, not after
        for source in (content, style):
            if output.exists() and source.exists() and output.samefile(source):
                raise OutputError(f"{output} is the photograph itself; name another file")
        yield content, output
        return
    paths = list_images(content)
    if output.resolve() == content.resolve():
        raise OutputError(f"{output} is the folder of the photographs themselves; name another")
    for path in paths:
        yield path, output / path.name


def _stylize_file(
    args: argparse.Namespace,
    student: Student,
    style: Sequence[Statistics],
    source: Path,
    target: Path,
    *,
    on_stage: Callable[[], object] = lambda: None,
) -> None:
    content = load_image(source)
    with _enough_memory(source):
        result = stylize(
            student,
            content.to(style[0].mean.device),
            style,
            transform=args.transform,
            strength=args.strength,
            on_step=on_stage,
        ).cpu()
        if args.guided_filter:
            result = guided_filter(result, content)
    save_image(target, result)


def _style(student: Student, path: Path) -> list[Statistics]:
    image = load_image(path)
    with _enough_memory(path):
        return measure_style(student, image.to(next(student.parameters()).device))


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
