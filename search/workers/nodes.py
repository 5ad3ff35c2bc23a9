"""The nodes of the Ray cluster that this process has joined, and how to ask each of them something."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANSWER_SECONDS = 60.0
"""Seconds that a node has to answer: it starts a process, which may load PyTorch from a slow disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a Ray cluster that is alive."""

    id: str
    """Ray's id of the node, in hexadecimal digits."""
    address: str
    """Its IP address."""
    host: str
    """Its host name."""
    head: bool
    """Whether it is the cluster's head."""
    resources: Mapping[str, float]
    """What Ray counts on it: "CPU", "GPU", "memory" and "object_store_memory" in bytes, and others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a node said when it was asked."""

    node: Node
    value: Any = None
    """What the function returned there; None where `problem` says why it did not."""
    problem: str = ""
    """Why there is no answer, as words; "" where there is one."""


def alive_nodes() -> list[Node]:
    """The nodes of the cluster that are alive, the head first, then by address and id."""
    nodes = [
        Node(
            id=node["NodeID"],
            address=node["NodeManagerAddress"],
            host=node["NodeManagerHostname"],
            head="node:__internal_head__" in node["Resources"],
            resources=node["Resources"],
        )
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(nodes, key=lambda node: (not node.head, node.address, node.id))


def ask_each_node(function: Callable[..., Any], *arguments: Any, seconds: float = ANSWER_SECONDS) -> list[Answer]:
    """Calls a function on every node that is alive, at the same time, whether it has free CPUs or not.

    Args:
        function: called with `arguments` in a process of its own on each node, which ends thereafter. A function of a
            module is found on the node by its name; one that shall run where Convscape may be missing is pickled
            whole: define it inside another, and import in its body what it needs.
        arguments: what it is called with; they are pickled.
        seconds: after which a node that has not answered is given up.

    Returns:
        An answer from each node, in the order of `alive_nodes`. An error of the function is a `problem`, not raised.
    """
    remote = ray.remote(num_cpus=0, max_calls=1, max_retries=0)(function)
    nodes = alive_nodes()
    asked = [
        remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(*arguments)
        for node in nodes
    ]
    until = time.monotonic() + seconds
    return [
        _answer(node, task, max(0.0, until - time.monotonic()), seconds)
        for node, task in zip(nodes, asked, strict=True)
    ]


def _answer(node: Node, task: ray.ObjectRef, left: float, seconds: float) -> Answer:
    try:
        return Answer(node=node, value=ray.get(task, timeout=left))
    except ray.exceptions.GetTimeoutError:
        ray.cancel(task, force=True)
        return Answer(node=node, problem=f"no answer within {seconds:g} s")
    except ray.exceptions.RayTaskError as error:
        return Answer(node=node, problem=f"{type(error.cause).__name__}: {error.cause!s:.300}")
    except ray.exceptions.RayError as error:
        return Answer(node=node, problem=f"{type(error).__name__}: {error!s:.300}")
