"""The checkpoints of a trial: which are kept, which is the best, which is the newest that is whole."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any, Protocol

from ..spaces import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

BEST = "best.json"
KEPT = 2
"""How many of the newest checkpoints stay, besides the best: should the newest be damaged there is one before it."""


class Savable(Protocol):
    """What `Checkpoints` saves, such as a `training.Training`."""

    @property
    def epoch(self) -> int:
        """How many epochs were trained."""
        ...

    def save(self, folder: Path, notes: Mapping[str, Any]) -> None:
        """Writes a checkpoint to `folder`, with notes that JSON can hold."""
        ...


class Checkpoints:
    """The checkpoints of one trial in `folder`: the newest two and the best."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, training: Savable, *, best: bool, notes: Mapping[str, Any] | None = None) -> None:
        """Saves `training` as `epoch-0003/` after its third epoch, and deletes the checkpoints that are not kept.

        Args:
            training: after any epoch; what later epochs left, before something made it go back, is deleted.
            best: whether it is the best so far.
            notes: what else to keep with it: anything JSON can hold.
        """
        name = self.at(training.epoch).name
        training.save(self.folder / name, notes or {})
        if best:
            self.mark_best(training.epoch)
        newest = [path.name for path in self._all() if _epoch(path) <= training.epoch][:KEPT]
        kept = {*newest, self._best_name()}
        for path in self._all():
            if path.name not in kept:
                shutil.rmtree(path)

    def mark_best(self, epoch: int) -> None:
        """Remembers the checkpoint after `epoch` as the best.

        `save` does this for one saved as the best; a kill between the two leaves it to do again.
        """
        temporary = self.folder / f".{BEST}"
        temporary.write_text(json.dumps({"best": self.at(epoch).name}))
        temporary.replace(self.folder / BEST)

    def at(self, epoch: int) -> Path:
        """Folder of the checkpoint after `epoch` epochs, whether it is there or not."""
        return self.folder / f"epoch-{epoch:04d}"

    def latest(self) -> Path | None:
        """Folder of the newest whole checkpoint; a damaged one is passed over. None where there is none."""
        return next(filter(self._is_whole, self._all()), None)

    def epochs(self) -> list[int]:
        """Epochs after which there is a checkpoint, whole or not, newest first."""
        return [_epoch(path) for path in self._all()]

    def read(self, epoch: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and values of the checkpoint after `epoch` epochs.

        Raises:
            CheckpointError: absent, cut short, altered, or no checkpoint at all; says where.
        """
        from .checkpoint import read_checkpoint  # with torch, which the process of a cluster's store does without

        return read_checkpoint(self.at(epoch))

    def keep_text(self, name: str, text: str) -> Path:
        """Writes a text beside the checkpoints, such as why a trial failed; one of that name is replaced.

        Returns:
            Its file.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def best(self) -> Path | None:
        """Folder of the checkpoint last marked as the best; None where there is none or it is damaged."""
        name = self._best_name()
        return self.folder / name if name and self._is_whole(self.folder / name) else None

    def _is_whole(self, folder: Path) -> bool:
        try:
            self.read(_epoch(folder))
        except CheckpointError:
            return False
        return True

    def _all(self) -> list[Path]:
        """Checkpoint folders, newest epoch first."""
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if re.fullmatch(r"epoch-\d{4,}", path.name)), key=_epoch)[
            ::-1
        ]

    def _best_name(self) -> str | None:
        try:
            name = json.loads((self.folder / BEST).read_text())["best"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return name if isinstance(name, str) and re.fullmatch(r"epoch-\d{4,}", name) else None


def _epoch(path: Path) -> int:
    return int(path.name.removeprefix("epoch-"))
