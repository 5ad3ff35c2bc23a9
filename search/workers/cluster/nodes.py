"""The nodes of the Ray cluster that this process has joined, and how to ask each of them something."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..placement import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...config import ResourcesConfig

ANSWER_SECONDS = 60.0
"""Seconds that a node has to answer: it starts a process, which may load PyTorch from a slow disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a Ray cluster that is alive."""

    id: str
    """Ray's id of the node, in hexadecimal digits."""
    address: str
    """IP address of the node."""
    host: str
    """Host name of the node."""
    head: bool
    """Whether the node is the cluster's head."""
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


def trials_that_fit(resources: ResourcesConfig, node: Node) -> int:
    """How many trials fit on a node at a time, by the CPUs and GPUs that Ray counts on it, in use or not.

    With `gpus: auto` so many fit if each gets the smallest share.

    Args:
        resources: what each trial gets.
        node: the node.
    """
    if resources.gpus == "auto":
        return WHOLE * math.floor(node.resources.get("GPU", 0.0))
    needs = {"CPU": resources.cpus, "GPU": resources.gpus}
    return math.floor(min(node.resources.get(kind, 0.0) / need for kind, need in needs.items() if need) + 1e-9)


def ask_each_node(function: Callable[..., Any], *arguments: Any, seconds: float = ANSWER_SECONDS) -> list[Answer]:
    """`ask_nodes` of every node that is alive, in the order of `alive_nodes`."""
    return ask_nodes(alive_nodes(), function, *arguments, seconds=seconds)


def ask_nodes(
    nodes: Sequence[Node], function: Callable[..., Any], *arguments: Any, seconds: float = ANSWER_SECONDS
) -> list[Answer]:
    """Calls a function on nodes, at the same time, whether they have free CPUs or not.

    Args:
        nodes: which nodes.
        function: called with `arguments` in a process of its own on each node, which ends thereafter. A function of a
            module is found on the node by its name; one that shall run where Convscape may be missing is pickled
            whole: define it inside another, and import in its body what it needs.
        arguments: what it is called with; they are pickled.
        seconds: after which a node that has not answered is given up.

    Returns:
        An answer from each node, in their order. An error of the function is a `problem`, not raised.
    """
    asked = [(node, start_on(node.id, function, *arguments)) for node in nodes]
    until = time.monotonic() + seconds
    return [answer_of(node, task, max(0.0, until - time.monotonic()), seconds) for node, task in asked]


def ask_node(node: str, function: Callable[..., Any], *arguments: Any, seconds: float = ANSWER_SECONDS) -> Any:
    """Calls a function on one node, as `ask_each_node` does.

    Args:
        node: Ray's id of the node.
        function: called with `arguments`.
        arguments: what it is called with; they are pickled.
        seconds: after which the node is given up.

    Returns:
        What the function returned.

    Raises:
        OSError: the node is gone or does not answer, or the function raised an error, which is the message.
    """
    task = start_on(node, function, *arguments)
    try:
        return ray.get(task, timeout=seconds)
    except RayError as error:
        ray.cancel(task, force=True)
        raise OSError(why_unanswered(error, seconds)) from None


def start_on(node: str, function: Callable[..., Any], *arguments: Any) -> ray.ObjectRef:
    """Has `function` called on one node, as `ask_nodes` does, and does not wait for it.

    Args:
        node: Ray's id of the node.
        function: called with `arguments`.
        arguments: what it is called with; they are pickled.
    """
    remote = ray.remote(num_cpus=0, max_calls=1, max_retries=0)(function)
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return remote.options(scheduling_strategy=there).remote(*arguments)


def answer_of(node: Node, task: ray.ObjectRef, left: float, seconds: float = ANSWER_SECONDS) -> Answer:
    """What a node says to a task of `start_on`, or why it says nothing.

    Args:
        node: that was asked.
        task: what it was asked.
        left: seconds to wait for the answer.
        seconds: that it had in all, for the words of the problem.
    """
    try:
        return Answer(node=node, value=ray.get(task, timeout=left))
    except RayError as error:
        ray.cancel(task, force=True)
        return Answer(node=node, problem=why_unanswered(error, seconds))


def why_unanswered(error: RayError, seconds: float) -> str:
    """Why a node that was asked did not answer, or what the function raised there, as words.

    Args:
        error: what Ray raised for the answer.
        seconds: that the node had.
    """
    if isinstance(error, GetTimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause!s:.300}"
    said = " ".join(str(error).split())  # of a process that died Ray tells ids first, then why
    return f"{type(error).__name__}: {said[max(0, said.find('The actor is dead')) :]:.300}"
