"""``bench run``: measure subjects, score them over pairs, and write the report."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.plan.config import CONFIG_NAME, Profile, load_profile
from pcakd.errors import ConfigError, WeightsError
from pcakd.utils.registry import unknown_name

if TYPE_CHECKING:
    from bench.plan.image_pairs import ImagePair
    from bench.records.schema import Kind
    from pcakd.weights import LoadedWeights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example: python -m bench run --subjects mobilenet_v1,mkl --resolutions HD,FHD"
    parser.add_argument(
        "--profile", default="quick", help="table of the configuration: quick or full (quick)"
    )
    parser.add_argument(
        "--subjects",
        metavar="A,B",
        help="in place of the profile's: shipped students, vgg19-full, mobilenet_v1-full, "
        "peers, colour transfers, content, or files of students and peers; each may end in +fp16 "
        "or +bf16, and in @TRANSFORM",
    )
    parser.add_argument(
        "--resolutions",
        metavar="A,B",
        help="in place of the profile's, and all measured: HD, FHD, QHD, 4K, 5K, 8K or 640x480",
    )
    parser.add_argument(
        "--only",
        metavar="KIND,KIND",
        help="of the kinds of cases cost, pair, stages, capacity, quality and curve (all); more "
        "can be added with --resume",
    )
    parser.add_argument(
        "--pairs",
        type=Path,
        metavar="DIR",
        help="folder of NN_content.* and NN_style.* images (the six pairs of the package)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="run folder (reports/[quick-]DEVICE)"
    )
    parser.add_argument("--device", help="cpu, cuda or mps (the accelerator, if there is one)")
    parser.add_argument(
        "--config", type=Path, default=Path(CONFIG_NAME), metavar="FILE", help=f"({CONFIG_NAME})"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="add to the records of the run folder and keep what it holds of the same cases; "
        "otherwise its records.jsonl, examples and histories are renamed to records.TIME.jsonl, "
        "examples.TIME and histories.TIME, and new ones begin",
    )


def run(args: argparse.Namespace) -> int:
    """Run, render the report, print the table and say where the report lies.

    Raises:
        PcakdError: An option or a file that cannot be used.
    """
    from bench.records.store import read_records
    from bench.report.render import console_table, render_report
    from bench.run.runner import Request, run_benchmark
    from pcakd.utils.git import git_state

    profile = choose_profile(
        load_profile(args.config, args.profile), args.subjects, args.resolutions
    )
    kinds = choose_kinds(args.only)
    request = Request(
        profile=profile,
        pairs=_find_pairs(args.pairs),
        kinds=kinds,
        device=args.device,
        out=args.out,
        resume=args.resume,
        examples=args.pairs is None,  # other people's photographs stay out of reports
        commit=git_state(),
    )
    with _metric_weights() if {"quality", "curve"} & set(kinds) else nullcontext():
        folder = run_benchmark(request)
    page = render_report(folder)
    sys.stdout.write(f"{console_table(read_records(folder))}\n\nreport: {page}\n")
    return 0


def choose_profile(profile: Profile, subjects: str | None, resolutions: str | None) -> Profile:
    """Put the subjects and resolutions of the command line in place of the profile's.

    Resolutions that are asked for by name are measured, whatever the profile would predict. Paired
    measurements stay where both subjects do, at the first resolution if theirs is not named.

    Raises:
        PcakdError: A list is empty or names something twice, or a resolution is none.
    """
    if subjects is not None:
        chosen = _split("subjects", subjects)
        paired = tuple(text for text in profile.paired if set(text.split()) <= set(chosen))
        profile = replace(profile, subjects=chosen, paired=paired)
    if resolutions is not None:
        names = _split("resolutions", resolutions)
        _refuse_same_sizes(names)
        overrides = tuple(replace(each, measured=None) for each in profile.overrides)
        paired_at = profile.paired_resolution if profile.paired_resolution in names else names[0]
        stages = tuple(name for name in profile.stages if name in names)
        profile = replace(
            profile,
            resolutions=names,
            measured=names,
            stages=stages,
            overrides=overrides,
            paired_resolution=paired_at,
        )
    return profile


def choose_kinds(text: str | None) -> tuple["Kind", ...]:
    """Return the kinds of cases that were asked for, in the order of a run.

    Raises:
        PcakdError: A name is not known or there twice, or there is none.
    """
    from bench.run.runner import KINDS

    if text is None:
        return KINDS
    names = _split("only", text)
    for name in names:
        if name not in KINDS:
            raise unknown_name("kind of case", name, KINDS)
    return tuple(kind for kind in KINDS if kind in names)


def _split(option: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise ConfigError(f"--{option} is empty; give names separated by commas")
    if len(set(names)) < len(names):
        raise ConfigError(f"--{option} {text!r} names something twice; drop one")
    return names


def _refuse_same_sizes(names: Sequence[str]) -> None:
    from bench.plan.cases import parse_resolution

    seen: dict[tuple[int, int], str] = {}
    for name in names:
        resolution = parse_resolution(name)
        first = seen.setdefault((resolution.width, resolution.height), name)
        if first != name:
            raise ConfigError(f"--resolutions has one size twice, {first} and {name}; drop one")


def _find_pairs(folder: Path | None) -> Sequence["ImagePair"]:
    from bench.quality.pairs import find_pairs, shipped_pairs_folder

    return find_pairs(folder or shipped_pairs_folder())


@contextmanager
def _metric_weights() -> Iterator[None]:
    """Fetch the metrics' networks once, in sight, and see that the children of a run find them.

    Where the cache cannot be written, they are kept for this run in a folder that the children are
    told of. Without the networks, quality cases end as errors.
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


def _is_kept(backbone: str, loaded: "LoadedWeights") -> bool:
    """Tell whether another process finds a network where it lies."""
    from pcakd.weights import cache_folder, get_weight_set

    file_name = get_weight_set(backbone, "torchvision").file_name
    return loaded.card.source == "folder" or (cache_folder() / file_name).exists()
