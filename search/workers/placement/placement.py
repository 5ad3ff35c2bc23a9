"""Which job goes where next: jobs of the engine, each with its share of a GPU."""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING

from .shares import WHOLE, memory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...scheduling import Engine, Job
    from .needs import Need, Needs
    from .room import Room
    from .shares import GpuNode, Slot, Usage

LOOKS = 10.0
"""Seconds between two looks at which nodes there are."""


class Placement:
    """The jobs of a sweep that have a place on some GPU, and those that wait for one.

    Args:
        needs: how much memory trainings take.
        room: the GPUs.
        workers: jobs that may be placed at a time, where the sweep file says so; None for as many as there is room for.
        look: gives the nodes that there are now, of those it is given where nothing has changed; None to keep to them.
        ask: asks for so many GPUs beside those of the nodes it is given, 0 for none; None where no node would come.
    """

    def __init__(
        self,
        needs: Needs,
        room: Room,
        *,
        workers: int | None = None,
        look: Callable[[Sequence[GpuNode]], Sequence[GpuNode]] | None = None,
        ask: Callable[[int, Sequence[GpuNode]], None] | None = None,
    ) -> None:
        self.needs, self.room = needs, room
        self._workers, self._look, self._ask = workers, look, ask
        self._looked = time.monotonic()
        self._placed: dict[int, tuple[Need, Slot]] = {}
        self._waiting: dict[int, tuple[Job, Need]] = {}
        self._no_more = False
        """Whether the engine had no other job when it was asked last."""

    @property
    def most(self) -> int:
        """Jobs that can be placed at a time, at most."""
        return min(WHOLE * self.room.gpus, self._workers or WHOLE * self.room.gpus)

    @property
    def most_held(self) -> int:
        """GPUs that may be held for jobs that wait: on the other half small ones go on."""
        return max(1, self.room.gpus // 2)

    def next(self, engine: Engine) -> tuple[Job, Slot] | None:
        """The next job that has a place now, and its place; None while there is none.

        Jobs that wait come first, in their order. While there are few of them the engine is asked for more: a small one
        may fit beside what a large one waits for.

        Args:
            engine: whose jobs they are. Once it is halted those that wait are given back to it.
        """
        self.look_around()
        if engine.halted:
            self._give_back_waiting(engine)
            return None
        if len(self._placed) >= (self.most if self._ask is None else self._workers or self.most):
            return None  # else, where nodes may come, one waits for them
        before: list[dict[str, int]] = []
        for job, need in list(self._waiting.values()):
            shares = self._shares(job, need)
            if slot := self.room.take(job.number, shares, before[: self.most_held]):
                del self._waiting[job.number]
                return self._place(job, need, slot)
            before.append(shares)
        while len(self._waiting) <= self.most_held:  # what waits last holds nothing
            job = engine.next()
            self._no_more = job is None
            if job is None:
                return None
            need = self.needs.of(job.design)
            shares = self._shares(job, need)
            if slot := self.room.take(job.number, shares, before[: self.most_held]):
                return self._place(job, need, slot)
            before.append(shares)
            self._waiting[job.number] = job, need
            if self._ask is not None:
                self._looked = -math.inf  # now there may be something to ask for
        return None

    def look_around(self, *, now: bool = False) -> None:
        """Takes in which nodes there are, every LOOKS seconds, and asks for those that are missing.

        Args:
            now: whether to look before that, as where one is known to go.
        """
        if self._look is not None and (now or time.monotonic() > self._looked + LOOKS):
            if self._ask is not None:  # first, for what comes now has not been given to those that wait
                self._ask(self._gpus_missing(), self.room.nodes)
            self.room.update(self._look(self.room.nodes))
            self._looked = time.monotonic()

    def lost(self, slot: Slot) -> bool:
        """Whether the node of a place is gone, so that a job that has not begun there never will."""
        return all(node.id != slot.node for node in self.room.nodes)

    def leave(self, number: int) -> None:
        """Takes in that a job has ended.

        Args:
            number: its trial's number.
        """
        self.room.leave(number)
        self._placed.pop(number, None)

    def give_back(self, engine: Engine) -> None:
        """Takes in that nothing is trained any more, as where Tune has ended by an error: what waited may come again.

        Args:
            engine: whose jobs they are.
        """
        for number in list(self._placed):
            self.leave(number)
        self._give_back_waiting(engine)

    def seen(self, number: int, usage: Usage) -> None:
        """Takes in what a worker says of its GPU while it trains a job.

        Args:
            number: of the job's trial.
            usage: what it says.
        """
        if number not in self._placed:
            return
        need, slot = self._placed[number]
        self.room.seen(number, slot.node, usage.gpu)
        if usage.peak and (memory := self._memory(slot)):
            self.needs.measured(need, usage.peak, memory)

    def outgrew(self, number: int) -> None:
        """Takes in that a job takes more than its share: its trial gets more of a GPU when it goes on.

        Args:
            number: of the job's trial.
        """
        if number in self._placed:
            need, slot = self._placed[number]
            self.needs.outgrew(number, need, self._memory(slot))

    def _gpus_missing(self) -> int:
        """GPUs more to ask for, so that as many jobs train at a time as may; 0 while none waits, or without `workers`.

        Each job is taken to need the mean share of those that are known; none takes more than one GPU. Nothing is known
        before the first GPU. Where one stands empty it does not suit those that wait, and another may not either.
        """
        jobs = (self._workers or 0) - len(self._placed)
        if jobs < 1 or not self._waiting:
            return 0
        if not self.room.gpus:
            return 1
        free = [left for node in self.room.nodes for left in self.room.free(node.id)]
        if WHOLE in free:
            return 0
        most = max(0, jobs + len(self._placed) - self.room.gpus)
        jobs = min(jobs, len(self._waiting)) if self._no_more else jobs
        shares = [slot.eighths for _, slot in self._placed.values()]
        shares += [min(self._shares(job, need).values(), default=WHOLE) for job, need in self._waiting.values()]
        needed = jobs * statistics.mean(shares) - sum(left for left in free if left > 0)
        return min(max(1, math.ceil(needed / WHOLE)), most)

    def _give_back_waiting(self, engine: Engine) -> None:
        for number in list(self._waiting):
            del self._waiting[number]
            engine.requeue(number)

    def _place(self, job: Job, need: Need, slot: Slot) -> tuple[Job, Slot]:
        self._placed[job.number] = need, slot
        return job, slot

    def _shares(self, job: Job, need: Need) -> dict[str, int]:
        shares = self.needs.share_wherever(self.room.nodes, job.number, need)
        return shares if self.most > self.room.gpus else dict.fromkeys(shares, WHOLE)  # nobody to share with

    def _memory(self, slot: Slot) -> int:
        node = next((node for node in self.room.nodes if node.id == slot.node), None)
        return memory_of(node, slot.eighths) if node else 0
