"""A checkpoint's two files: on disk, written whole or not at all, or in memory, to be sent. Knows no torch."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..spaces import CheckpointError, read_plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = "convscape-checkpoint/2"
TENSORS = "tensors.safetensors"
VALUES = "checkpoint.json"
MOST_BYTES = 16 * 2**30
"""Bound on a checkpoint's file, in bytes."""
MOST_EPOCHS = 10**9
"""Bound on a checkpoint's epoch."""
OLDER = "A training goes on from the checkpoint before it. To hand over another trial: `export --trial N`."
"""What to do about a checkpoint that is damaged."""


@dataclass(frozen=True, slots=True)
class PackedCheckpoint:
    """A checkpoint in memory: the contents of its files."""

    tensors: bytes
    """The tensors in the format of safetensors."""
    record: bytes
    """JSON with the format's name, the values, and the SHA-256 of tensors and values."""


def packed(tensors: bytes, values: dict[str, Any]) -> PackedCheckpoint:
    """The files of a checkpoint.

    Args:
        tensors: in the format of safetensors.
        values: anything JSON can hold.
    """
    record = {"format": FORMAT, "sha256": _sha256(tensors, values), "values": values}
    return PackedCheckpoint(tensors, json.dumps(record, indent=1).encode())


def read_packed(folder: Path) -> PackedCheckpoint:
    """The files of the checkpoint in `folder`, as they are.

    Raises:
        CheckpointError: one is absent, too large or no plain file.
    """
    try:
        return PackedCheckpoint(read_plain(folder / TENSORS, MOST_BYTES), read_plain(folder / VALUES, MOST_BYTES))
    except OSError as error:
        raise CheckpointError(f"checkpoint {folder}: {error.filename} cannot be read: {error.strerror}") from None


def values_of(checkpoint: PackedCheckpoint, where: object) -> dict[str, Any]:
    """The values of a checkpoint whose files are the ones that were written.

    Args:
        checkpoint: its files.
        where: names it in errors.

    Raises:
        CheckpointError: cut short, altered, or no checkpoint at all.
    """
    try:
        record = json.loads(checkpoint.record)
    except (ValueError, RecursionError):
        raise CheckpointError(f"checkpoint {where}: {VALUES} is not JSON", OLDER) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("values"), dict):
        raise CheckpointError(f"checkpoint {where}: {VALUES} is not of the format {FORMAT}")
    values = record["values"]
    epoch = values.get("epoch", 0)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch <= MOST_EPOCHS:
        raise CheckpointError(f"checkpoint {where}: its epoch is {epoch!r:.80}")
    if _sha256(checkpoint.tensors, values) != record.get("sha256"):
        raise CheckpointError(
            f"checkpoint {where}: {TENSORS} or {VALUES} is damaged, their SHA-256 is not the one recorded", OLDER
        )
    return values


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """A context manager that gives a new folder to write into, and puts it in place of `folder` when the body ends.

    Where the body raises, or is killed, what stood at `folder` stands there still.

    Args:
        folder: where the checkpoint shall stand; its parents are made.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):  # by a kill
        shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(6)}")
    temporary.mkdir()
    try:
        yield temporary
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


def write_packed(folder: Path, checkpoint: PackedCheckpoint) -> None:
    """Writes a checkpoint that was packed elsewhere, whole or not at all.

    Args:
        folder: where the checkpoint shall stand; one that is there is replaced.
        checkpoint: its files.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    with written_whole(folder) as temporary:
        (temporary / TENSORS).write_bytes(checkpoint.tensors)
        (temporary / VALUES).write_bytes(checkpoint.record)


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
