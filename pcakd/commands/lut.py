"""``pcakd lut``: a look-up table of colours that does what a student did to photographs."""

import argparse

import torch
from tqdm import tqdm

from pcakd.commands.options import add_seed
from pcakd.commands.parser import DEFAULT_STUDENT, add_example, path_argument
from pcakd.errors import ConfigError
from pcakd.images import load_image
from pcakd.luts import DEFAULT_SIZE, ColourSamples, fit_lut, write_cube
from pcakd.luts.fitting import DEFAULT_SMOOTHNESS
from pcakd.pipeline import stylize
from pcakd.students import load_student
from pcakd.styles import extract_style
from pcakd.transforms import TRANSFORMS
from pcakd.utils.devices import describe_devices, resolve_device
from pcakd.utils.extras import check_extra
from pcakd.utils.files import require_output
from pcakd.utils.precision import full_precision

_MOST_PIXELS = 400_000  # of all photographs together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "inputs",
        nargs="+",
        type=path_argument,
        metavar="CONTENT... STYLE",
        help="photographs to stylize, and the style; one table fits all of them",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="FILE",
        help="the .cube file to write; for images with sRGB or Rec. 709 values, as files hold them",
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
        help="0 keeps the content's style, 1 takes the whole new style (default: 1)",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=DEFAULT_SIZE,
        metavar="N",
        help=f"points a side of the table (default: {DEFAULT_SIZE})",
    )
    parser.add_argument(
        "--smoothness",
        type=float,
        default=DEFAULT_SMOOTHNESS,
        metavar="S",
        help="larger values follow the student less and band less "
        f"(default: {DEFAULT_SMOOTHNESS:g})",
    )
    parser.add_argument("--device", default="auto", help=describe_devices())
    add_seed(parser, "pixels that are drawn")
    add_example(
        parser,
        "pcakd lut frame1.png frame2.png dusk.jpg -o dusk.cube",
        "ffmpeg -i film.mp4 -vf lut3d=dusk.cube film-at-dusk.mp4",
    )


def run(args: argparse.Namespace) -> int:
    """Stylize the photographs, fit the table to what they became, and write it."""
    check_extra("analyze", "pcakd lut")
    require_output(args.output, ".cube")
    if args.output.suffix != ".cube":
        raise ConfigError(f"cannot write {args.output}: the file must end in .cube")
    *contents, style = args.inputs
    if not contents:
        raise ConfigError("give one content or more, then the style")
    student = load_student(args.student, device=resolve_device(args.device))
    weight = next(student.parameters())
    samples = ColourSamples(per_photograph=max(1, _MOST_PIXELS // len(contents)), seed=args.seed)
    with torch.inference_mode(), full_precision():
        look = extract_style(student, load_image(style).to(weight))
        for path in tqdm(contents, desc="photographs", unit="photo"):
            content = load_image(path).to(weight)
            result = stylize(
                student, content, look, transform=args.transform, strength=args.strength
            )
            samples.add(content, result)
    fit = fit_lut(samples, size=args.size, smoothness=args.smoothness)
    write_cube(args.output, fit.lut, title=f"{style.stem} by {args.student} (pcakd)")
    print(
        f"wrote {args.output}: mean error {255 * fit.error:.1f} of 255 on pixels that the fit did "
        f"not see; the student changes them by {255 * fit.change:.1f}"
    )
    return 0
