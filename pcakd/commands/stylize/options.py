"""The options of ``pcakd stylize``."""

import argparse

from pcakd.commands.parser import DEFAULT_STUDENT, add_example, path_argument, text_argument
from pcakd.transforms import TRANSFORMS
from pcakd.utils.devices import describe_devices
from pcakd.utils.precision import PRECISIONS


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
        "away: SSIM and LPIPS get better, but the Gram distance from the style gets worse, and "
        "colours are paler. Needs OpenCV (the extra 'filter')",
    )


def _add_computing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("computing")
    group.add_argument("--device", default="auto", metavar="DEVICE", help=describe_devices())
    group.add_argument(
        "--precision",
        choices=tuple(PRECISIONS),
        default="fp32",
        help="number format of the network; fp16 and bf16 take half the memory and are meant for "
        "GPUs (default: fp32)",
    )
    group.add_argument("--seed", help=argparse.SUPPRESS)  # of older versions
