"""What was found where a sweep is to run, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Level(StrEnum):
    """What a finding means for a sweep."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; a sweep can run all the same."""
    WRONG = "wrong"
    """No sweep can run, or its trials fail on that node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what it was found to be."""

    check: str
    """What was looked at, in a word or two: "versions", "clock"."""
    level: Level
    text: str
    """What was found, without figures that differ between nodes that are alike; those are the `amount`."""
    remedy: str = ""
    """What to do about it; "" where nothing need be done."""
    amount: float | None = None
    """What was measured, to be shown before the text; None where nothing was."""
    unit: Literal["", "bytes", "seconds"] = ""
    """What the amount counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFindings:
    """What was found on one node."""

    id: str
    """Ray's id of the node."""
    address: str
    """The IP address of the node."""
    host: str
    """The host name of the node."""
    head: bool
    """Whether it is the cluster's head."""
    cpus: float
    """CPUs as Ray counts them."""
    gpus: float
    """GPUs as Ray counts them."""
    room: int
    """How many trials run on it at a time; 0 where none does."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was found on this machine or cluster."""

    place: str
    """What was examined, as words: "this machine", or the cluster with its address."""
    driver: tuple[Finding, ...]
    """What was found in this process: its versions, the folder of sweeps, MLflow, the images."""
    nodes: tuple[NodeFindings, ...]
    """What was found on each node of the cluster, the head first."""
    trials: tuple[Finding, ...]
    """Whether trials find what they need, and how many at a time."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, the driver's first."""
        return (*self.driver, *(finding for node in self.nodes for finding in node.findings), *self.trials)

    @property
    def can_run(self) -> bool:
        """Whether a sweep can run: nothing is wrong."""
        return all(finding.level is not Level.WRONG for finding in self.findings)

    @property
    def room(self) -> int:
        """How many trials run at a time, on all nodes together."""
        return sum(node.room for node in self.nodes)
