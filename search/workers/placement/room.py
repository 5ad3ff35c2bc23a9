"""What of each GPU is taken, and which GPU a trial is to get next. Knows no Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shares import WHOLE, slot_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .shares import GpuNode, Slot


class Room:
    """The GPUs of a cluster: who has how much of which.

    Ray chooses the GPU of a node: the fullest that has room, the first of equals. The same is assumed here, until the
    worker says which it is. What waits for more of a GPU than any has left holds the one that lacks least: nobody else
    is placed where Ray would choose that one. Its trials end, one after the other, so nothing waits for ever.

    Args:
        nodes: that have GPUs.
    """

    def __init__(self, nodes: Iterable[GpuNode] = ()) -> None:
        self._nodes: dict[str, GpuNode] = {}
        self._gpus: dict[str, list[dict[int, int]]] = {}
        """For each node and GPU the eighths that trials have of it, by number."""
        self._names: dict[tuple[str, str], int] = {}
        """Which GPU of a node it is that workers there know by a name."""
        self.update(nodes)

    @property
    def nodes(self) -> list[GpuNode]:
        """The nodes, in the order in which they came."""
        return list(self._nodes.values())

    @property
    def gpus(self) -> int:
        """GPUs in all."""
        return sum(node.gpus for node in self._nodes.values())

    def update(self, nodes: Iterable[GpuNode]) -> None:
        """Takes in which nodes there are now. Of one that is gone nothing is known any more, its trials are not placed.

        Args:
            nodes: all that there are.
        """
        now = {node.id: node for node in nodes}
        for gone in self._nodes.keys() - now.keys():
            del self._gpus[gone]
            self._names = {key: index for key, index in self._names.items() if key[0] != gone}
        for new in now.keys() - self._nodes.keys():
            self._gpus[new] = [{} for _ in range(now[new].gpus)]
        self._nodes = now

    def has(self, number: int) -> bool:
        """Whether a trial has a place.

        Args:
            number: the trial's number.
        """
        return any(number in gpu for gpus in self._gpus.values() for gpu in gpus)

    def free(self, node: str) -> list[int]:
        """Eighths that are left of each GPU of a node; fewer than none where more is known to be there than fits."""
        return [WHOLE - sum(gpu.values()) for gpu in self._gpus[node]]

    def take(self, number: int, shares: Mapping[str, int], before: Iterable[Mapping[str, int]] = ()) -> Slot | None:
        """Gives a trial a place, where there is one; None where it has to wait.

        Of several nodes the one where it takes least memory is taken, then the one whose GPU has least left: empty ones
        are for those that need one whole. While there are fewer trials than GPUs it is the one with most left. Within a
        node it is always the fullest, as Ray has it.

        Args:
            number: the trial's number.
            shares: eighths of a GPU that it needs on each node where it may be trained.
            before: shares of the trials that wait already, the longest first: what they hold is not given away.
        """
        held = self.held(before)
        few = sum(len(gpu) for gpus in self._gpus.values() for gpu in gpus) < self.gpus
        choices: list[tuple[int, int, str, int]] = []
        for node, eighths in shares.items():
            if node not in self._nodes:
                continue
            free = self.free(node)
            gpu = _fullest(free, eighths)
            if gpu is not None and (node, gpu) not in held:
                choices.append((self._nodes[node].memory * eighths, -free[gpu] if few else free[gpu], node, gpu))
        if not choices:
            return None
        _, _, node, gpu = min(choices)
        self._gpus[node][gpu][number] = shares[node]
        return slot_on(self._nodes[node], shares[node])

    def held(self, waiting: Iterable[Mapping[str, int]]) -> set[tuple[str, int]]:
        """The GPUs that those who wait hold, one each as long as there are some, as node and index.

        Args:
            waiting: eighths of a GPU that each needs on each node, the one that waits longest first.
        """
        held: set[tuple[str, int]] = set()
        for shares in waiting:
            lacking = [
                (eighths - free, -index, node)
                for node, eighths in shares.items()
                if node in self._nodes
                for index, free in enumerate(self.free(node))
                if (node, index) not in held
            ]
            if lacking:
                _, index, node = min(lacking)
                held.add((node, -index))
        return held

    def leave(self, number: int) -> None:
        """Takes a trial's place back; nothing where it has none.

        Args:
            number: the trial's number.
        """
        for gpus in self._gpus.values():
            for gpu in gpus:
                gpu.pop(number, None)

    def seen(self, number: int, node: str, name: str) -> None:
        """Takes in on which GPU a trial is: it may be another than was assumed, as where its worker was there before.

        Args:
            number: the trial's number.
            node: its node's id.
            name: of the GPU, as the worker knows it.
        """
        gpus = self._gpus.get(node, [])
        at = next((index for index, gpu in enumerate(gpus) if number in gpu), None)
        if at is None or not name:
            return
        known = {index for (of, _), index in self._names.items() if of == node}
        if (node, name) not in self._names:
            unknown = [at, *range(len(gpus))]
            index = next((index for index in unknown if index not in known), at)
            self._names[node, name] = index
        gpus[self._names[node, name]][number] = gpus[at].pop(number)


def _fullest(free: list[int], eighths: int) -> int | None:
    """The GPU with least left of those that have so many eighths left, the first of equals; None where none has."""
    fitting = [(left, index) for index, left in enumerate(free) if left >= eighths]
    return min(fitting)[1] if fitting else None
