"""What an analysis found, as data and as one JSON file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pcakd.analysis.stability import HalvesComparison
from pcakd.costs import LatencyModel, LatencySample
from pcakd.errors import PcakdError
from pcakd.students import StudentSpec
from pcakd.utils.files import write_text

Ranks: TypeAlias = tuple[int, int, int, int]

FORMAT = "pcakd-analysis"
FILE_NAME = "analysis.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The mean and the 10th and 90th percentile over photographs."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TapResult:
    """What was found at a tap; curves have one value for each rank from 1 to the channels.

    Attributes:
        name: Of the tap.
        channels: Of the teacher.
        eigenvalues: Of the average within-image covariance, falling.
        explained: Share of the average variance that the first components hold.
        mcev: Mean cumulative explained variance.
        mcev_deviation: Standard deviation of the photographs' own curves.
        captured: Share of a photograph's variance that the first global components hold, averaged.
        effective_rank: Of the eigenvalues.
        own_effective_rank: Of the photographs' own eigenvalues.
        own_ranks: Ranks at which photographs' own components reach a share, by share.
        halves: Comparisons of two halves of the photographs, by rank.
    """

    name: str
    channels: int
    eigenvalues: tuple[float, ...]
    explained: tuple[float, ...]
    mcev: tuple[float, ...]
    mcev_deviation: tuple[float, ...]
    captured: tuple[float, ...]
    effective_rank: float
    own_effective_rank: Spread
    own_ranks: Mapping[str, Spread]
    halves: Mapping[int, Sequence[HalvesComparison]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCosts:
    """What a student costs at each rank of one tap, the others at the reference ranks.

    Attributes:
        num_params: Parameters.
        macs: Multiply-adds of the content path, for each pixel of the content.
        map_bytes: Bytes that maps move, for each pixel (`pcakd.costs.Counts`).
        peak_bytes: Peak memory, by resolution.
        latency_ns: Predicted latency, by resolution; empty without a latency model.
    """

    num_params: tuple[int, ...]
    macs: tuple[float, ...]
    map_bytes: tuple[float, ...]
    peak_bytes: Mapping[str, tuple[int, ...]]
    latency_ns: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyResult:
    """The latency model of a machine, and what it was fitted to.

    Attributes:
        device: ``cpu``, ``cuda`` and so on.
        device_name: The processor or the GPU.
        threads: Of PyTorch.
        torch: Its version.
        model: The coefficients.
        samples: All measured latencies.
        left_out: Resolutions that this machine's memory is too small for.
    """

    device: str
    device_name: str
    threads: int
    torch: str
    model: LatencyModel
    samples: tuple[LatencySample, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """An analysis.

    Attributes:
        backbone: The teacher.
        teacher: Origin of its weights.
        photographs: How many, the crop in pixels, the folder's digest.
        ranks: Ranks of interest by their name, the reference first.
        taps: What was found at taps 1 to 4.
        student: The architecture of the students, with the reference ranks.
        costs: Of taps 1 to 4.
        latency: The latency model; None if nothing was timed.
        commit: Of this project.
    """

    backbone: str
    teacher: Mapping[str, Any]
    photographs: Mapping[str, Any]
    ranks: Mapping[str, Ranks]
    taps: tuple[TapResult, ...]
    student: StudentSpec
    costs: tuple[ChannelCosts, ...] = ()
    latency: LatencyResult | None = None
    commit: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The name of the reference ranks."""
        return next(iter(self.ranks))


def write_analysis(folder: Path, analysis: Analysis) -> Path:
    """Write the JSON file of an analysis and return its path.

    Raises:
        OutputError: The folder cannot be written.
    """
    path = folder / FILE_NAME
    content = {"format": FORMAT, "version": 1, "reference": analysis.reference}
    content |= asdict(analysis)
    write_text(path, json.dumps(content, sort_keys=True) + "\n")
    return path


def read_analysis(folder: Path) -> dict[str, Any]:
    """Read the JSON file of an analysis.

    Raises:
        PcakdError: It is missing or damaged.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["version"] != 1:
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PcakdError(
            f"{path} is not the result of `pcakd analyze` ({error}); name its output folder"
        ) from error
    return dict(content)
