"""Checkpoints of trials as objects: one each, named by what it holds, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

from ...spaces import CheckpointError, SweepError
from ...trainers import PackedCheckpoint, read_packed, values_of, write_packed
from ..files import TRIALS, is_locked, refuse_links, trial_folder
from .layout import CHECKPOINTS, checkpoint_name, listed
from .segment import damaged
from .store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .store import Store

MOST_BYTES = 16 * 2**30
"""Bound on a checkpoint's object."""
VALUES = "checkpoint.json"
"""The file in a checkpoint's folder that is written last."""
_LENGTH = 8  # bytes of the record's length, at the beginning of an object
_EPOCH = re.compile(r"epoch-\d{4,9}")


class CheckpointCopies:
    """The checkpoints of a sweep that object storage has, by a listing when the lease was taken and what came since.

    Args:
        store: where the sweep is.
        name: the sweep's.
        folder: the sweep's on this machine.
    """

    def __init__(self, store: Store, name: str, folder: Path) -> None:
        self._store, self._name, self._folder = store, name, folder
        self._stage = folder / ".going-up"
        self._there: set[str] = {f"{name}/{about[0]}" for about in listed(store, name, CHECKPOINTS)}
        self._held: list[tuple[Path, tuple[object, ...]]] = []
        self._known: dict[tuple[object, ...], str] = {}
        """Names of checkpoints that were copied, by folder and file: most are the same the next time."""

    def stage(self) -> None:
        """Holds the checkpoints as they are now, by links to their files: the training goes on, and deletes some.

        Raises:
            OSError: the folder cannot be written.
        """
        shutil.rmtree(self._stage, ignore_errors=True)
        self._held = []
        for place in sorted((self._folder / TRIALS).glob("*/epoch-*")):
            if not _EPOCH.fullmatch(place.name) or not place.parent.name.isdecimal() or place.is_symlink():
                continue
            held = self._stage / place.parent.name / place.name
            try:
                about = (place / VALUES).lstat()
                what = (place.parent.name, place.name, about.st_ino, about.st_mtime_ns)
                if what not in self._known:
                    held.mkdir(parents=True)
                    for file in place.iterdir():
                        _hold(file, held / file.name)
            except FileNotFoundError:  # deleted meanwhile: a later one is there
                continue
            self._held.append((held, what))

    def send(self) -> set[str]:
        """Writes those of the held checkpoints that are not there yet. Gives the names of all that were held.

        Raises:
            SweepError: the storage does not answer.
        """
        known: dict[tuple[object, ...], str] = {}
        for place, what in self._held:
            if what in self._known:
                known[what] = self._known[what]
                continue
            try:
                checkpoint = read_packed(place)
                digest = json.loads(checkpoint.record)["sha256"]
                trial, epoch = int(place.parent.name), int(place.name.removeprefix("epoch-"))
                name = checkpoint_name(self._name, trial, epoch, str(digest))
            except (CheckpointError, ValueError, LookupError, TypeError):  # damaged: a training passes it over, too
                continue
            if name not in self._there:
                self._store.write(name, _packed(checkpoint))
                self._there.add(name)
            known[what] = name
        self._known = known
        return set(known.values())

    def tidy(self, kept: set[str]) -> None:
        """Deletes those of trials with checkpoints here that are no longer kept here. The lease must be held.

        Args:
            kept: names as `send` gave them.

        Raises:
            SweepError: the storage does not answer.
        """
        trials = {name.rpartition("/")[0] for name in kept}
        gone = {name for name in self._there - kept if name.rpartition("/")[0] in trials}
        self._store.delete(sorted(gone))
        self._there -= gone
        shutil.rmtree(self._stage, ignore_errors=True)


def bring_checkpoints(url: str, sweep: Path, trials: Iterable[int], *, running: bool = False) -> None:
    """Brings the checkpoints of trials that a sweep's folder on this machine has not.

    Where the sweep runs on this machine its folder is ahead, and is left as it is.

    Args:
        url: of the folder that holds sweeps.
        sweep: the sweep's folder on this machine.
        trials: their numbers.
        running: whether it is this process that runs the sweep, and has not begun yet.

    Raises:
        SweepError: the storage does not answer, or holds what no sweep wrote.
        OSError: the folder cannot be written.
    """
    if is_locked(sweep) and not running:
        return
    store, wanted = open_store(url), set(trials)
    refuse_links(sweep)
    below = f"{CHECKPOINTS}/{next(iter(wanted)):05d}" if len(wanted) == 1 else CHECKPOINTS
    for about, size in sorted(listed(store, sweep.name, below).items(), key=lambda item: item[0][0]):
        trial, epoch, digest = int(about[2]), int(about[3]), about[4]
        where = f"{store.url}/{sweep.name}/{about[0]}"
        if size > MOST_BYTES:
            raise damaged(where, f"{size:,} bytes, which no sweep wrote")
        place = trial_folder(sweep, trial) / f"epoch-{epoch:04d}"
        if trial not in wanted or _digest(place) == digest:
            continue
        data = store.read(f"{sweep.name}/{about[0]}", MOST_BYTES)
        if data is None:  # its driver deleted it meanwhile
            continue
        write_packed(place, _unpacked(data, epoch, digest, where))


def _hold(file: Path, held: Path) -> None:
    try:
        os.link(file, held, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(file, held, follow_symlinks=False)


def _digest(place: Path) -> str:
    try:
        return json.loads(read_packed(place).record)["sha256"][:16]
    except (CheckpointError, ValueError, LookupError, TypeError):
        return ""


def _packed(checkpoint: PackedCheckpoint) -> bytes:
    return len(checkpoint.record).to_bytes(_LENGTH, "big") + checkpoint.record + checkpoint.tensors


def _unpacked(data: bytes, epoch: int, digest: str, where: str) -> PackedCheckpoint:
    """The checkpoint in an object, which is the one that its name says.

    Raises:
        SweepError: it is not.
    """
    length = int.from_bytes(data[:_LENGTH], "big")
    if len(data) < _LENGTH + length:
        raise damaged(where, "it is cut short")
    checkpoint = PackedCheckpoint(data[_LENGTH + length :], data[_LENGTH : _LENGTH + length])
    try:
        values = values_of(checkpoint, where)
        recorded = str(json.loads(checkpoint.record)["sha256"])
    except CheckpointError as error:
        raise SweepError(
            error.message, "It was changed from outside, or its writing failed: delete it there."
        ) from None
    if values.get("epoch") != epoch or recorded[:16] != digest:
        raise damaged(where, "it is another checkpoint than its name says")
    return checkpoint
