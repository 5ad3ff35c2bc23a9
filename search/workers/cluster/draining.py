"""Whether a worker's node is about to be taken away, as a cloud announces of a spot machine, or was."""

from __future__ import annotations

import time
from contextlib import suppress

import ray
from ray._private.state import state
from ray.exceptions import ActorDiedError, RayError

EVERY = 5.0
"""Seconds between two questions to the cluster: a notice is 30 seconds or more."""


class NodeDrainsError(Exception):
    """The worker's node is about to be taken away: its trial goes on elsewhere, from the epoch that was kept last.

    Raised by a worker it makes Ray Tune end that worker, and not give it the next job.
    """


class Notice:
    """What the cluster says of this process's node, asked every few seconds at most."""

    def __init__(self) -> None:
        self._asked = -EVERY

    def heed(self) -> None:
        """Returns where the node stays, as far as anybody knows.

        Raises:
            NodeDrainsError: it is being drained.
        """
        if time.monotonic() - self._asked < EVERY or not ray.is_initialized():
            return
        self._asked = time.monotonic()
        with suppress(RayError, RuntimeError, OSError):  # who cannot be asked has given no notice
            if ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
                raise NodeDrainsError("its node is being drained")


def was_drained(error: BaseException | None) -> bool:
    """Whether an error that ended a worker, as Ray gives it, came from its node being taken away after a notice."""
    return isinstance(getattr(error, "cause", None), NodeDrainsError) or bool(getattr(error, "preempted", False))


def node_died(error: BaseException | None) -> bool:
    """Whether an error that ended a worker, as Ray gives it, came from the end of its node."""
    return isinstance(error, ActorDiedError) and "node has died" in str(error)
