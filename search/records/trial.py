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

    from .pairing import Pairing

State = Literal["running", "paused", "completed", "stopped", "failed", "duplicate", "infeasible"]
"""How a trial stands: "running" on a worker, "paused" until it may go on, or how it ended."""
Role = Literal["sampled", "start", "baseline", "repeat", "refit", "compared"]
"""Where a design comes from: the sampler, `search.start`, `search.baselines`, or a trial that is trained once more: a
finalist from another seed, "repeat", or the winner on validation images, too, "refit"; or an experiment, "compared"."""
LATER = ("mixup", "cutmix")
"""Settings of a recipe that came later than the first sweeps."""
TIME_BUDGET = "time budget"
"""How the reason of a trial ends that a time budget stopped."""
ENDED: tuple[State, ...] = ("completed", "stopped", "failed", "duplicate", "infeasible")
"""The states of trials that have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a trial trains: a network and a recipe, with the network's cost counted once."""

    architecture: Architecture
    recipe: Recipe
    notation: str
    """The network as a line of notation."""
    parameters: int
    """Weights and biases of the network."""
    macs: int
    """Multiply-accumulates of one image's forward pass."""

    @staticmethod
    def of(architecture: Architecture, recipe: Recipe) -> Design:
        """The design of a network and a recipe; notation, parameters and MACs are worked out."""
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
        """Equal for designs whose training is equal: 16 hex digits of a SHA-256 of network digest and recipe.

        Settings that earlier versions did not have are left out where they do nothing: a key stays what it was.
        """
        recipe = json.dumps({k: v for k, v in self.recipe.to_json().items() if v or k not in LATER}, sort_keys=True)
        return hashlib.sha256(f"{self.architecture.digest} {recipe}".encode()).hexdigest()[:16]

    @property
    def architecture_text(self) -> str:
        """The architecture as JSON text, as it is kept with each MLflow run."""
        return json.dumps(self.architecture.to_json(), indent=1) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Design.from_json` makes an equal design."""
        return {
            "architecture": self.architecture.to_json(),
            "recipe": self.recipe.to_json(),
            "notation": self.notation,
            "parameters": self.parameters,
            "macs": self.macs,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Design:
        """The design from which `Design.to_json` made `values`."""
        return Design(
            architecture=Architecture.from_json(values["architecture"]),
            recipe=Recipe.from_json(values["recipe"]),
            notation=values["notation"],
            parameters=values["parameters"],
            macs=values["macs"],
        )


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A design that the sampler does not propose: one that the sweep file names, or a finalist trained once more.

    Designs that the sweep file names are trained before the sampler proposes its own.
    """

    role: Role
    design: Design
    params: dict[str, Any] = field(default_factory=dict)
    """Values of Optuna's parameters for which the space proposes this design; empty where they are not known, so that
    the sampler cannot learn from it."""
    repeats: int | None = None
    """The number of the trial that is trained once more, for a repetition or a refit; else None."""
    textbook: bool = False
    """Whether the design is one of the textbook's, of which the best is trained on whatever promotion says."""
    fold: int = 0
    """Which split of the images a finalist's run is trained on; 0 for the sweep's own."""
    pairing: Pairing | None = None
    """The place in an experiment; None for a design of a search."""

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Enqueued.from_json` makes an equal value.

        They do not say which trial a repetition repeats, nor the place in an experiment.
        """
        textbook = {"textbook": True} if self.textbook else {}
        return {"role": self.role, "design": self.design.to_json(), "params": self.params, **textbook}

    @staticmethod
    def from_json(values: dict[str, Any]) -> Enqueued:
        """The enqueued design from which `Enqueued.to_json` made `values`."""
        design, textbook = Design.from_json(values["design"]), values.get("textbook", False)
        return Enqueued(role=values["role"], design=design, params=values["params"], textbook=textbook)


class Fate:
    """Questions about the `state` and `role` of a trial, asked by properties so that no code compares the names."""

    __slots__ = ()
    state: State
    role: Role

    @property
    def running(self) -> bool:
        """Whether a worker trains the trial now."""
        return self.state == "running"

    @property
    def paused(self) -> bool:
        """Whether the trial waits: at a rung for its promotion, or for a worker."""
        return self.state == "paused"

    @property
    def completed(self) -> bool:
        """Whether the trial ended at full length."""
        return self.state == "completed"

    @property
    def stopped(self) -> bool:
        """Whether the trial ended before its full length, by promotion or by a time budget."""
        return self.state == "stopped"

    @property
    def failed(self) -> bool:
        """Whether the trial ended by an error."""
        return self.state == "failed"

    @property
    def duplicate(self) -> bool:
        """Whether the trial has the design of another one, so that it is not trained."""
        return self.state == "duplicate"

    @property
    def infeasible(self) -> bool:
        """Whether the trial's design is over the budget, so that it is not trained."""
        return self.state == "infeasible"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the trial."""
        return self.state in ENDED

    @property
    def trained(self) -> bool:
        """Whether the trial was trained, is being trained or is to be."""
        return is_trained(self.state)

    @property
    def sampled(self) -> bool:
        """Whether a sampler proposed the trial's design."""
        return self.role == "sampled"

    @property
    def baseline(self) -> bool:
        """Whether the trial's design is one of `search.baselines`."""
        return self.role == "baseline"

    @property
    def repetition(self) -> bool:
        """Whether the trial trains another's design once more: a finalist's from a new seed, or the winner's refit."""
        return self.role in ("repeat", "refit")

    @property
    def refit(self) -> bool:
        """Whether the trial trains the winner for the last time, on most of the validation images, too."""
        return self.role == "refit"

    @property
    def start(self) -> bool:
        """Whether the trial's design is one of `search.start`, the textbook's among them."""
        return self.role == "start"

    @property
    def counted(self) -> bool:
        """Whether the trial is one of the `search.trials` that the sweep file asks for."""
        return self.trained and not (self.baseline or self.repetition)


@dataclass(slots=True, kw_only=True)
class TrialRecord(Fate):
    """One trial of a sweep, from its proposal to its end. It changes as the sweep goes on."""

    number: int
    design: Design
    state: State = "running"
    reason: str = ""
    """Why the trial ended, in a sentence; "" before that."""
    accuracies: dict[int, float] = field(default_factory=dict)
    """Validation accuracy, 0 to 1, after each epoch that was run, by epoch counted from 1."""
    attempts: int = 0
    """How often a worker was lost while training it."""
    role: Role = "sampled"
    events: tuple[str, ...] = ()
    """What a reader of the trial's learning curve should know, such as a batch that had to be halved."""
    repeats: int | None = None
    """The number of the trial whose design this one trains once more, as a finalist's run or as the last training."""
    latency: float | None = None
    """Seconds that classifying one image takes, where that was measured."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics of the last epoch, as MLflow is sent them."""
    fold: int = 0
    """Which split of the images the trial is trained on, see `trainers.data.Dataset.fold`; 0 for the sweep's own."""
    promoted_from: int = 0
    """Epochs of the last rung that the trial was promoted from, 0 before any."""
    textbook: bool = False
    """Whether the design is one of the textbook's, of which the best is trained on whatever promotion says."""
    diverged: bool = False
    """Whether it failed since its network will not learn any more."""
    pairing: Pairing | None = None
    """The trial's place in an experiment; None in a search."""
    params: dict[str, Any] = field(default_factory=dict)
    """Values of Optuna's parameters that the design was made of, where the trial was read from disk; {} where the
    design was named."""
    distributions: dict[str, str] = field(default_factory=dict)
    """For each of `params` the distribution that Optuna has of it, as its JSON text."""
    history: dict[int, dict[str, float]] = field(default_factory=dict)
    """Metrics of each epoch by epoch, with "time", when it ended in seconds since 1970, where the trial was read from
    disk; early sweeps have no such times."""

    @property
    def judged(self) -> bool:
        """Whether promotion decides how long the trial is trained: baselines and repetitions are trained to the end."""
        return not (self.baseline or self.repetition)

    @property
    def cut_off(self) -> bool:
        """Whether a time budget stopped the trial, so that nothing is known of how far promotion would have taken it.

        A trial that was stopped for another reason was never to go on.
        """
        return self.stopped and self.reason.endswith(TIME_BUDGET)

    @property
    def epochs(self) -> int:
        """Epochs that the trial was trained for so far."""
        return max(self.accuracies, default=0)

    @property
    def seconds(self) -> float:
        """Seconds that the trial's epochs took; where only the last one's time is known, each as long as that."""
        known = [metrics["epoch_seconds"] for metrics in self.history.values() if "epoch_seconds" in metrics]
        return sum(known) if known else self.epochs * self.metrics.get("epoch_seconds", 0.0)

    @property
    def best_epoch(self) -> int:
        """The epoch of the trial's highest validation accuracy, the first of several; 0 before any."""
        return max(self.accuracies, key=lambda epoch: (self.accuracies[epoch], -epoch), default=0)

    @property
    def accuracy(self) -> float | None:
        """The trial's highest validation accuracy, 0 to 1; None before any epoch."""
        return self.accuracies[self.best_epoch] if self.accuracies else None


def is_trained(state: State) -> bool:
    """Whether a trial in this state was trained or is to be: not so for "duplicate" and "infeasible"."""
    return state not in ("duplicate", "infeasible")


def is_initial(role: Role) -> bool:
    """Whether a trial of this role has a design that the sweep file names: "start" and "baseline" do."""
    return role in ("start", "baseline")


def is_sampled(role: Role) -> bool:
    """Whether a trial of this role has a design that a sampler proposed."""
    return role == "sampled"


def is_compared(role: Role) -> bool:
    """Whether a trial of this role is a training of an experiment, which seeks no winner."""
    return role == "compared"


def is_refit(role: Role) -> bool:
    """Whether a trial of this role is the winner's last training."""
    return role == "refit"


def state_counts(trials: Iterable[Fate]) -> dict[State, int]:
    """How many trials ended in each of the states ENDED; finalists trained again do not count."""
    states = [trial.state for trial in trials if not trial.repetition]
    return {state: states.count(state) for state in ENDED}


def epochs_in_words(count: int) -> str:
    """A number of epochs in words: "1 epoch", "9 epochs"."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"
