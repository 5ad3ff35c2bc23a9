"""Trains a job, epoch by epoch, with a checkpoint after each. Knows no Ray."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError

from ...spaces import CheckpointError, ConvscapeError, DataError, ForeignCheckpointError, SweepError
from ...trainers import Checkpoints, EpochResult, Training
from ...trainers.device import cpus_here, device_memory
from ...trainers.measuring import faster_threads, measure_latency

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...trainers.data import Dataset
    from ...trainers.device import Precision
    from ..scheduling import Job
    from .checkpoint_store import HandedCheckpoints, StoreAccess

SLOWER = 1.5
"""So many times the fastest epoch's seconds have a job that may take all CPUs ask anew how many threads are fastest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How every job of a sweep computes, on the worker it runs on.

    `cpus`, `gpus` and `workers` are what the sweep file says of a trial; where they are left out, as for a training in
    this process, a trial has the whole machine.
    """

    threads: int
    """Threads that torch computes with."""
    device: str = "cpu"
    """The device that trials train on, as torch names it."""
    precision: Precision = "float32"
    """Arithmetic of the layers."""
    compile: bool = False
    """Whether torch.compile makes each network's training step."""
    cuda_graphs: bool = False
    """Whether each network's training step is recorded as a CUDA graph; on the CPU it never is."""
    epoch_seconds: float | None = None
    """Most seconds that an epoch on a worker may take; None for no limit."""
    cpus: float | None = None
    """CPUs that a trial gets; None for all."""
    gpus: float = 0.0
    """GPUs that a trial gets, or a share of one."""
    splits: bool = True
    """Whether batches may go through a network in parts where memory is short; else a larger share of the GPU may do,
    and the job raises MemoryFullError."""
    workers: int | None = None
    """Trials at a time, where the sweep file says how many."""
    node_cpus: float | None = None
    """CPUs that Ray counts on the worker's node; where there is no Ray None, and this process's CPUs count."""

    store: StoreAccess | None = None
    """Where workers on nodes that do not see the sweep's folder hand checkpoints to; None where all see it."""

    def checkpoints(self, job: Job) -> Checkpoints | HandedCheckpoints:
        """The checkpoints of a job's trial: in the sweep's folder, or in the store on a node that does not see it."""
        return self.store.checkpoints(job) if self.store else Checkpoints(job.checkpoints)

    @property
    def share(self) -> float:
        """The part of the device's memory that is a trial's, 0 to 1: its part of the GPU, or of the CPUs here.

        Where fewer trials run at a time than the CPUs allow, each has more.
        """
        if self.gpus:
            return min(1.0, self.gpus)
        if self.cpus is None:
            return 1.0
        return min(1.0, max(self.cpus / (self.node_cpus or cpus_here()), 1 / self.workers if self.workers else 0.0))

    @property
    def all_threads(self) -> int:
        """Threads of a trial that has the machine's CPUs to itself: those that Ray counts, or all."""
        return max(self.threads, int(self.node_cpus or cpus_here()))

    @property
    def memory(self) -> int:
        """Bytes of the device's memory that a trial may take."""
        return device_memory(torch.device(self.device), self.share)

    def limit_memory(self) -> None:
        """Has torch refuse a trial more than its share of a GPU: it halves its own batch then, not its neighbour's."""
        if self.device == "cpu":
            return
        if self.gpus and self.share < 1:
            total = torch.cuda.get_device_properties(self.device).total_memory
            torch.cuda.set_per_process_memory_fraction(self.memory / total)
        elif self.gpus and torch.cuda.is_available():  # a sweep before in this process may have had less
            torch.cuda.set_per_process_memory_fraction(1.0)


class TrainingJob:
    """A job being trained: from the checkpoint it starts at, one epoch at each call of `epoch`.

    Args:
        job: what to train, from which epoch on.
        dataset: the images.
        setup: how it computes.
        checkpoints: where its checkpoints are kept; in the job's folder where not given.

    Raises:
        SweepError: no design can be trained: images, weights or checkpoints cannot be used.
        TrainingError: this design cannot be trained, on this device or with these weights.
        MemoryFullError: a batch does not fit, and may not go through the network in parts.
    """

    def __init__(
        self,
        job: Job,
        dataset: Dataset,
        setup: Setup,
        checkpoints: Checkpoints | HandedCheckpoints | None = None,
    ) -> None:
        torch.set_num_threads(setup.all_threads if job.alone else setup.threads)
        self._best = job.best
        self._measures = job.latency
        self._checkpoints = checkpoints or Checkpoints(job.checkpoints)
        try:
            self._training = Training(
                job.design.architecture,
                job.design.recipe,
                dataset.for_refit() if job.refit else dataset.fold(job.fold),
                seed=job.seed,
                epochs=job.epochs,
                device=setup.device,
                precision=setup.precision,
                compile=setup.compile,
                graphs=setup.cuda_graphs,
                memory=setup.memory,
                splits=setup.splits,
            )
        except DataError as error:
            raise _not_the_design_s(error) from error
        self._unreported: list[EpochResult] = []
        """What the sweep may not know of yet, which is kept with each checkpoint."""
        self._to_replay: list[EpochResult] = []
        """Unreported results of a process that died before it reported them; `epoch` gives these first."""
        self._restore(job.start)
        # Where nobody looks at the clock equal sweeps have equal curves, and threads round each in their way.
        self._choice = (setup.threads, setup.all_threads) if job.alone and job.until is not None else None
        self._fastest = 0.0
        """Seconds of the fastest epoch since threads were chosen; 0 before one."""
        self._choose_threads()

    @property
    def replays(self) -> bool:
        """Whether the next call of `epoch` gives a result from a checkpoint, which was trained but never reported."""
        return bool(self._to_replay)

    @property
    def step_peak(self) -> int | None:
        """Bytes of a GPU that the training held in its first epoch here, as `Training.step_peak` has them."""
        return self._training.step_peak

    def reported(self) -> None:
        """Takes in that every result `epoch` gave so far has reached the sweep: later checkpoints leave them out."""
        self._unreported = list(self._to_replay)

    def epoch(self) -> EpochResult:
        """The result of the next epoch: one that was trained before but not reported, or else one trained now.

        The training's state and the result are on disk before anybody hears of the result.

        Raises:
            SweepError: images can no longer be read, or checkpoints not be written.
            TrainingError: the trial cannot go on.
        """
        if self._to_replay:
            return self._to_replay.pop(0)
        try:
            result = self._training.run_epoch()
        except DataError as error:
            raise _not_the_design_s(error) from error
        if self._measures:
            result, self._measures = replace(result, latency=measure_latency(self._training)), False
        if self._fastest and result.seconds > SLOWER * self._fastest:
            self._choose_threads()
        else:
            self._fastest = min(self._fastest or result.seconds, result.seconds)
        better = result.validation_accuracy > self._best
        self._best = max(self._best, result.validation_accuracy)
        self._unreported.append(result)
        notes = {"untold": [unreported.to_json() for unreported in self._unreported]}
        with self._writing():
            self._checkpoints.save(self._training, best=better, notes=notes)
        return result

    def _choose_threads(self) -> None:
        """Has the last training take the machine's CPUs where that is faster, whatever else runs on them now."""
        self._fastest = 0.0
        if self._choice is None or self._choice[0] == self._choice[1] or self._training.device.type != "cpu":
            return
        torch.set_num_threads(faster_threads(self._training, *self._choice))

    def _restore(self, epoch: int) -> None:
        """Goes on from the newest checkpoint that is whole, at the earliest from the start.

        The sweep knows of `epoch` epochs. Of later ones a checkpoint must tell, else it is left.

        Raises:
            SweepError: it is whole and of another training: what the sweep trains with has changed.
        """
        foreign: ForeignCheckpointError | None = None
        why = ""
        for at in self._saved():
            try:
                with self._writing():
                    tensors, values = self._checkpoints.read(at)
                unreported = _unreported(values, epoch, at)
                if at > epoch and not unreported:
                    continue
                self._training.take_up(tensors, values, self._checkpoints.at(at))
            except ForeignCheckpointError as error:
                foreign = foreign or error
                continue
            except CheckpointError as error:
                why = why or error.message
                continue  # from the start, in the end: it comes to the same
            self._take_up(unreported)
            break
        if foreign and epoch and not self._training.epoch:  # of a trial that has told nothing it is another's
            raise SweepError(
                foreign.message,
                "Bring back what the sweep began with, its config.json and precision.json too, then resume it.",
            ) from foreign
        if (at := self._training.epoch) < epoch:
            self._training.events.append(
                f"epoch {at + 1}: trained again; {why or f'no checkpoint after epoch {epoch}'}"
            )

    def _saved(self) -> list[int]:
        """Epochs after which there is a checkpoint, newest first.

        Raises:
            SweepError: nobody can say.
        """
        with self._writing():
            return self._checkpoints.epochs()

    def _take_up(self, unreported: list[EpochResult]) -> None:
        """Has what another process came to and did not tell to be told."""
        self._unreported, self._to_replay = list(unreported), unreported
        self._measures &= not any(result.latency is not None for result in unreported)
        for result in unreported:
            if result.validation_accuracy > self._best:
                self._best = result.validation_accuracy
                if result.epoch in self._saved():  # it may have died before it could mark it
                    with self._writing():
                        self._checkpoints.mark_best(result.epoch)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises SweepError where checkpoints cannot be written or fetched: the disk's fault, not the design's."""
        try:
            yield
        except (OSError, SafetensorError) as error:
            raise SweepError(
                f"{self._checkpoints.folder}: checkpoints cannot be written: {error!s:.200}",
                "Free some space or make it writable, then resume the sweep.",
            ) from error


def _unreported(values: Mapping[str, Any], known: int, at: int) -> list[EpochResult]:
    """What the values of the checkpoint after epoch `at` tell of epochs past `known`; nothing unless of each."""
    if at <= known:
        return []
    try:
        results = [EpochResult.from_json(result) for result in values["notes"]["untold"]]
    except (AttributeError, LookupError, TypeError, ValueError):
        return []
    results = [result for result in results if result.epoch > known]
    return results if [result.epoch for result in results] == list(range(known + 1, at + 1)) else []


def _not_the_design_s(error: DataError) -> SweepError:
    """Images or weights that can no longer be read: every design would fail, so the sweep must know."""
    return SweepError(error.message, f"{error.remedy} Bring it back, then resume the sweep: nothing is lost.")


def describe_failure(error: Exception, checkpoints: Checkpoints | HandedCheckpoints) -> str:
    """Why a trial failed, in a line. The traceback of an error that nobody foresaw is kept beside the checkpoints.

    Args:
        error: what ended the trial.
        checkpoints: of the trial.
    """
    if isinstance(error, ConvscapeError):
        return error.message
    text = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
    try:
        file = checkpoints.keep_text("failure.txt", "".join(traceback.format_exception(error)))
    except OSError:
        return reason
    return f"{reason} (see {file})"
