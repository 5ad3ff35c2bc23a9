"""Checkpoints of a training: folders of safetensors and JSON, written whole or not at all, checked when read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import load, save_file

from ..spaces import CheckpointError, read_plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

FORMAT = "convscape-checkpoint/2"
TENSORS = "tensors.safetensors"
VALUES = "checkpoint.json"
BEST = "best.json"
MOST_BYTES = 16 * 2**30
"""Bound on a checkpoint's file, in bytes."""
MOST_EPOCHS = 10**9
"""Bound on a checkpoint's epoch."""
KEPT = 2
"""How many of the newest checkpoints stay, besides the best: should the newest be damaged there is one before it."""


def write(folder: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Writes a checkpoint beside `folder` and renames it there; an older one of that name is replaced.

    Args:
        folder: where the checkpoint shall stand; its parents are made.
        tensors: what to keep, by name.
        values: anything JSON can hold.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):  # by a kill
        shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    temporary.mkdir()
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary / TENSORS)
        content = (temporary / TENSORS).read_bytes()
        record = {"format": FORMAT, "sha256": _sha256(content, values), "values": values}
        (temporary / VALUES).write_text(json.dumps(record, indent=1))
        (temporary / TENSORS).chmod((temporary / VALUES).stat().st_mode)  # safetensors keeps a file to its owner
        for file in temporary.iterdir():
            _flush(file)
        if folder.exists():
            folder.rename(temporary.with_name(f"{temporary.name}.old"))
        temporary.rename(folder)
        shutil.rmtree(temporary.with_name(f"{temporary.name}.old"), ignore_errors=True)
        _flush(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and values that a checkpoint holds.

    Args:
        folder: of the checkpoint.

    Raises:
        CheckpointError: absent, cut short, altered, or no checkpoint at all; says where.
    """
    try:
        record = json.loads(read_plain(folder / VALUES, MOST_BYTES))
        content = read_plain(folder / TENSORS, MOST_BYTES)
    except OSError as error:
        raise CheckpointError(f"checkpoint {folder}: {error.filename} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"checkpoint {folder}: {VALUES} is not JSON", _OLDER) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("values"), dict):
        raise CheckpointError(f"checkpoint {folder}: {VALUES} is not of the format {FORMAT}")
    epoch = record["values"].get("epoch", 0)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch <= MOST_EPOCHS:
        raise CheckpointError(f"checkpoint {folder}: its epoch is {epoch!r:.80}")
    if _sha256(content, record["values"]) != record.get("sha256"):
        raise CheckpointError(
            f"checkpoint {folder}: {TENSORS} or {VALUES} is damaged, their SHA-256 is not the one recorded", _OLDER
        )
    try:
        return load(content), record["values"]
    except (SafetensorError, LookupError, RuntimeError, ValueError) as error:  # kinds and shapes PyTorch does not have
        raise CheckpointError(f"checkpoint {folder}: {TENSORS} cannot be read: {error!s:.200}") from None


def check_alike(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuses tensors that cannot be loaded in place of others.

    Args:
        tensors: by name.
        wanted: those to load them in place of, by name.

    Raises:
        ValueError: another name, shape or kind of number; says which.
    """
    if unlike := sorted(wanted.keys() ^ tensors.keys()):
        raise ValueError(f"{unlike[0]} is {'absent' if unlike[0] in wanted else 'not part of it'}")
    for name, ours in wanted.items():
        if tensors[name].shape != ours.shape:
            raise ValueError(f"{name} has the shape {tuple(tensors[name].shape)}, not {tuple(ours.shape)}")
        if tensors[name].dtype != ours.dtype:
            raise ValueError(f"{name} holds {tensors[name].dtype}, not {ours.dtype}")


def load_averaged(
    network: nn.Module, tensors: Mapping[str, Tensor], values: Mapping[str, Any], channels: int, folder: Path
) -> dict[str, tuple[float, ...]]:
    """Loads what a training averaged into a network. Gives the mean and deviation of the channels it was trained on.

    Args:
        network: is changed in place.
        tensors: of the checkpoint.
        values: of the checkpoint.
        channels: of the images.
        folder: names the checkpoint in errors.

    Raises:
        CheckpointError: the tensors do not fit, or nothing says how images are normalised.
    """
    averaged = {
        name.removeprefix("averaged."): value for name, value in tensors.items() if name.startswith("averaged.")
    }
    try:
        check_alike(averaged, network.state_dict())
        normalisation = normalisation_in(values, channels)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise CheckpointError(f"checkpoint {folder}: its tensors or values do not fit: {error!r:.200}") from None
    network.load_state_dict(averaged)
    return normalisation


def normalisation_in(values: Mapping[str, Any], channels: int) -> dict[str, tuple[float, ...]]:
    """The "mean" and "std" of each channel by the values of a checkpoint, or of an export's proof.json.

    Args:
        values: what the JSON holds.
        channels: of the images.

    Raises:
        ValueError: they cannot be used. LookupError, TypeError and OverflowError where they are none at all.
    """
    normalisation = {key: tuple(map(float, values["normalisation"][key])) for key in ("mean", "std")}
    mean, std = normalisation.values()
    if len(mean) != channels or len(std) != channels or not all(map(isfinite, mean + std)) or not min(std) > 0:
        raise ValueError(f"normalisation is {normalisation!s:.80}")
    return normalisation


_OLDER = "A training goes on from the checkpoint before it. To hand over another trial: `export --trial N`."


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
        return next(filter(_is_whole, self._all()), None)

    def all(self) -> list[tuple[int, Path]]:
        """Epoch and folder of each checkpoint that is there, whole or not, newest first."""
        return [(_epoch(path), path) for path in self._all()]

    def best(self) -> Path | None:
        """Folder of the checkpoint last marked as the best; None where there is none or it is damaged."""
        name = self._best_name()
        return self.folder / name if name and _is_whole(self.folder / name) else None

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


def _is_whole(folder: Path) -> bool:
    try:
        read_checkpoint(folder)
    except CheckpointError:
        return False
    return True


def _sha256(tensors: bytes, values: dict[str, Any]) -> str:
    """Of the tensors' file and of the values, however these are spaced."""
    whole = hashlib.sha256(tensors)
    whole.update(json.dumps(values).encode())
    return whole.hexdigest()


def _flush(path: Path) -> None:
    """Asks the system to put `path` on the disk now, so that a rename never outruns the content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
