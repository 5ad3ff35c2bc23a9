"""The trial whose network is handed over, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...trainers.export import About
from ..config import asked_in_words

if TYPE_CHECKING:
    from pathlib import Path

    from ...trainers.data import Dataset
    from ..config import SweepConfig
    from ..records import TrialRecord

_AGAIN = (
    "Trained again from {seeds} seeds, on the training images and four fifths of the validation images; the network "
    "from seed 0 is handed over, settled before a test image was read."
)


@dataclass(frozen=True, kw_only=True)
class Winner:
    """A trained trial of a sweep that is to be handed over."""

    config: SweepConfig
    """Of the sweep."""
    record: TrialRecord
    """The run whose weights they are: the trial's own, or one that repeats it after the search."""
    checkpoint: Path
    """The run's checkpoint that is taken."""
    epoch: int
    """Epochs after which that was written."""
    accuracies: tuple[float, ...]
    """Validation accuracy of each run of the design from a seed of its own, 0 to 1."""
    counts: dict[str, int]
    """How many trials of the sweep ended in each state."""
    run_id: str | None
    """MLflow's id of the run; None while it has not arrived there."""
    best: bool
    """Whether it is the sweep's best; not where somebody named the trial."""
    running: bool
    """Whether the sweep goes on, so that a better one may come."""

    @property
    def trial(self) -> int:
        """Number of the trial of the search."""
        return self.record.number if self.record.repeats is None else self.record.repeats

    def images(self, dataset: Dataset) -> Dataset:
        """The images as the run had them: in its split, or with most of the validation images to train on.

        Args:
            dataset: the sweep's.
        """
        return dataset.for_refit() if self.record.refit else dataset.fold(self.record.fold)

    @property
    def unfinished(self) -> str:
        """What is not at its end, as a sentence: the sweep, or the trial's training; "" where both are."""
        if self.running:
            return f"Sweep {self.config.name} was still running: a better one may have come."
        if not (self.record.completed or self.record.repetition):
            return f"Trial {self.trial} was not trained to its end: this is its best epoch, {self.epoch}."
        return ""

    def details(self, dataset: Dataset, seeds: int = 0) -> dict[str, Any]:
        """Where the network comes from, as values for JSON.

        Args:
            dataset: the images that its weights were learnt from.
            seeds: from how many it was trained again; 0 where the weights are the run's.
        """
        accuracy = self.record.accuracies.get(self.epoch)
        run = {"validation_accuracy": accuracy, "epoch": self.epoch}
        return {
            "sweep": self.config.name,
            "trial": self.trial,
            "run": self.record.number,
            "run_id": self.run_id,
            "images": {"trained_on": len(dataset.train), "validated_on": len(dataset.validation)},
            **({"retrained_from_seeds": seeds, "in_the_search": run} if seeds else run),
        }

    def about(self, seeds: int = 0, others: tuple[float, ...] = ()) -> About:
        """What the model card says of how the network was found.

        Args:
            seeds: from how many it was trained again; 0 where the weights are the run's.
            others: test accuracies, 0 to 1, of networks of the same design that were trained from other seeds.
        """
        config = self.config
        tried = ", ".join(f"{count:,} {state}" for state, count in self.counts.items() if count)
        asked = asked_in_words(config)
        answer = "is the answer handed over" if self.best else "was chosen by hand to be handed over"
        return About(
            question=f"Which network has the highest {config.search.objectives[0]} on the validation images of "
            f"{config.data.name}? Sweep {config.name} asked it, and trial {self.trial} {answer}.",
            search=(
                self.unfinished,
                _AGAIN.format(seeds=seeds) if seeds else "",
                *(f"{key.capitalize()}: {text}." for key, text in asked.items() if text),
                f"Trials: {tried}.",
            ),
            accuracies=self.accuracies,
            others=others,
        )
