"""Checkpoints of workers on nodes that do not see the sweep's folder: handed to a store beside the sweep's process.

Ray carries them. The store is an actor on the node of the sweep's process: it writes into the sweep's folder, each
checkpoint whole or not at all, before the worker tells of the epoch. A trial so goes on on any node.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray._private import worker
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...spaces import CheckpointError, TrainingError
from ...trainers import Checkpoints, PackedCheckpoint, read_packed, values_of, write_packed
from ..files import MARK, trial_folder
from .cluster import ask_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from ...trainers import Training
    from ..scheduling import Job

CALLS = 4
"""Workers that the store serves at a time: each has a checkpoint in its memory meanwhile."""
RESTARTS = 3
"""How often Ray starts the store anew where its process ends."""
TEXTS = ("failure.txt", "hung.txt")
"""Texts that a worker may have kept beside the checkpoints."""
BRING_SECONDS = 20.0
"""Seconds that a node has to hand over what a worker that died left there."""
MOST_TEXT = 1_000_000
"""Bound on such a text, in characters."""


@dataclass(frozen=True, slots=True)
class Received:
    """A checkpoint that a worker handed back, as `Checkpoints` saves one."""

    epoch: int
    """How many epochs were trained."""
    checkpoint: PackedCheckpoint
    """The files of the checkpoint."""

    def save(self, folder: Path, notes: Mapping[str, Any]) -> None:  # noqa: ARG002 - the worker packed its notes
        """Writes it to `folder`."""
        write_packed(folder, self.checkpoint)


class CheckpointStore:
    """Keeps what workers hand back in the sweep's folder, and gives it to the next worker of a trial.

    Of each trial it listens to the latest job that it has heard of: a worker that was given up when its node could not
    be reached may be alive still, and what it hands back later is refused.

    Args:
        sweep: the sweep's folder.
    """

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._serials: dict[int, int] = {}
        self._nodes: dict[int, str] = {}
        self._locks: dict[int, threading.Lock] = {}
        self._guard = threading.Lock()

    def epochs(self, number: int, serial: int, node: str) -> list[int]:
        """Epochs after which trial `number` has a checkpoint, newest first; asked by a job of that serial on `node`."""
        with self._trial(number, serial) as checkpoints:
            self._nodes[number] = node
            return checkpoints.epochs()

    def node_of(self, number: int) -> str:
        """Ray's id of the node whose worker last asked for a trial's epochs; "" where none did."""
        return self._nodes.get(number, "")

    def read(self, number: int, serial: int, epoch: int) -> PackedCheckpoint:
        """The files of a trial's checkpoint after `epoch` epochs, as they are.

        Raises:
            CheckpointError: absent or no plain files.
        """
        with self._trial(number, serial) as checkpoints:
            return read_packed(checkpoints.at(epoch))

    def keep(self, number: int, serial: int, epoch: int, checkpoint: PackedCheckpoint, *, best: bool) -> None:
        """Writes a trial's checkpoint, and deletes those that are not kept any more.

        Raises:
            CheckpointError: it is damaged, of another epoch, or no checkpoint.
            OSError: the disk is full, or the folder cannot be written.
        """
        where = f"of trial {number} after epoch {epoch}, handed back by a worker"
        if not isinstance(checkpoint, PackedCheckpoint):
            raise CheckpointError(f"checkpoint {where}: it is a {type(checkpoint).__name__}")
        if (told := values_of(checkpoint, where).get("epoch")) != epoch or epoch < 1:
            raise CheckpointError(f"checkpoint {where}: its epoch is {told!r:.80}")
        with self._trial(number, serial) as checkpoints:
            checkpoints.save(Received(epoch, checkpoint), best=best)

    def mark_best(self, number: int, serial: int, epoch: int) -> None:
        """Remembers a trial's checkpoint after `epoch` as the best.

        Raises:
            OSError: the folder cannot be written.
        """
        with self._trial(number, serial) as checkpoints:
            checkpoints.mark_best(epoch)

    def keep_text(self, number: int, serial: int, name: str, text: str) -> Path:
        """Writes one of TEXTS beside a trial's checkpoints; what is past MOST_TEXT is left out. Gives its file.

        Raises:
            TrainingError: it is none of them.
            OSError: the folder cannot be written.
        """
        if name not in TEXTS:
            raise TrainingError(f"a worker wants a file {name!r:.80} kept, which is none of {', '.join(TEXTS)}")
        with self._trial(number, serial) as checkpoints:
            return checkpoints.keep_text(name, str(text)[:MOST_TEXT])

    @contextmanager
    def _trial(self, number: int, serial: int) -> Iterator[Checkpoints]:
        """A trial's checkpoints for the job of that serial, while nobody else reads or writes them."""
        with self._guard:
            lock = self._locks.setdefault(number, threading.Lock())
        with lock:
            if serial < self._serials.get(number, serial):
                raise TrainingError(f"trial {number} was given to another worker meanwhile")
            self._serials[number] = serial
            yield Checkpoints(trial_folder(self._sweep, number))


class HandedCheckpoints:
    """A trial's checkpoints on a worker that does not see the sweep's folder, with the methods of `Checkpoints`.

    Nothing is written on the worker's node. A call waits while the store cannot be reached, and returns when what it
    handed over is on the disk.

    Args:
        store: Ray's handle of the `CheckpointStore`.
        job: whose checkpoints they are.
    """

    def __init__(self, store: Any, job: Job) -> None:
        self._store, self._job = store, job
        self.folder = job.checkpoints
        """The trial's folder, which is on the node of the sweep's process."""

    def save(self, training: Training, *, best: bool, notes: Mapping[str, Any] | None = None) -> None:
        """Hands over a checkpoint of `training`, marked as the best so far where it is.

        Raises:
            OSError: it cannot be written there, or the store is gone for good.
        """
        self._ask("keep", training.epoch, training.pack(notes), best=best)

    def mark_best(self, epoch: int) -> None:
        """Has the checkpoint after `epoch` remembered as the best.

        Raises:
            OSError: as `save`.
        """
        self._ask("mark_best", epoch)

    def at(self, epoch: int) -> Path:
        """Folder of the checkpoint after `epoch` epochs, on the node of the sweep's process."""
        return Checkpoints(self.folder).at(epoch)

    def epochs(self) -> list[int]:
        """Epochs after which there is a checkpoint, whole or not, newest first.

        Raises:
            OSError: the store is gone for good.
        """
        return self._ask("epochs", ray.get_runtime_context().get_node_id())

    def read(self, epoch: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and values of the checkpoint after `epoch` epochs.

        Raises:
            CheckpointError: absent, cut short, altered, or no checkpoint at all; says where.
            OSError: the store is gone for good.
        """
        from ...trainers import unpack  # with torch, which the store does without

        return unpack(self._ask("read", epoch), self.at(epoch))

    def keep_text(self, name: str, text: str) -> Path:
        """Has one of TEXTS written beside the checkpoints, and gives its file there.

        Raises:
            OSError: as `save`.
        """
        return self._ask("keep_text", name, text)

    @property
    def here(self) -> Path:
        """A folder of the job's own on the worker's node, among what Ray keeps there of the cluster."""
        return _on_this_node(self._job.number, self._job.serial)

    def _ask(self, method: str, *arguments: Any, **more: Any) -> Any:
        try:  # Ray may have no room for what is sent, either
            call = getattr(self._store, method).remote(self._job.number, self._job.serial, *arguments, **more)
            return ray.get(call)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise OSError(f"the store beside the sweep's process: {type(error).__name__}: {error!s:.200}") from None


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """How the workers of a sweep come to their checkpoints, on whatever node they are."""

    store: Any
    """Ray's handle of the `CheckpointStore`."""
    sweep: Path
    """The sweep's folder, as the sweep's process sees it."""
    token: str
    """What the file MARK holds in that folder, and in no other."""

    def bring(self, name: str, job: Job) -> None:
        """Brings a file that a worker left in its `HandedCheckpoints.here` into the job's folder, if there is one.

        Args:
            name: of the file.
            job: that ended with its worker.
        """
        with suppress(OSError, RayError):
            node = str(ray.get(self.store.node_of.remote(job.number), timeout=BRING_SECONDS))
            if node and (text := ask_node(node, _take, name, job.number, job.serial, seconds=BRING_SECONDS)):
                Checkpoints(job.checkpoints).keep_text(name, text[:MOST_TEXT])

    def checkpoints(self, job: Job) -> Checkpoints | HandedCheckpoints:
        """The job's checkpoints: in the sweep's folder where this node sees it, else by the store."""
        with suppress(OSError, ValueError):
            if (self.sweep / MARK).read_text() == self.token:
                return Checkpoints(job.checkpoints)
        return HandedCheckpoints(self.store, job)


def watched_folder(checkpoints: Checkpoints | HandedCheckpoints) -> Path:
    """The folder, on this node, in which a worker that hangs writes down where."""
    return checkpoints.here if isinstance(checkpoints, HandedCheckpoints) else checkpoints.folder


def _on_this_node(number: int, serial: int) -> Path:
    node: Any = worker._global_node  # noqa: SLF001 - Ray has no public word for its folder
    return Path(node.get_session_dir_path(), "convscape", f"{number:05d}-{serial}")


def _take(name: str, number: int, serial: int) -> str:
    """What a file holds that a worker left on this node, and removes it; "" where there is none."""
    file = _on_this_node(number, serial) / name
    try:
        text = file.read_text(errors="replace")
        file.unlink()
        file.parent.rmdir()
    except OSError:
        return ""
    return text


@contextmanager
def store_beside_driver(sweep: Path) -> Iterator[StoreAccess]:
    """A context manager that runs a `CheckpointStore` on this process's node of the joined Ray cluster.

    Args:
        sweep: the sweep's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(CheckpointStore).options(
        num_cpus=0,
        max_concurrency=CALLS,
        max_restarts=RESTARTS,
        max_task_retries=-1,  # each call may be repeated
        scheduling_strategy=here,
    )
    access = StoreAccess(actor.remote(sweep.resolve()), sweep, secrets.token_hex(16))
    try:
        (sweep / MARK).write_text(access.token)
        yield access
    finally:
        with suppress(OSError):
            (sweep / MARK).unlink(missing_ok=True)
        ray.kill(access.store)
