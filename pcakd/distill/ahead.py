"""The next batch is drawn while an accelerator trains on this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

Key = tuple[int, ...]


class DrawAhead:
    """Draws batches, each while the one before is in use.

    Args:
        draw: Returns the batch of a key, the same one every time.
        busy: Whether the CPU trains itself: then nothing is drawn before it is wanted.
    """

    def __init__(self, draw: Callable[[Key], Tensor], *, busy: bool) -> None:
        self._draw = draw
        self._worker = None if busy else ThreadPoolExecutor(1, thread_name_prefix="crops")
        self._next: tuple[Key, Future[Tensor]] | None = None

    def take(self, key: Key, *, then: Key | None) -> Tensor:
        """Return the batch of a key; whatever fails in drawing it is raised here.

        Args:
            key: Of the batch.
            then: Of the one after it, which is begun; None if there is none.
        """
        ahead, self._next = self._next, None
        batch = ahead[1].result() if ahead and ahead[0] == key else self._draw(key)
        if self._worker and then is not None:
            self._next = then, self._worker.submit(self._draw, then)
        return batch
