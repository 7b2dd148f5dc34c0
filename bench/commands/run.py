"""``bench run``: measure subjects, score them on image pairs, and write the report."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_config_argument, add_device_argument, split_names
from bench.plan.config import BenchmarkProfile, Override, find_config, load_profile
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError, WeightsError
from pcakd.utils.deprecation import warn_renamed
from pcakd.utils.registry import unknown_name
from pcakd.utils.resolutions import parse_resolution

if TYPE_CHECKING:
    from pcakd.weights import LoadedWeights

_RENAMED = {"pair": "ratio", "stages": "breakdown"}
"""Measurements by their names before 0.2."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example: python -m bench run --subjects mobilenet_v1,mkl --resolutions HD,FHD"
    parser.add_argument(
        "--profile", default="quick", help="benchmark profile: quick or full (default: quick)"
    )
    parser.add_argument(
        "--subjects",
        metavar="A,B",
        help="instead of the profile's: shipped students, vgg19-full, mobilenet_v1-full, peers, "
        "colour transfers, content, or files of students and peers; +fp16, +bf16 or +int8, "
        "@TRANSFORM, >lut33 and |FILTER (guided, matting, matting-fast) can follow each",
    )
    parser.add_argument(
        "--resolutions",
        metavar="A,B",
        help="instead of the profile's, and all of them measured: HD, FHD, QHD, 4K, 5K, 8K or "
        "640x480",
    )
    parser.add_argument(
        "--only",
        metavar="KIND,KIND",
        help="measure only these: cost, contention, ratio, breakdown, capacity, quality, curve "
        "(default: all); --resume adds more later",
    )
    parser.add_argument(
        "--pairs",
        type=path_argument,
        metavar="DIR",
        help="folder of image pairs, NN_content.* and NN_style.* (default: the six pairs of the "
        "package)",
    )
    parser.add_argument(
        "--out",
        type=path_argument,
        metavar="DIR",
        help="run folder (default: reports/[quick-]DEVICE)",
    )
    add_device_argument(parser)
    add_config_argument(parser)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="add to the records of the run folder and measure only what it does not have yet; "
        "without it, records.jsonl, examples and histories are renamed to records.TIME.jsonl, "
        "examples.TIME and histories.TIME, and new ones begin. Results of another commit, torch or "
        "machine are refused",
    )
    parser.add_argument(
        "--mixed",
        action="store_true",
        help="with --resume, keep results of another commit, torch or machine; the page lists how "
        "many results each made",
    )


def run(args: argparse.Namespace) -> int:
    """Run, render the report, and print the table and the path of the report.

    Raises:
        PcakdError: An option or a file cannot be used.
    """
    from bench.quality.pairs import find_pairs, shipped_pairs_folder
    from bench.quality.unseen import report_seen
    from bench.records.store import read_records
    from bench.report.render import PAGE_NAME, console_table, render_report
    from bench.run.runner import Request, run_benchmark
    from pcakd.utils.git import git_state

    if args.mixed and not args.resume:
        raise ConfigError("--mixed adds to the records of a folder; give --resume too")
    profile = choose_profile(
        load_profile(find_config(args.config), args.profile), args.subjects, args.resolutions
    )
    request = Request(
        profile=profile,
        pairs=find_pairs(args.pairs or shipped_pairs_folder()),
        only=choose_measurements(args.only),
        device=args.device,
        out=args.out,
        resume=args.resume,
        mixed=args.mixed,
        examples=args.pairs is None,  # photographs of the user stay out of reports
        commit=git_state(),
    )
    scored = any(each.needs_pairs for each in request.measurements)
    if scored:
        for line in report_seen(profile.subjects, request.pairs):
            sys.stderr.write(f"bench: {line}\n")
    with _metric_weights() if scored else nullcontext():
        folder = run_benchmark(request, finish=render_report)
    page = folder / PAGE_NAME
    sys.stdout.write(f"{console_table(read_records(folder))}\n\nreport: {page}\n")
    return 0


def choose_profile(
    profile: BenchmarkProfile, subjects: str | None, resolutions: str | None
) -> BenchmarkProfile:
    """Replace the subjects and resolutions of a profile by those of the command line.

    Named resolutions are measured, even if the profile would predict them. Speed ratios of which
    both subjects are left are kept, at the first resolution if theirs is not named.

    Raises:
        PcakdError: A list is empty or names something twice, or a resolution is unknown.
    """
    if subjects is not None:
        chosen = split_names("--subjects", subjects)
        ratios = tuple(text for text in profile.speed_ratios if set(text.split()) <= set(chosen))
        profile = replace(profile, subjects=chosen, speed_ratios=ratios)
    if resolutions is not None:
        names = split_names("--resolutions", resolutions)
        _refuse_same_sizes(names)
        kept = profile.ratio_resolution in names
        profile = replace(
            profile,
            resolutions=names,
            measured=names,
            contention_resolutions=_keep(profile.contention_resolutions, names),
            breakdown_resolutions=_keep(profile.breakdown_resolutions, names),
            overrides=tuple(_drop_sizes(each, names) for each in profile.overrides),
            ratio_resolution=profile.ratio_resolution if kept else names[0],
        )
    return profile


def _keep(resolutions: Sequence[str], named: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in resolutions if name in named)


def _drop_sizes(override: Override, named: Sequence[str]) -> Override:
    """Return an override under which all named resolutions are measured."""
    contention = override.contention_resolutions
    return replace(
        override,
        measured=None,
        contention_resolutions=None if contention is None else _keep(contention, named),
    )


def choose_measurements(text: str | None) -> tuple[str, ...]:
    """Return the names of the measurements of ``--only``, in the order of a run.

    Raises:
        PcakdError: A name is unknown or given twice, or there is none.
    """
    from bench.run.kinds import NAMES

    if text is None:
        return NAMES
    names = [_rename(name) for name in split_names("--only", text)]
    for name in names:
        if name not in NAMES:
            raise unknown_name("measurement", name, NAMES)
    return tuple(name for name in NAMES if name in names)


def _rename(name: str) -> str:
    if name in _RENAMED:
        warn_renamed(f"--only {name}", f"--only {_RENAMED[name]}")
    return _RENAMED.get(name, name)


def _refuse_same_sizes(names: Sequence[str]) -> None:
    seen: dict[tuple[int, int], str] = {}
    for name in names:
        resolution = parse_resolution(name)
        first = seen.setdefault((resolution.width, resolution.height), name)
        if first != name:
            raise ConfigError(f"--resolutions has one size twice, {first} and {name}; drop one")


@contextmanager
def _metric_weights() -> Iterator[None]:
    """Fetch the metrics' networks once, and make sure that the child processes find them.

    If the cache cannot be written, a temporary folder keeps them during the run. Without the
    networks, quality cases end as errors.
    """
    from pcakd.utils.files import write_safetensors
    from pcakd.weights import FOLDER_VARIABLE, get_weight_set, load_weights

    before = os.environ.get(FOLDER_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="pcakd-") as folder:
        try:
            fetched = {name: load_weights(name, "torchvision") for name in ("vgg16", "alexnet")}
        except WeightsError as error:
            sys.stderr.write(f"bench: warning: quality cannot be scored: {error}\n")
            fetched = {}
        if not all(_is_kept(name, loaded) for name, loaded in fetched.items()):
            _link_files(before, Path(folder))
            for name, loaded in fetched.items():
                file_name = get_weight_set(name, "torchvision").file_name
                write_safetensors(Path(folder) / file_name, loaded.tensors)
            os.environ[FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(FOLDER_VARIABLE, None)
            if before is not None:
                os.environ[FOLDER_VARIABLE] = before


def _link_files(source: str | None, target: Path) -> None:
    """Make the files of the user's folder of weights, if there is one, appear in another."""
    for path in Path(source).expanduser().iterdir() if source else ():
        if not path.is_file():
            continue
        try:
            (target / path.name).symlink_to(path.resolve())
        except OSError:  # a file system without links
            shutil.copy2(path, target / path.name)


def _is_kept(backbone: str, loaded: "LoadedWeights") -> bool:
    """Return whether another process finds the weights of a network."""
    from pcakd.weights import cache_folder, get_weight_set

    file_name = get_weight_set(backbone, "torchvision").file_name
    return loaded.card.source == "folder" or (cache_folder() / file_name).exists()
