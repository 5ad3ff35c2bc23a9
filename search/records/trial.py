"""What is known of one trial: its design, what it reached, how it ended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ...spaces import Architecture, cost_table, to_notation
from ...trainers import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

State = Literal["running", "paused", "completed", "stopped", "failed", "duplicate", "infeasible"]
Role = Literal["sampled", "start", "baseline", "repeat"]
"""Where a design comes from: the sampler, `search.start`, `search.baselines`, or a trial that is trained once more."""
TIME_BUDGET = "time budget"
ENDED: tuple[State, ...] = ("completed", "stopped", "failed", "duplicate", "infeasible")


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a trial trains: a network and a recipe, with the network's cost counted once."""

    architecture: Architecture
    recipe: Recipe
    notation: str
    parameters: int
    macs: int

    @staticmethod
    def of(architecture: Architecture, recipe: Recipe) -> Design:
        """The design of a network and a recipe, its cost counted."""
        totals = cost_table(architecture).totals
        return Design(
            architecture=architecture,
            recipe=recipe,
            notation=to_notation(architecture),
            parameters=totals.parameters,
            macs=totals.macs,
        )

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
        """Plain values, from which `from_json` makes an equal design."""
        return {
            "architecture": self.architecture.to_json(),
            "recipe": self.recipe.to_json(),
            "notation": self.notation,
            "parameters": self.parameters,
            "macs": self.macs,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Design:
        """The design that `to_json` gave these values of."""
        return Design(
            architecture=Architecture.from_json(values["architecture"]),
            recipe=Recipe.from_json(values["recipe"]),
            notation=values["notation"],
            parameters=values["parameters"],
            macs=values["macs"],
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
    """The number of the trial that is trained once more, for a repetition."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes an equal one; of a repetition not which trial it repeats."""
        return {"role": self.role, "design": self.design.to_json(), "params": self.params}

    @staticmethod
    def from_json(values: dict[str, Any]) -> Enqueued:
        """The enqueued design that `to_json` gave these values of."""
        return Enqueued(values["role"], Design.from_json(values["design"]), values["params"])


class Fate:
    """Questions about the `state` and `role` of a trial, so that nobody compares their names."""

    __slots__ = ()
    state: State
    role: Role

    @property
    def running(self) -> bool:
        """Whether a worker trains it now."""
        return self.state == "running"

    @property
    def paused(self) -> bool:
        """Whether it waits: at a rung for its promotion, or for a worker."""
        return self.state == "paused"

    @property
    def completed(self) -> bool:
        """Whether it ended at full length."""
        return self.state == "completed"

    @property
    def stopped(self) -> bool:
        """Whether it ended before its full length, by promotion or by a time budget."""
        return self.state == "stopped"

    @property
    def failed(self) -> bool:
        """Whether it ended by an error."""
        return self.state == "failed"

    @property
    def duplicate(self) -> bool:
        """Whether its design is that of another trial, so that it is not trained."""
        return self.state == "duplicate"

    @property
    def infeasible(self) -> bool:
        """Whether its design is over the budget, so that it is not trained."""
        return self.state == "infeasible"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ENDED

    @property
    def trained(self) -> bool:
        """Whether it was trained, is being trained or is to be."""
        return is_trained(self.state)

    @property
    def sampled(self) -> bool:
        """Whether a sampler proposed its design."""
        return self.role == "sampled"

    @property
    def baseline(self) -> bool:
        """Whether its design is one of `search.baselines`."""
        return self.role == "baseline"

    @property
    def repetition(self) -> bool:
        """Whether it trains a finalist once more, from another seed."""
        return self.role == "repeat"

    @property
    def judged(self) -> bool:
        """Whether promotion decides how long it is trained; baselines and repetitions are trained to the end."""
        return not (self.baseline or self.repetition)

    @property
    def counted(self) -> bool:
        """Whether it is one of the `search.trials` that the sweep file asks for."""
        return self.trained and self.judged


@dataclass(slots=True, kw_only=True)
class TrialRecord(Fate):
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
    """The number of the trial that this one trains once more, from another seed."""
    latency: float | None = None
    """Seconds that classifying one image takes, where that was measured."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What MLflow has of the last epoch."""
    promoted_from: int = 0
    """Epochs of the last rung that it has earned to go on from, 0 before any."""

    @property
    def cut_off(self) -> bool:
        """Whether it was stopped by a time budget; what was stopped otherwise was never to go on."""
        return self.stopped and self.reason.endswith(TIME_BUDGET)

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
        """The highest validation accuracy, 0 to 1; None before any epoch."""
        return self.accuracies[self.best_epoch] if self.accuracies else None


def is_trained(state: State) -> bool:
    """Whether a trial in this state was trained or is to be: duplicates and infeasible ones are not."""
    return state not in ("duplicate", "infeasible")


def is_initial(role: Role) -> bool:
    """Whether a trial of this role has a design that the sweep file names."""
    return role in ("start", "baseline")


def is_sampled(role: Role) -> bool:
    """Whether a trial of this role has a design that a sampler proposed."""
    return role == "sampled"


def state_counts(trials: Iterable[Fate]) -> dict[State, int]:
    """How many trials ended in each way; finalists trained again do not count."""
    states = [trial.state for trial in trials if not trial.repetition]
    return {state: states.count(state) for state in ENDED}


def epochs(count: int) -> str:
    """A number of epochs in words: "1 epoch", "9 epochs"."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"
