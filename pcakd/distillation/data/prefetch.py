"""Batches that are drawn in a thread while the previous one is in use."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor

from torch import Tensor

Key = tuple[int, ...]


def prefetch(
    draw: Callable[[Key], Tensor], keys: Iterable[Key], *, enabled: bool
) -> Generator[Tensor]:
    """Yield the batches of keys, in order.

    An exception of ``draw`` is raised when its batch is due.

    Args:
        draw: Returns the batch of a key. One call runs at a time.
        keys: Keys of the batches.
        enabled: Whether a thread draws the next batch ahead, which helps if an accelerator trains.
            Closing the generator waits for the thread.
    """
    if not enabled:
        yield from map(draw, keys)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as worker:
        drawn = (worker.submit(draw, key) for key in keys)
        following = next(drawn, None)
        while following is not None:
            batch = following.result()
            following = next(drawn, None)
            yield batch
