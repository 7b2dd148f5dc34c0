"""Batches drawn while the ones before them are trained on."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor

from torch import Tensor

Key = tuple[int, ...]


def prefetch(
    draw: Callable[[Key], Tensor], keys: Iterable[Key], *, enabled: bool
) -> Generator[Tensor]:
    """Yield the batches of keys; what goes wrong in drawing one is raised in its place.

    Args:
        draw: Returns the batch of a key. One call runs at a time.
        keys: Of the batches, in order.
        enabled: Whether a thread draws each batch while the one before it is in use, which pays
            where an accelerator trains. Closing the generator waits for that thread.
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
