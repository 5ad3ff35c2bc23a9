"""What is known of one trial: its design, what it reached, how it ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ...spaces import Architecture, cost_table, to_notation
from ...trainers import Recipe

if TYPE_CHECKING:
    from pathlib import Path

State = Literal["running", "paused", "completed", "stopped", "failed", "duplicate", "infeasible"]
Role = Literal["sampled", "start", "baseline", "repeat"]
"""Where a design comes from: the sampler, `search.start`, `search.baselines`, or a trial that is trained once more."""
TIME_BUDGET = "time budget"
ENDED: tuple[State, ...] = ("completed", "stopped", "failed", "duplicate", "infeasible")


@dataclass(frozen=True, slots=True)
class Design:
    """What a trial trains: a network and a recipe, with the network's cost counted once."""

    architecture: Architecture
    recipe: Recipe
    notation: str
    parameters: int
    macs: int

    @staticmethod
    def of(architecture: Architecture, recipe: Recipe) -> Design:
        totals = cost_table(architecture).totals
        return Design(architecture, recipe, to_notation(architecture), totals.parameters, totals.macs)

    @property
    def key(self) -> str:
        """Equal for designs whose training would be the same: the network's digest and the recipe."""
        recipe = json.dumps(self.recipe.to_json(), sort_keys=True)
        return hashlib.sha256(f"{self.architecture.digest} {recipe}".encode()).hexdigest()[:16]

    @property
    def architecture_text(self) -> str:
        """The architecture's JSON, as it is kept with each run."""
        return json.dumps(self.architecture.to_json(), indent=1) + "\n"

    def to_json(self) -> dict[str, Any]:
        return {
            "architecture": self.architecture.to_json(),
            "recipe": self.recipe.to_json(),
            "notation": self.notation,
            "parameters": self.parameters,
            "macs": self.macs,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Design:
        return Design(
            Architecture.from_json(values["architecture"]),
            Recipe.from_json(values["recipe"]),
            values["notation"],
            values["parameters"],
            values["macs"],
        )


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A design that is trained before the sampler proposes its own.

    `params` are the sampler's settings that lead to it, where they are known: empty where the sampler cannot learn
    from it.
    """

    role: Role
    design: Design
    params: dict[str, Any] = field(default_factory=dict)
    repeats: int | None = None
    """The trial that this one trains once more."""

    def to_json(self) -> dict[str, Any]:
        return {"role": self.role, "design": self.design.to_json(), "params": self.params}

    @staticmethod
    def from_json(values: dict[str, Any]) -> Enqueued:
        return Enqueued(values["role"], Design.from_json(values["design"]), values["params"])


@dataclass(slots=True)
class TrialRecord:
    """One trial of a sweep, from its proposal to its end."""

    number: int
    design: Design
    state: State = "running"
    reason: str = ""
    accuracies: dict[int, float] = field(default_factory=dict)
    """Validation accuracy, 0 to 1, after each epoch that was run."""
    attempts: int = 0
    """How often a worker was lost while training it."""
    role: Role = "sampled"
    events: tuple[str, ...] = ()
    """What a reader of its curve should know, such as a batch that had to be halved."""
    repeats: int | None = None
    """The trial that this one trains once more, from another seed."""
    latency: float | None = None
    """Seconds that classifying one image takes, where that was measured."""
    promoted_from: int = 0
    """Epochs of the last rung that it has earned to go on from, 0 before any."""

    @property
    def cut_off(self) -> bool:
        """Whether it was stopped by a time budget; what was stopped otherwise was never to go on."""
        return self.state == "stopped" and self.reason.endswith(TIME_BUDGET)

    @property
    def exempt(self) -> bool:
        """Whether it is trained to the end whatever promotion says, and not counted in `search.trials`."""
        return self.role in ("baseline", "repeat")

    @property
    def epochs(self) -> int:
        """Epochs run so far."""
        return max(self.accuracies, default=0)

    @property
    def best_epoch(self) -> int:
        """The epoch of the highest accuracy, the first of them; 0 before any."""
        return max(self.accuracies, key=lambda epoch: (self.accuracies[epoch], -epoch), default=0)

    @property
    def accuracy(self) -> float | None:
        """The highest validation accuracy, None before any epoch."""
        return self.accuracies[self.best_epoch] if self.accuracies else None


@dataclass(frozen=True, slots=True)
class Job:
    """An order for a worker: train this design on from `start` epochs until it is told to stop."""

    number: int
    design: Design
    start: int
    epochs: int
    rungs: tuple[int, ...]
    """Epochs to come after which the trial is judged: the worker reports there at once."""
    seed: int
    best: float
    """The highest accuracy so far, below 0 before any; a better one is kept as the best checkpoint."""
    checkpoints: Path
    until: float | None = None
    """`time.time()` past which no epoch is begun."""
    latency: bool = False
    """Whether to measure how long classifying one image takes, with the job's first epoch."""

    def to_json(self) -> dict[str, Any]:
        design = {"architecture": self.design.architecture.to_json(), "recipe": self.design.recipe.to_json()}
        length = {"start": self.start, "epochs": self.epochs, "rungs": list(self.rungs), "until": self.until}
        rest = {"number": self.number, "seed": self.seed, "best": self.best, "latency": self.latency}
        return {**design, **length, **rest, "checkpoints": str(self.checkpoints)}


def epochs(count: int) -> str:
    """A number of epochs in words: "1 epoch", "9 epochs"."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"
