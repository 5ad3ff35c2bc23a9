"""How many workers a driver keeps while another on the same cluster waits for one: Ray gives to who asked last."""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util import placement_group_table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EVERY = 5.0
"""Seconds between two looks at who waits."""
TURN = 30.0
"""Seconds for which a driver keeps its only worker: each that starts loads PyTorch anew."""
TAKES = 60.0
"""Seconds in which a driver takes a worker's place that was left to it; else it waits for something else."""
_JOB = 8
"""Hexadecimal digits of Ray's id of a job, with which the id of a placement group ends."""


class FairShare:
    """The workers that this driver may have beside the cluster's other drivers, which it looks for now and then.

    While another driver waits for a worker this one asks for no more, and leaves one where it has two more than that
    one, or where that one has none: between two jobs, and its only worker when it has had it for a while.

    Args:
        job: Ray's id of this driver's job; asked for where there is none.
    """

    def __init__(self, job: str = "") -> None:
        self._job = job or ray.get_runtime_context().get_job_id()
        self._limit, self._looked = math.inf, -math.inf
        self._ours, self._grew = 0, -math.inf
        self._left: _Left | None = None
        self._elsewhere: dict[str, int] = {}
        """The workers of each driver that did not take a place that was left to it."""

    def limit(self) -> float:
        """Workers that this driver may have now; infinite while no other waits for one, 0 where it is another's turn.

        Who has none may always ask for one.
        """
        now = time.monotonic()
        if now - self._looked >= EVERY:
            self._looked = now
            self._limit = self._find(*_workers(self._job), now)
        return self._limit

    def _find(self, held: Mapping[str, int], waiting: Collection[str], now: float) -> float:
        ours = held.get(self._job, 0)
        if ours > self._ours:
            self._grew = now
        self._ours = ours
        if (left := self._left) is not None:
            if held.get(left.to, 0) != left.had or left.to not in waiting:
                self._left = None
            elif ours > left.keeps:
                left.since = now
            elif now - left.since >= TAKES:
                self._elsewhere[left.to], self._left = left.had, None
        waiting = [other for other in waiting if self._elsewhere.get(other) != held.get(other, 0)]
        if not waiting:
            return math.inf
        poorest = min(waiting, key=lambda other: held.get(other, 0))
        theirs = held.get(poorest, 0)
        enough = 2 if theirs or now - self._grew < TURN else 1
        if ours - theirs < enough:
            return max(ours, 1)
        if self._left is None or self._left.to != poorest:
            self._left = _Left(poorest, theirs, ours - 1, now)
        return ours - 1


class _Left:
    """That this driver goes down to `keeps` workers for the driver `to`, which `had` so many; since when it has."""

    def __init__(self, to: str, had: int, keeps: int, since: float) -> None:
        self.to, self.had, self.keeps, self.since = to, had, keeps, since


def _workers(job: str) -> tuple[Counter[str], set[str]]:
    """How many workers each driver of the cluster has, and which others wait for one in the place of one of `job`'s.

    Each worker of Tune is a placement group of one bundle.
    """
    held, asked, ours = Counter[str](), list[tuple[str, dict[str, float]]](), list[dict[str, float]]()
    with suppress(RayError, RuntimeError, OSError):  # who cannot be asked has nobody waiting
        table: Any = placement_group_table()
        for group, told in table.items():
            owner, bundles = group[-_JOB:], list(told["bundles"].values())
            if told["state"] == "CREATED":
                held[owner] += 1
                if owner == job:
                    ours += bundles
            elif told["state"] in ("PENDING", "PREPARED") and owner != job and len(bundles) == 1:
                asked.append((owner, bundles[0]))
    return held, {owner for owner, bundle in asked if any(_fits(bundle, place) for place in ours)}


def _fits(bundle: dict[str, float], place: dict[str, float]) -> bool:
    return all(place.get(key, 0.0) >= amount for key, amount in bundle.items())
