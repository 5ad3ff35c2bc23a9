"""Checkpoints of workers that do not see the sweep's folder: they go through Ray to a store beside the driver."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...spaces import CheckpointError
from ...trainers import Checkpoints, pack, unpack
from ..files import trial_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...trainers import Savable
    from ..scheduling import Job

SEEN = ".seen"
"""File in the sweep's folder, while it runs on a cluster, by which a worker knows that it sees the same folder."""
TEXTS = 1_000_000
"""Letters that are kept of a text."""
AT_A_TIME = 8
"""Calls of the store that are answered at a time."""


class CheckpointStore:
    """The checkpoints of a sweep's trials, kept in its folder by a process on the driver's machine.

    What comes is checked before it is written, whole or not at all, so that a call can be repeated.

    Args:
        sweep: the sweep's folder.
    """

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep

    def keep(self, number: int, epoch: int, files: Mapping[str, bytes], *, best: bool) -> None:
        """Keeps a checkpoint of a trial, and deletes those that `Checkpoints` does not keep.

        Args:
            number: the trial's.
            epoch: after which it was saved.
            files: as `pack` gave them.
            best: whether it is the trial's best so far.

        Raises:
            CheckpointError: the files are not a whole checkpoint's.
            OSError: they cannot be written.
        """
        self._of(number).save(_Came(epoch, files), best=best)

    def mark_best(self, number: int, epoch: int) -> None:
        """Remembers a checkpoint that was kept as the trial's best."""
        self._of(number).mark_best(epoch)

    def keep_text(self, number: int, name: str, text: str) -> str:
        """Keeps text beside a trial's checkpoints; gives the path of its file on the driver's machine."""
        return str(self._of(number).keep_text(Path(name).name, text[:TEXTS]))

    def fetch(self, number: int) -> dict[int, dict[str, bytes]]:
        """The files of a trial's checkpoints by epoch; those that cannot be read are left out."""
        found: dict[int, dict[str, bytes]] = {}
        for epoch, folder in self._of(number).all():
            try:
                found[epoch] = pack(folder)
            except OSError:
                continue
        return found

    def _of(self, number: int) -> Checkpoints:
        return Checkpoints(trial_folder(self._sweep, int(number)))


@dataclass(frozen=True, slots=True)
class _Came:
    """A checkpoint that came from a worker, to be saved."""

    epoch: int
    files: Mapping[str, bytes]

    def save(self, folder: Path, notes: Mapping[str, Any]) -> None:
        del notes  # they are in the files
        unpack(folder, self.files)


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """What a worker is given to find out whether it needs the store, and to use it."""

    sweep: Path
    """The sweep's folder on the driver's machine."""
    token: str
    """What `SEEN` holds there."""
    store: Any
    """Of a `CheckpointStore`."""

    @property
    def needed(self) -> bool:
        """Whether this process cannot write checkpoints where the driver looks for them."""
        try:
            return (self.sweep / SEEN).read_text() != self.token or not os.access(self.sweep, os.W_OK)
        except OSError:
            return True


@contextmanager
def store_beside_driver(sweep: Path) -> Iterator[StoreAccess]:
    """A context in which workers that do not see the sweep's folder can keep checkpoints there.

    Args:
        sweep: the sweep's folder, on this machine.
    """
    access = StoreAccess(sweep, secrets.token_hex(16), _start(sweep))
    (sweep / SEEN).write_text(access.token)
    try:
        yield access
    finally:
        (sweep / SEEN).unlink(missing_ok=True)
        with suppress(Exception):  # Ray may be gone
            ray.kill(access.store)


def _start(sweep: Path) -> Any:
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "max_concurrency": AT_A_TIME}
    return ray.remote(CheckpointStore).options(scheduling_strategy=here, **options).remote(sweep.absolute())


class HandedCheckpoints(Checkpoints):
    """The checkpoints of a job on a node that does not see the sweep's folder: kept here, and handed to the driver.

    A checkpoint is with the driver before `save` returns, and so before anybody hears of its epoch.

    Args:
        job: its checkpoints that the driver has are fetched.
        store: of a `CheckpointStore`.
    """

    def __init__(self, job: Job, store: Any) -> None:
        self._local = Path(tempfile.mkdtemp(prefix="convscape-"))
        super().__init__(self._local / f"{job.number:05d}")
        self._store, self._number = store, job.number
        for epoch, files in ray.get(store.fetch.remote(job.number)).items() if job.start else ():
            try:
                unpack(self.at(epoch), files)
            except CheckpointError:  # damaged: it is as good as absent
                continue

    def save(self, training: Savable, *, best: bool, notes: Mapping[str, Any] | None = None) -> None:
        super().save(training, best=best, notes=notes)
        files = pack(self.at(training.epoch))
        ray.get(self._store.keep.remote(self._number, training.epoch, files, best=best))

    def mark_best(self, epoch: int) -> None:
        super().mark_best(epoch)
        ray.get(self._store.mark_best.remote(self._number, epoch))

    def keep_text(self, name: str, text: str) -> Path:
        return Path(ray.get(self._store.keep_text.remote(self._number, name, text)))

    def clear(self) -> None:
        """Deletes what this node has of them."""
        shutil.rmtree(self._local, ignore_errors=True)
