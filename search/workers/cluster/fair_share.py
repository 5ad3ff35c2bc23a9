"""How many workers a driver may have while another on the same cluster waits for one: by itself none gives way."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVERY = 5.0
"""Seconds between two looks at who waits; more where one takes long, for Ray tells of all groups there ever were."""
TURN = 30.0
"""Seconds for which a driver keeps its only workers: each that starts loads PyTorch anew."""
TAKES = 60.0
"""Seconds in which a driver takes the place that was left to it; else it waits for something else."""
FORGOTTEN = 600.0
"""Seconds for which a driver that did not take a place is left no other."""
NEW_NODE = "convscape-new-node-"
"""How the names of placement groups begin that wait for a node to come. No driver makes room for them."""
_JOB = 8
"""Hexadecimal digits of Ray's id of a job, with which the id of a placement group ends."""


@dataclass(slots=True)
class Workers:
    """The workers of a cluster's drivers, by Ray's ids of their jobs. Each worker of Tune is a placement group."""

    held: dict[str, int] = field(default_factory=dict[str, int])
    """How many each driver has."""
    waiting: dict[str, int] = field(default_factory=dict[str, int])
    """For each other driver that waits, how many of this one's would have to end for it to have one."""


@dataclass(slots=True)
class _Left:
    """That this driver goes down to `keeps` workers for the driver `to`, which `had` so many."""

    to: str
    had: int
    keeps: int
    since: float | None = None
    """When it had come to that."""


@contextmanager
def place_of_its_own(cpus: float, gpus: float) -> Iterator[PlacementGroupSchedulingStrategy]:
    """Where to run a task so that other drivers see that it waits, and leave it a place; it is given back at the end.

    Args:
        cpus: that the task asks Ray for.
        gpus: that it asks for.
    """
    group = placement_group([{name: amount for name, amount in (("CPU", cpus), ("GPU", gpus)) if amount}])
    try:
        yield PlacementGroupSchedulingStrategy(group)
    finally:
        remove_placement_group(group)


class FairShare:
    """The workers that this driver may have beside the cluster's other drivers, which it looks for now and then.

    While another driver waits for a place, this one asks for no more, and leaves one where it would still have as many:
    between two jobs. To one that has none it leaves its only workers, too, when it has had them for a while. Where
    another has two more than this one, this one asks for one.

    Args:
        job: Ray's id of this driver's job; asked for where there is none.
    """

    def __init__(self, job: str = "") -> None:
        self._job = job or ray.get_runtime_context().get_job_id()
        self._limit, self._next_look = math.inf, -math.inf
        self._ours, self._grew = 0, -math.inf
        self._left: _Left | None = None
        self._elsewhere: dict[str, float] = {}
        """Until when a driver is left nothing."""

    def limit(self) -> float:
        """Workers that this driver may have now; infinite while no other waits for one, 0 where it is another's turn.

        Who has none may always ask for one.
        """
        begun = time.monotonic()
        if begun >= self._next_look:
            workers = look(self._job)
            now = time.monotonic()
            self._limit = self._find(workers, now)
            self._next_look = now + max(EVERY, 50 * (now - begun))
        return self._limit

    def _find(self, workers: Workers, now: float) -> float:
        ours = workers.held.get(self._job, 0)
        if ours > self._ours:
            self._grew = now
        self._ours = ours
        self._follow_up(workers, ours, now)
        waiting = [other for other in workers.waiting if now >= self._elsewhere.get(other, -math.inf)]
        if not waiting:
            return math.inf
        if self._left is not None:
            return self._left.keeps
        poorest = min(waiting, key=lambda other: workers.held.get(other, 0))
        theirs, keeps = workers.held.get(poorest, 0), ours - workers.waiting[poorest]
        if keeps > theirs or (keeps >= 0 and not theirs and now - self._grew >= TURN):
            self._left = _Left(poorest, theirs, keeps)
            return keeps
        richest = max((count for other, count in workers.held.items() if other != self._job), default=0)
        return ours + 1 if not ours or richest >= ours + 2 else ours

    def _follow_up(self, workers: Workers, ours: int, now: float) -> None:
        """Takes in what became of the place that was left."""
        left = self._left
        if left is None:
            return
        if left.to not in workers.waiting or workers.held.get(left.to, 0) != left.had:
            self._left = None
        elif left.since is None:
            left.since = now if ours <= left.keeps else None
        elif ours > left.keeps or now - left.since >= TAKES:
            self._elsewhere[left.to], self._left = now + FORGOTTEN, None


def look(job: str) -> Workers:
    """The workers of the cluster's drivers, as Ray tells of them now.

    Args:
        job: Ray's id of this driver's job.
    """
    found, places = Workers(), dict[str, list[dict[str, float]]]()
    asked: list[tuple[str, dict[str, float]]] = []
    with suppress(RayError, RuntimeError, OSError):  # who cannot be asked has nobody waiting
        table: Any = placement_group_table()
        for group, told in table.items():
            owner, bundles = group[-_JOB:], told["bundles"]
            if told["name"].startswith(NEW_NODE):
                continue
            if told["state"] == "CREATED":
                found.held[owner] = found.held.get(owner, 0) + 1
                for index, bundle in bundles.items() if owner == job else ():
                    places.setdefault(told["bundles_to_node_id"][index], []).append(bundle)
            elif told["state"] in ("PENDING", "PREPARED") and owner != job and len(bundles) == 1:
                asked.append((owner, next(iter(bundles.values()))))
    for owner, bundle in asked:
        if needed := [count for there in places.values() if (count := needed_for(bundle, there))]:
            found.waiting[owner] = min(*needed, found.waiting.get(owner, needed[0]))
    return found


def needed_for(bundle: Mapping[str, float], places: list[dict[str, float]]) -> int:
    """How many of a node's places must become free for something to have room there, the largest first; 0: all are few.

    Args:
        bundle: what it needs, by Ray's names of resources.
        places: what each place has.
    """
    key = "GPU" if bundle.get("GPU") else "CPU"
    free: dict[str, float] = {}
    for count, place in enumerate(sorted(places, key=lambda place: -place.get(key, 0.0)), 1):
        for name, amount in place.items():
            free[name] = free.get(name, 0.0) + amount
        if all(free.get(name, 0.0) >= amount - 1e-6 for name, amount in bundle.items()):
            return count
    return 0
