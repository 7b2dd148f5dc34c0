"""What each channel costs: counts and predictions at all ranks of one tap."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from pcakd.analysis.results import ChannelCosts, Ranks
from pcakd.costs import LatencyModel, count_student, peak_bytes
from pcakd.students import StudentSpec
from pcakd.utils.resolutions import list_resolutions


def measure_channel_costs(
    spec: StudentSpec, widths: Sequence[int], *, model: LatencyModel | None
) -> tuple[ChannelCosts, ...]:
    """Return the costs of a student at each rank of each tap, the other ranks staying.

    Args:
        spec: The student, with the reference ranks.
        widths: Channels of the teacher's taps: the largest ranks.
        model: The latency of the machine; None leaves latencies out.
    """
    return tuple(_at_tap(spec, tap, widths[tap], model) for tap in range(len(widths)))


def _at_tap(spec: StudentSpec, tap: int, width: int, model: LatencyModel | None) -> ChannelCosts:
    specs = [_with_rank(spec, tap, rank) for rank in range(1, width + 1)]
    counts = [count_student(each) for each in specs]
    sizes = {each.name: each.pixels for each in list_resolutions()}
    threads = torch.get_num_threads()

    latency = (
        {}
        if model is None
        else {
            name: tuple(model.predict_ns(each, pixels) for each in counts)
            for name, pixels in sizes.items()
        }
    )
    return ChannelCosts(
        num_params=tuple(each.num_params for each in counts),
        macs=tuple(float(each.macs) for each in counts),
        map_bytes=tuple(float(each.map_bytes) for each in counts),
        peak_bytes={
            name: tuple(peak_bytes(each, pixels, threads=threads) for each in specs)
            for name, pixels in sizes.items()
        },
        latency_ns=latency,
    )


def _with_rank(spec: StudentSpec, tap: int, rank: int) -> StudentSpec:
    ranks = list(spec.ranks)
    ranks[tap] = rank
    one, two, three, four = ranks
    changed: Ranks = (one, two, three, four)
    return replace(spec, ranks=changed)
