"""Asks the nodes of a cluster, before anything trains on them, whether trials can be trained there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import ray

from ....spaces import SweepError
from .node_check import INSTALL, NodeCheck
from .nodes import ANSWER_SECONDS, alive_nodes, ask_nodes, trials_that_fit
from .versions import asker, misfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...config import ResourcesConfig
    from .nodes import Answer, Node

BRING_SECONDS, BRING_BYTES = 600.0, 1e6
"""How long nodes have for bringing images from object storage before anything trains: seconds, and bytes a second."""
LATE_SECONDS = 10.0
"""Seconds that a node which has come later has to answer: the sweep waits meanwhile."""
MOST_NAMED = 3
"""Nodes that an error tells of, at most."""


class NodeGuard:
    """Asks each node on which a trial has room once, and refuses a sweep that cannot be trained there.

    Nodes that come later are asked by their first worker (`problem_on_this_node`). Where that does not even start, as
    on a node without torch, `ask` is called again.

    Args:
        check: what the driver has and sees.
        resources: what each trial gets.
    """

    def __init__(self, check: NodeCheck, resources: ResourcesConfig) -> None:
        self.check = check
        """What a node must have and see, with the nodes that do."""
        self._resources = resources
        self._late: set[str] = set()
        """Ray's ids of nodes that have come later, whose versions fit."""

    def ask(self, *, answer: bool = True) -> None:
        """Asks the nodes that were not asked yet.

        Args:
            answer: whether a node that does not answer is refused; else it is asked again the next time.

        Raises:
            SweepError: names nodes that do not fit, why, and what to do.
        """
        new = [node for node in alive_nodes() if node.id not in self.check.asked | self._late]
        new = [node for node in new if trials_that_fit(self._resources, node)]
        if not new:
            return
        seconds = ANSWER_SECONDS if answer else LATE_SECONDS
        versions = [said for said in ask_nodes(new, asker(), seconds=seconds) if answer or not said.problem]
        _refuse([(said.node, self._of_versions(said)) for said in versions])
        fit = [said.node for said in versions]
        if self.check.brought and not answer:
            self._late |= {said.node.id for said in versions}
            return  # their first workers bring the images, while others train
        if self.check.reads_files:
            if self.check.brought:
                seconds = BRING_SECONDS + self.check.brought.size / BRING_BYTES
            here = ray.put(self.check)  # once, however many nodes there are
            files = [said for said in ask_nodes(fit, _unseen, here, seconds=seconds) if answer or not said.problem]
            _refuse([(said.node, self._of_files(said)) for said in files])
            fit = [said.node for said in files]
        self.check = replace(self.check, asked=self.check.asked | {node.id for node in fit})

    def _of_versions(self, answer: Answer) -> tuple[str, str] | None:
        if answer.problem:
            return _unanswered(answer)
        versions, not_loaded = answer.value
        if problem := misfit(self.check.versions, versions):
            return problem
        return (f"cannot load what trains: {not_loaded}", INSTALL) if not_loaded else None

    def _of_files(self, answer: Answer) -> tuple[str, str] | None:
        if answer.problem and self.check.brought:
            return f"has not brought the images: {answer.problem}", "What came stays there: launch the sweep again."
        return _unanswered(answer) if answer.problem else answer.value


def problem_on_this_node(check: NodeCheck) -> tuple[str, str] | None:
    """Message and remedy where trials cannot be trained on this worker's node, if it has come since nodes were asked.

    Args:
        check: what a node must have and see.
    """
    here = ray.get_runtime_context().get_node_id()
    if here in check.asked and not check.brought:  # what was brought is told to be read, by each process
        return None
    problem = check.problem_here()
    if problem is None:
        return None
    node = next((node for node in alive_nodes() if node.id == here), None)
    return f"resources.address: {_name(node) if node else f'node {here}'} {problem[0]}", problem[1]


def _unseen(check: NodeCheck) -> tuple[str, str] | None:
    return check.unseen()


def _unanswered(answer: Answer) -> tuple[str, str]:
    return (
        f"cannot be asked: {answer.problem}",
        "Look at Ray there (`ray status`, and the logs in /tmp/ray/session_latest/logs), or take the node away.",
    )


def _refuse(found: Sequence[tuple[Node, tuple[str, str] | None]]) -> None:
    """Raises SweepError for nodes that have a problem, unless they have gone since."""
    wrong = [(node, problem) for node, problem in found if problem]
    if wrong:
        alive = {node.id for node in alive_nodes()}
        wrong = [(node, problem) for node, problem in wrong if node.id in alive]
    if not wrong:
        return
    named = "; ".join(f"{_name(node)} {problem[0]}" for node, problem in wrong[:MOST_NAMED])
    more = f"; and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    raise SweepError(f"resources.address: {named}{more}", " ".join(dict.fromkeys(problem[1] for _, problem in wrong)))


def _name(node: Node) -> str:
    return f"node {node.address} ({node.host})"
