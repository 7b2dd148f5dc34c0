"""Numbers as text. Records keep raw numbers; only this module rounds."""

from collections.abc import Callable, Iterable

from bench.analysis.differences import Difference
from bench.analysis.stats import MIN_SAMPLES, Interval
from bench.report.common.tables import NONE

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_DECIMAL = ("", "k", "M", "G", "T", "P")


def format_number(value: float) -> str:
    """Round to three significant digits, and to whole numbers from 100 on.

    >>> format_number(0.01234), format_number(8.125), format_number(12345.6)
    ('0.0123', '8.12', '12,346')
    """
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}"
    decimals = next((n for n in range(1, 7) if abs(value) >= 10.0 ** (2 - n)), 7)
    return f"{value:.{decimals}f}"


def format_count(value: float) -> str:
    """Write a count with a decimal prefix.

    >>> format_count(1_234_000_000)
    '1.23 G'
    """
    step = 0
    while abs(value) >= 1000 and step < len(_DECIMAL) - 1:
        value, step = value / 1000, step + 1
    return f"{format_number(value)} {_DECIMAL[step]}".strip()


def format_bytes(value: float) -> str:
    """Write a number of bytes with a binary prefix.

    >>> format_bytes(3 * 2**30)
    '3.00 GiB'
    """
    step = 0
    while abs(value) >= 1024 and step < len(_BINARY) - 1:
        value, step = value / 1024, step + 1
    return f"{format_number(value)} {_BINARY[step]}"


def format_lower_bound(
    value: float | None, write: Callable[[float], str], *, uncounted: bool
) -> str:
    """Write a count, which operators that are not counted make a lower bound.

    >>> format_lower_bound(2000, format_count, uncounted=True)
    '≥ 2.00 k'
    >>> format_lower_bound(0, format_count, uncounted=True)
    'not counted'
    """
    if value is None or (uncounted and not value):
        return "not counted"
    return f"≥ {write(value)}" if uncounted else write(value)


def format_interval(interval: Interval) -> str:
    """Write the interval of a latency; few samples have none.

    >>> format_interval(Interval(value=2.0, low=1.5, high=2.5, count=6))
    '1.50 to 2.50'
    >>> format_interval(Interval(value=2.0, count=5))
    '—'
    """
    return " to ".join(map(format_number, interval.ends)) if interval.ends else NONE


def format_difference(difference: Difference, *, star: bool) -> str:
    """Write a difference of metric values with its interval, and with * if ``star``.

    >>> format_difference(Difference(value=-0.05, low=-0.0625, high=-0.0375, count=29), star=True)
    '-0.050 [-0.062, -0.037] *'
    """
    if difference.ends is None:
        return f"{difference.value:+.3f}"
    low, high = difference.ends
    return f"{difference.value:+.3f} [{low:+.3f}, {high:+.3f}]{' *' * star}"


def name_intervals(intervals: Iterable[Interval]) -> str:
    """Say what the error bars of a plot are; empty if there are none.

    >>> name_intervals([Interval(value=2.0, low=1.5, high=2.5, count=6)])
    '95 % interval'
    >>> name_intervals([Interval(value=2.0, count=5)])
    ''
    """
    known = [each.ends is not None for each in intervals]
    if not any(known):
        return ""
    return "95 % interval" if all(known) else f"95 % interval (none below {MIN_SAMPLES} samples)"


def format_metric(interval: Interval) -> str:
    """Write a mean metric value with its interval, to three decimals.

    >>> format_metric(Interval(value=0.5, low=0.45, high=0.55, count=6))
    '0.500 [0.450, 0.550]'
    """
    if interval.ends is None:
        return f"{interval.value:.3f}"
    low, high = interval.ends
    return f"{interval.value:.3f} [{low:.3f}, {high:.3f}]"


def format_share(share: float) -> str:
    """Write a share of the whole as a percentage.

    >>> format_share(0.1234), format_share(0.001), format_share(0.0)
    ('12 %', '< 1 %', '0 %')
    """
    return "< 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def format_count_of(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> format_count_of(1, "subject"), format_count_of(2, "subject")
    ('1 subject', '2 subjects')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def format_processes(count: int, num_disturbed: int) -> str:
    """Format a number of processes and of those during which the machine changed.

    >>> format_processes(5, 0), format_processes(5, 2)
    ('5', '5 (2 disturbed)')
    """
    return f"{count} ({num_disturbed} disturbed)" if num_disturbed else str(count)
