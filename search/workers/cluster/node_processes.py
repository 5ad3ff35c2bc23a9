"""A process on each node of a cluster that answers several questions, and tells the time, before it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .nodes import Answer, why_unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from .nodes import Node

LOOKS = 7
"""How often each clock is looked at; the look that took the shortest time counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A node's clock beside this process's."""

    ahead: float
    """Seconds that it is ahead; below 0 where it is behind."""
    within: float
    """Seconds that `ahead` may be wrong by at most: half of the time that the look took."""


class NodeProcesses:
    """A process on each of some nodes of the joined cluster, whether they have free CPUs or not.

    What has been loaded for one question is there for the next. Use it as a context manager: at the end the processes
    are gone.

    Args:
        nodes: where; they are asked for their processes at the same time.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        remote = _process_class()
        self._processes = {
            node.id: remote.options(
                num_cpus=0, max_restarts=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)
            ).remote()
            for node in nodes
        }

    def __enter__(self) -> NodeProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            ray.kill(process)

    def ask(
        self, function: Callable[..., Any], arguments: Sequence[tuple[Node, tuple[Any, ...]]], seconds: float
    ) -> list[Answer]:
        """Calls a function on nodes at the same time.

        Args:
            function: one that is defined inside another is pickled whole, and runs where Convscape is missing, too.
            arguments: each node with what the function is called with there.
            seconds: after which a node that has not answered is given up.

        Returns:
            An answer of each node, in the order given. An error of the function is a `problem`, not raised.
        """
        until = time.monotonic() + seconds
        asked = [(node, self._processes[node.id].call.remote(function, *given)) for node, given in arguments]
        return [_answer(node, task, until, seconds) for node, task in asked]

    def clock(self, node: Node, seconds: float) -> Clock | None:
        """The clock of a node that has answered before; None where it no longer does.

        A look is sent and answered within a round trip; the clock was read some time in between, and is taken to have
        been read in its middle (Cristian 1989).

        Args:
            node: whom to ask.
            seconds: after which it is given up.
        """
        until, looks = time.monotonic() + seconds, []
        try:
            while len(looks) < LOOKS:
                before, sent = time.time(), time.monotonic()
                there: Any = ray.get(self._processes[node.id].time.remote(), timeout=_left(until))
                took = time.monotonic() - sent
                looks.append(Clock(ahead=there - (before + took / 2), within=took / 2))
        except RayError:  # GetTimeoutError is one
            pass
        return min(looks, key=lambda clock: clock.within, default=None)


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def _answer(node: Node, task: ray.ObjectRef, until: float, seconds: float) -> Answer:
    try:
        return Answer(node=node, value=ray.get(task, timeout=_left(until)))
    except RayError as error:
        return Answer(node=node, problem=why_unanswered(error, seconds))


def _process_class() -> Any:
    """A class of actors that is pickled whole, for nodes that may not have this Convscape."""

    class NodeProcess:
        def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
            return function(*arguments)

        def time(self) -> float:
            import time

            return time.time()

    return ray.remote(NodeProcess)
