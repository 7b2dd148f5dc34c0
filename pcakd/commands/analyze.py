"""``pcakd analyze``: spectra, stability and costs of a teacher's students, before any training."""

import argparse

from tabulate import tabulate

from pcakd.analysis.run import SPECTRA, AnalysisConfig, analyze
from pcakd.analysis.tables import ranks_table
from pcakd.commands.options import add_architecture, add_device, add_teacher, announce_teacher
from pcakd.commands.parser import add_example, path_argument
from pcakd.eigenbases.sources import DEFAULT_CROP
from pcakd.errors import ConfigError
from pcakd.utils.devices import resolve_device
from pcakd.utils.resolutions import list_resolutions, parse_resolution


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add_teacher(parser)
    parser.add_argument(
        "--data", required=True, type=path_argument, metavar="DIR", help="folder of photographs"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="DIR",
        help=f"folder for {SPECTRA}, analysis.json, README.md, tables and plots; the same command "
        "continues what a killed one has begun",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=500,
        metavar="N",
        help="number of photographs to use, evenly spaced by name (default: 500)",
    )
    parser.add_argument(
        "--crop",
        type=int,
        default=DEFAULT_CROP,
        metavar="PX",
        help=f"side of the central square of each (default: {DEFAULT_CROP})",
    )
    names = ",".join(each.name for each in list_resolutions())
    timing = parser.add_mutually_exclusive_group()
    timing.add_argument(
        "--resolutions",
        default=names,
        metavar="R,…",
        help=f"sizes at which seeded students are timed, for the latency model (default: {names})",
    )
    timing.add_argument(
        "--no-latency", action="store_true", help="time nothing: no latency model of this machine"
    )
    add_architecture(parser)
    add_device(parser, seeds="random weights and of all samples")
    add_example(
        parser,
        "pcakd analyze --backbone mobilenet_v1 --data photos/ -o analysis/mobilenet_v1",
        "pcakd analyze --backbone timm/tf_efficientnet_lite0 --data photos/ -o lite0 --no-latency",
        "pcakd distill --backbone mobilenet_v1 --data photos/ -o runs/m "
        "--bases analysis/mobilenet_v1/spectra.safetensors --mcev 0.8",
    )


def run(args: argparse.Namespace) -> int:
    """Analyse, and print what the ranks of interest hold of each tap."""
    announce_teacher(args.backbone)
    analysis = analyze(
        AnalysisConfig(
            backbone=args.backbone,
            weights=args.weights,
            data=args.data,
            output=args.output,
            images=args.images,
            crop=args.crop,
            resolutions=() if args.no_latency else _resolutions(args.resolutions),
            device=resolve_device(args.device),
            seed=args.seed,
            architecture=args.architecture,
        )
    )
    table = ranks_table(analysis)
    print(tabulate(table.cells, table.columns, disable_numparse=True))
    print(f"analysis: {args.output / 'README.md'}")
    return 0


def _resolutions(text: str) -> tuple[str, ...]:
    """Read names or sizes, separated by commas.

    Raises:
        ConfigError: One is given twice.
        UnknownNameError: One is unknown.
    """
    names = tuple(parse_resolution(name.strip()).name for name in text.split(","))
    if len(set(names)) < len(names):
        raise ConfigError(f"--resolutions names a size twice: {text}")
    return names
