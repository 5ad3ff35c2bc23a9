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

    def details(self, dataset: Dataset) -> dict[str, Any]:
        """Where the network comes from, as values for JSON.

        Args:
            dataset: the images as the run had them.
        """
        return {
            "sweep": self.config.name,
            "trial": self.trial,
            "run": self.record.number,
            "run_id": self.run_id,
            "validation_accuracy": self.record.accuracies.get(self.epoch),
            "images": {"trained_on": len(dataset.train), "validated_on": len(dataset.validation)},
            "epoch": self.epoch,
        }

    def about(self, others: tuple[float, ...] = ()) -> About:
        """What the model card says of how the network was found.

        Args:
            others: test accuracies, 0 to 1, of networks of the same design that were trained from other seeds.
        """
        config = self.config
        tried = ", ".join(f"{count:,} {state}" for state, count in self.counts.items() if count)
        asked = asked_in_words(config)
        return About(
            question=f"Which network has the highest {config.search.objectives[0]} on the validation images of "
            f"{config.data.name}? Sweep {config.name} asked it, and trial {self.trial} is the answer handed over.",
            search=(
                *(f"{key.capitalize()}: {text}." for key, text in asked.items() if text),
                f"Trials: {tried}.",
            ),
            accuracies=self.accuracies,
            others=others,
        )
