"""Trains the winner once more from several seeds, on validation images, too, before it is handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces import ExportError, TrainingError
from ...trainers import Checkpoints, Training, read_checkpoint
from ...trainers.device import gpus_here
from ..files import RETRAINED, hold_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...trainers.data import Dataset
    from .winner import Winner


def retrain(winner: Winner, dataset: Dataset, seed: int, tell: Callable[[str], None]) -> Path:
    """Trains the winner's design from a seed, as long as the run that it is taken from, and gives the last checkpoint.

    It is kept in the sweep's folder after each epoch: what was interrupted goes on, and what was trained is not trained
    again.

    Args:
        winner: what is trained.
        dataset: with `Dataset.for_refit` applied.
        seed: of weights, order and dropout.
        tell: takes a line after each epoch.

    Raises:
        TrainingError: the training cannot go on.
        SweepError: another process trains it at this moment, or its folder cannot be locked.
    """
    record, folder = winner.record, _folder(winner, dataset, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with hold_path(folder / "lock", f"training {folder.name} of sweep {winner.config.name}"):
        kept = Checkpoints(folder)
        if (last := kept.at(record.epochs)).exists():
            return last
        training = Training(
            record.design.architecture,
            record.design.recipe,
            dataset,
            seed=seed,
            epochs=record.epochs,
            device="cuda" if gpus_here() else "cpu",
            precision=read_checkpoint(winner.checkpoint)[1].get("precision", "float32"),
        )
        if (latest := kept.latest()) is not None:
            training.restore(latest)
        while training.epoch < record.epochs:
            result = training.run_epoch()
            kept.save(training, best=False)
            tell(
                f"seed {seed}: epoch {result.epoch} of {record.epochs}, validation accuracy "
                f"{result.validation_accuracy:.4f} on {len(dataset.validation):,} images"
            )
        return kept.at(record.epochs)


def retrain_all(winner: Winner, dataset: Dataset, seeds: int, tell: Callable[[str], None]) -> list[Path]:
    """Trains the winner from each seed from 0 on; the first is the one that is handed over.

    Args:
        winner: what is trained.
        dataset: with `Dataset.for_refit` applied.
        seeds: how many.
        tell: takes a line after each epoch, and why a training failed.

    Returns:
        Checkpoints, the first seed's first; of other seeds those that came to their end.

    Raises:
        ExportError: the first seed's training cannot go on.
        SweepError: another process trains one of them.
    """
    found: list[Path] = []
    for seed in range(seeds):
        try:
            found.append(retrain(winner, dataset, seed, tell))
        except TrainingError as error:
            if not seed:
                raise ExportError(
                    f"trial {winner.trial}, trained again from seed 0: {error.message}",
                    "Export what the search trained: leave --retrain out.",
                ) from error
            tell(f"seed {seed}: it failed, and counts in no spread: {error.message}")
    return found


def _folder(winner: Winner, dataset: Dataset, seed: int) -> Path:
    record = winner.record
    name = f"{record.design.key}-{dataset.fingerprint[:8]}-{record.epochs}-{seed}"
    return winner.config.sweep_folder / RETRAINED / name
