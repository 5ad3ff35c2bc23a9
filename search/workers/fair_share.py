"""Whether a worker is given back to a cluster, for another driver that waits: a warm worker keeps its place else."""

from __future__ import annotations

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
"""Seconds between two looks at who waits, when a worker becomes free."""
TURN = 30.0
"""Seconds between two workers that are given to a driver that then has one more than this: each starts PyTorch anew."""
HELD_BACK = 15.0
"""Seconds at most for which this driver asks for no worker after it gave one: Ray would serve who asks last."""
_JOB = 8
"""Hexadecimal digits of Ray's id of a job, with which the id of a placement group ends."""


class FairShare:
    """The workers of this driver beside those of the cluster's other drivers, looked at every few seconds at most."""

    def __init__(self) -> None:
        self._looked, self._given = -EVERY, time.monotonic()
        self._other, self._held, self._until = "", 0, 0.0

    def gives_way(self) -> bool:
        """Whether a worker that has become free is to be ended, so that its place goes to another driver."""
        now = time.monotonic()
        if now - self._looked < EVERY:
            return False
        self._looked = now
        held, waiting = _groups()
        other = poorer(held, waiting, _own_job(), by=1 if now - self._given >= TURN else 2)
        if not other:
            return False
        self._given, self._until = now, now + HELD_BACK
        self._other, self._held = other, held[other]
        return True

    def holds_back(self) -> bool:
        """Whether the driver to which a worker was given still waits for it: no other is to be asked for meanwhile."""
        now = time.monotonic()
        if now >= self._until:
            return False
        if now - self._looked >= 1.0:
            self._looked = now
            held, waiting = _groups()
            if self._other not in waiting or held[self._other] > self._held:
                self._until = now
        return now < self._until


def poorer(held: Mapping[str, int], waiting: Collection[str], job: str, *, by: int) -> str:
    """The job that waits for a worker and has the fewest, where `job` has so many more; "" where there is none.

    Args:
        held: workers by Ray's id of the job.
        waiting: jobs that wait for one.
        job: whose workers may be too many.
        by: how many more are too many.
    """
    found = min((other for other in waiting if other != job), key=lambda other: held.get(other, 0), default="")
    return found if found and held.get(job, 0) - held.get(found, 0) >= by else ""


def _groups() -> tuple[Counter[str], set[str]]:
    """How many placement groups, each of them a worker's, each job of the cluster has; and which jobs wait for one."""
    held, waiting = Counter[str](), set[str]()
    with suppress(RayError, RuntimeError, OSError):  # who cannot be asked has nobody waiting
        table: Any = placement_group_table()
        for group, told in table.items():
            if told["state"] == "CREATED":
                held[group[-_JOB:]] += 1
            elif told["state"] in ("PENDING", "PREPARED"):
                waiting.add(group[-_JOB:])
    return held, waiting


def _own_job() -> str:
    return ray.get_runtime_context().get_job_id()
