"""Exports of trained networks, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convscape.trainers.export import Trained, export_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.spaces import Architecture
    from convscape.trainers.data import Dataset
    from convscape.trainers.export import Exported


def export_checkpoint(
    architecture: Architecture, checkpoint: Path, dataset: Dataset, folder: Path, **options: Any
) -> Exported:
    """Exports the network of a checkpoint; without what takes seconds where it is not asked for."""
    trained = Trained.from_checkpoint(architecture, checkpoint, dataset)
    return export_bundle(trained, folder, **{"formats": (), "insight": False, **options})
