"""``pcakd style``: save the style of photographs in a file, and mix such files."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.coarse_to_fine import require_min_size
from pcakd.commands.parser import DEFAULT_STUDENT, add_example, path_argument
from pcakd.errors import ConfigError, OutputError
from pcakd.images import load_image
from pcakd.students import load_student
from pcakd.styles import Style, check_weights, extract_style, load_style, mix_styles
from pcakd.utils.devices import describe_devices, resolve_device
from pcakd.utils.files import require_safetensors
from pcakd.utils.precision import full_precision


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two commands of this command, and their options."""
    commands = parser.add_subparsers(metavar="extract|mix", required=True)
    extract = commands.add_parser("extract", help="measure the style of one or more photographs")
    _add_extract(extract)
    mix = commands.add_parser("mix", help="mix style files by weights")
    _add_mix(mix)
    examples = (
        "pcakd style extract dusk.jpg -o dusk.safetensors",
        "pcakd style extract dusk1.jpg dusk2.jpg --weights 0.7,0.3 -o dusk.safetensors",
        "pcakd style mix dusk.safetensors=0.7 snow.safetensors=0.3 -o both.safetensors",
        "pcakd stylize day.jpg --style both.safetensors -o out.png",
    )
    add_example(parser, *examples)
    add_example(extract, *examples[:2])
    add_example(mix, examples[2])


def _add_extract(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", type=path_argument, metavar="IMG", help="photographs")
    _add_output(parser)
    parser.add_argument(
        "--weights",
        metavar="W1,W2,...",
        help="mix the styles of the photographs by these weights, one for each (default: pool the "
        "pixels of all photographs)",
    )
    parser.add_argument(
        "--student",
        default=DEFAULT_STUDENT,
        metavar="NAME|FILE",
        help="the student that will use the style: a shipped one or a .safetensors file "
        f"(default: {DEFAULT_STUDENT})",
    )
    parser.add_argument("--device", default="auto", help=describe_devices())
    parser.set_defaults(run_style=_extract)


def _add_mix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "parts",
        nargs="+",
        metavar="STYLE=WEIGHT",
        help="style file and its weight; only ratios of weights count",
    )
    _add_output(parser)
    parser.set_defaults(run_style=_mix)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="FILE",
        help="the style file to write, .safetensors",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print only problems, no progress and no 'wrote' line"
    )


def run(args: argparse.Namespace) -> int:
    """Measure or mix, and write a style file.

    Raises:
        PcakdError: An input does not make sense.
    """
    require_safetensors(args.output)
    style: Style = args.run_style(args)
    style.save(args.output)
    if not args.quiet:
        sys.stderr.write(f"wrote {args.output}\n")
    return 0


def _require_other_output(output: Path, inputs: Sequence[Path]) -> None:
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise OutputError(f"{output} is one of the inputs; choose another output")


def _extract(args: argparse.Namespace) -> Style:
    _require_other_output(args.output, args.images)
    weights = None
    if args.weights is not None:
        weights = _numbers("--weights", args.weights.split(","))
        if len(weights) != len(args.images):
            raise ConfigError(
                f"--weights has {len(weights)} numbers for {len(args.images)} photographs; "
                "give one for each"
            )
        check_weights(weights, len(weights))
    device = resolve_device(args.device)
    student = load_student(args.student, device=device)
    with full_precision():
        return extract_style(student, _read(args.images, device, quiet=args.quiet), weights)


def _read(paths: Sequence[Path], device: torch.device, *, quiet: bool) -> Iterator[Tensor]:
    """Read photographs one by one, so that only one is in memory."""
    for path in tqdm(paths, unit="image", disable=quiet or None, leave=False):
        image = load_image(path)
        require_min_size(str(path), image)
        yield image.to(device)


def _mix(args: argparse.Namespace) -> Style:
    split = [part.rpartition("=") for part in args.parts]
    for part, (path, equals, weight) in zip(args.parts, split, strict=True):
        if not equals or not path or not weight:
            raise ConfigError(f"{part!r} is not STYLE=WEIGHT; an example is dusk.safetensors=0.7")
    _require_other_output(args.output, [Path(path) for path, _, _ in split])
    weights = _numbers("the weight", [weight for _, _, weight in split])
    check_weights(weights, len(weights))
    return mix_styles([load_style(path) for path, _, _ in split], weights)


def _numbers(name: str, texts: Sequence[str]) -> list[float]:
    try:
        return [float(text) for text in texts]
    except ValueError:
        raise ConfigError(f"{name} must be numbers like 0.7, got {','.join(texts)!r}") from None
