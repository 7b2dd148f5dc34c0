"""A whole analysis: photographs, spectra, stability, costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.analysis.collect import channel_means, collect, digest_photographs, scale_of
from pcakd.analysis.costs import measure_channel_costs
from pcakd.analysis.page import require_own_folder, write_page
from pcakd.analysis.results import (
    Analysis,
    LatencyResult,
    Ranks,
    Spread,
    TapResult,
    write_analysis,
)
from pcakd.analysis.spectra import SHARES, TapSpectra, analyze_tap, average
from pcakd.analysis.spool import CovarianceSpool, TapMoments
from pcakd.analysis.stability import HalvesComparison, compare_halves
from pcakd.analysis.timing import SAMPLES, measure_latencies
from pcakd.backbones import Backbone, get_backbone_entry, identify_teacher, load_backbone
from pcakd.costs.measure import require_enough
from pcakd.eigenbases import DEFAULT_MCEV, RankRule, SpectraFile, Spectrum, save_spectra
from pcakd.errors import ConfigError
from pcakd.images import list_images, pick_evenly
from pcakd.students import BlockType, describe_student, list_students, load_card
from pcakd.utils.extras import check_extra
from pcakd.utils.git import git_state
from pcakd.utils.locks import lock_folder
from pcakd.weights.hashing import hash_tensors

SPECTRA = "spectra.safetensors"
"""Name of the file that ``pcakd distill --bases`` takes."""

_TAPS = (1, 2, 3, 4)
_MARGIN = 0.98  # the grid of latencies reaches the ranks of this mcev


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisConfig:
    """What to analyse.

    Attributes:
        backbone: Name of the teacher.
        data: Folder of photographs.
        output: Folder for the results.
        weights: Weights of the teacher; None is the backbone's first weight set.
        images: Most photographs to use, evenly spaced by name.
        crop: Side in pixels of the central square of each.
        resolutions: Sizes at which students are timed; none leaves the latency out.
        device: Device to compute and to time on.
        seed: Of random weights and of everything else that is random.
        architecture: Type of the students' blocks; None is the default of `pcakd distill`.

    Raises:
        ConfigError: A number is not positive.
    """

    backbone: str
    data: Path
    output: Path
    weights: str | PathLike[str] | None = None
    images: int = 500
    crop: int = 256
    resolutions: tuple[str, ...] = ()
    device: torch.device
    seed: int = 0
    architecture: BlockType | None = None

    def __post_init__(self) -> None:
        if self.images < 1 or self.crop < 1:
            raise ConfigError(
                f"images and crop must be 1 or more, got {self.images} and {self.crop}"
            )


def analyze(config: AnalysisConfig) -> Analysis:
    """Analyse a teacher; write spectra, JSON, tables and plots into ``config.output``.

    Photographs are read once. What is known of each is kept in the folder until the end, so a
    killed run continues; memory does not grow with their number.

    Raises:
        PcakdError: The input cannot be used, or the output cannot be written.
    """
    check_extra("analyze", "pcakd analyze")
    if config.resolutions:
        require_enough(config.resolutions)
    entry = get_backbone_entry(config.backbone)
    chosen = pick_evenly(list_images(config.data), config.images)
    teacher = load_backbone(
        config.backbone, weights=config.weights, device=config.device, seed=config.seed
    )
    described = {
        "backbone": config.backbone,
        "tensors": hash_tensors(teacher.state_dict()),
        "photographs": len(chosen),
        "crop": config.crop,
        "digest": digest_photographs(chosen),
    }
    with lock_folder(config.output):
        require_own_folder(config.output)
        spool = CovarianceSpool(config.output, widths=teacher.widths, settings=described)
        collect(spool, teacher, chosen, crop=config.crop)
        means = channel_means(spool, len(_TAPS)) if entry.normalized else []
        ranks, taps = _analyze_taps(config, teacher, spool, means)
        spectra = tuple(tap.spectrum for tap, _ in taps)
        save_spectra(
            config.output / SPECTRA,
            SpectraFile(spectra=spectra, channel_means=tuple(means), card=described),
        )
        analysis = _add_costs(
            config,
            spectra,
            Analysis(
                backbone=config.backbone,
                teacher=_describe_teacher(teacher, config),
                photographs={name: described[name] for name in ("photographs", "crop", "digest")},
                ranks=ranks,
                taps=tuple(
                    _to_result(name, found, halves)
                    for name, (found, halves) in zip(teacher.taps, taps, strict=True)
                ),
                student=describe_student(
                    teacher, next(iter(ranks.values())), blocks=config.architecture
                ),
                commit=dict(zip(("commit", "dirty"), git_state(), strict=True)),
            ),
        )
        write_analysis(config.output, analysis)
        write_page(config.output, analysis)
        (config.output / SAMPLES).unlink(missing_ok=True)
        spool.remove()
    return analysis


def _analyze_taps(
    config: AnalysisConfig, teacher: Backbone, spool: CovarianceSpool, means: Sequence[Tensor]
) -> tuple[dict[str, Ranks], list[tuple[TapSpectra, Mapping[int, Sequence[HalvesComparison]]]]]:
    """Return the ranks of interest, and for each tap its spectra and the comparisons of halves."""
    scales = [scale_of(each) for each in means] if means else [None] * len(_TAPS)
    found = []
    with tqdm(list(zip(_TAPS, scales, strict=True)), desc="spectra", unit="tap") as bar:
        for tap, scale in bar:
            covariance, power = average(spool.read(tap, scale=scale))
            photographs = spool.read(tap, scale=scale)
            found.append(analyze_tap(photographs, covariance, tap=tap, power=power))
    ranks = list_ranks(config.backbone, [each.spectrum for each in found])
    taps: list[tuple[TapSpectra, Mapping[int, Sequence[HalvesComparison]]]] = []
    with tqdm(list(zip(_TAPS, scales, found, strict=True)), desc="stability", unit="tap") as bar:
        for tap, scale, spectra in bar:
            wanted = sorted({each[tap - 1] for each in ranks.values()})
            read = partial(_read_in_order, spool, tap, scale)
            halves = compare_halves(read, total=len(spool), ranks=wanted, seed=config.seed)
            taps.append((spectra, halves))
    return ranks, taps


def _read_in_order(
    spool: CovarianceSpool, tap: int, scale: Tensor | None, order: Sequence[int]
) -> Iterator[TapMoments]:
    return spool.read(tap, scale=scale, order=order)


def list_ranks(backbone: str, spectra: Sequence[Spectrum]) -> dict[str, Ranks]:
    """Return the ranks of interest by their name; the first are the reference.

    They are the paper's (for other backbones those of an mcev of 0.85), those of the students of
    the backbone that ship, by their names, and those that reach the mcev of `SHARES` at each tap.
    """
    ranks: dict[str, Ranks] = {}
    paper = get_backbone_entry(backbone).ranks
    if paper:
        ranks["paper"] = paper
    for name in list_students():
        card = load_card(name)
        if card["teacher"]["backbone"] == backbone:
            one, two, three, four = card["ranks"]
            ranks[name] = (one, two, three, four)
    by_share = {f"mcev {share:g}": _ranks_at(spectra, share) for share in SHARES}
    reference = {} if paper else {f"mcev {DEFAULT_MCEV:g}": by_share[f"mcev {DEFAULT_MCEV:g}"]}
    return reference | ranks | by_share


def _ranks_at(spectra: Sequence[Spectrum], share: float) -> Ranks:
    rule = RankRule(mcev=share)
    one, two, three, four = (
        spectrum.choose_rank(rule, tap=tap) for tap, spectrum in enumerate(spectra, start=1)
    )
    return one, two, three, four


def _to_result(
    name: str, found: TapSpectra, halves: Mapping[int, Sequence[HalvesComparison]]
) -> TapResult:
    spectrum = found.spectrum
    return TapResult(
        name=name,
        channels=len(spectrum.eigenvalues),
        eigenvalues=_to_floats(spectrum.eigenvalues),
        explained=_to_floats(spectrum.explained_curve),
        mcev=_to_floats(spectrum.mcev_curve),
        mcev_deviation=_to_floats(found.own_deviation),
        captured=_to_floats(found.captured_curve),
        effective_rank=found.effective_rank,
        own_effective_rank=_spread(found.own_effective_ranks),
        own_ranks={
            f"{share:g}": _spread(column)
            for share, column in zip(SHARES, found.own_ranks.T, strict=True)
        },
        halves=halves,
    )


def _add_costs(config: AnalysisConfig, spectra: Sequence[Spectrum], analysis: Analysis) -> Analysis:
    """Return the analysis with the costs of channels; timed where sizes are given."""
    spec = analysis.student
    latency: LatencyResult | None = None
    if config.resolutions:
        reference = analysis.ranks[analysis.reference]
        most = [max(pair) for pair in zip(_ranks_at(spectra, _MARGIN), reference, strict=True)]
        latency = measure_latencies(
            config.output,
            spec,
            most=most,
            resolutions=config.resolutions,
            device=config.device,
            seed=config.seed,
        )
    widths = [len(spectrum.eigenvalues) for spectrum in spectra]
    model = latency.model if latency else None
    return replace(
        analysis, costs=measure_channel_costs(spec, widths, model=model), latency=latency
    )


def _describe_teacher(teacher: Backbone, config: AnalysisConfig) -> dict[str, Any]:
    card, digest = teacher.card, identify_teacher(teacher)
    own = "of its factory" if digest else "seeded"
    return {
        "weight_set": card.weight_set if card else own,
        "sha256": digest,
        "strides": list(teacher.strides),
        "weights": None if config.weights is None else str(config.weights),
        "seed": config.seed,
    }


def _spread(values: Tensor) -> Spread:
    low, high = np.percentile(values.numpy(), (10, 90))
    return Spread(mean=float(values.mean()), low=float(low), high=float(high))


def _to_floats(values: Tensor) -> tuple[float, ...]:
    return tuple(values.tolist())
