"""Which workers without a job Ray Tune keeps: they stay warm, and what they have of a GPU is not there for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .shares import Slot


class IdleWorkers:
    """Lets Tune keep every worker that has no job, except on nodes where a job waits for a worker of another share."""

    def __init__(self) -> None:
        self._kept: dict[Slot, tuple[Any, int]] = {}
        """For each place the request that Tune knows it by, and how many idle workers of it are kept now."""

    def sort_out(self, cache: Any, pending: Iterable[tuple[Slot, Any]], most: int) -> None:
        """Has Tune's cache of workers keep those that may stay, and end the others at its next step.

        Args:
            cache: Tune's, which keeps so many workers of each request as it is told.
            pending: place and request of each job that has no worker yet.
            most: workers of a request that are kept.
        """
        pending = list(pending)
        for slot, request in pending:
            self._kept.setdefault(slot, (request, 0))
        for slot, (request, kept) in self._kept.items():
            stays = all(wanted == slot or wanted.node != slot.node for wanted, _ in pending)
            if stays and not kept:
                cache.increase_max(request, by=most)
                self._kept[slot] = request, most
            elif kept and not stays:  # `most` may be another by now, for nodes come and go
                cache.decrease_max(request, by=kept)
                self._kept[slot] = request, 0
