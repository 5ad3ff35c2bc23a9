"""A warm worker: Ray Tune's Trainable, which trains jobs one after the other."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
import torch
from ray import tune

from ...spaces import ConvscapeError, DivergenceError, MemoryFullError, SweepError, describe_exception
from ..scheduling import Job, Report
from .checkpoint_store import watched_folder
from .cluster import Notice, problem_on_this_node, usage_here
from .placement import WHOLE, Slot
from .training_job import TrainingJob, describe_failure
from .watchdog import limited

if TYPE_CHECKING:
    from ...trainers import EpochResult
    from ...trainers.data import Dataset
    from .cluster import NodeCheck
    from .training_job import Setup

GATHERED = 0.5
"""Seconds within which a worker reports epochs together: a round trip through Tune costs the driver milliseconds."""


class WarmWorker(tune.Trainable):
    """A worker of Ray Tune that stays warm: it gets job after job by `reset_config`; torch and the images stay loaded.

    A trial that fails reports the reason as a result: an exception would cost the worker its process. The engine says
    when a job ends: a result marked "done" would not reach it.
    """

    def setup(  # pyright: ignore[reportIncompatibleMethodOverride] - `tune.with_parameters` adds what follows `config`
        self, config: dict[str, Any], dataset: Dataset, setup: Setup, check: NodeCheck | None = None
    ) -> None:
        """Takes the first job, when the worker's process starts.

        Args:
            config: the job, as `Job.to_json` gives it.
            dataset: the images.
            setup: how every job of the sweep computes.
            check: what the node must have and see, where Ray was started elsewhere.
        """
        self._unfit = problem_on_this_node(check) if check else None
        self._dataset, self._setup = dataset, replace(setup, node_cpus=_node_cpus())
        if place := config.get("slot"):
            slot = Slot.from_json(place)  # of equal jobs all: Tune gives a worker no other
            self._setup = replace(
                self._setup, gpus=slot.gpus, cpus=slot.cpus, threads=slot.threads, splits=slot.eighths == WHOLE
            )
        self._setup.limit_memory()
        self._notice = Notice() if check else None  # a Ray of the driver's own is never drained
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next job, as `Job.to_json` gives it; True tells Tune that the worker can be used again."""
        self._given, self._training, self._measures = new_config, None, True
        return True

    def step(self) -> dict[str, Any]:
        """A report as JSON: epochs up to the next rung, or as many as end within GATHERED seconds, and what ended them.

        Gives what `Report.to_json` gives. A trial's failure is part of the report.

        Raises:
            NodeDrainsError: the worker's node is about to be taken away.
            Exception: an error whose cause may be in this process, such as one of CUDA: that ends the process.
        """
        if self._unfit:
            return Report(number=self._given["number"], halt=self._unfit).to_json()
        if self._training is not None:
            self._training.reported()  # Tune asks for more when it has taken in what was told before
        if self._notice:
            self._notice.heed()
        if self._training is None:
            try:
                self._job = Job.from_json(self._given)
                self._checkpoints = self._setup.checkpoints(self._job)
            except (ConvscapeError, AttributeError, LookupError, TypeError, ValueError) as error:
                # Raised by `reset_config` it would cost the process.
                reason = f"a worker cannot read its job ({describe_exception(error)}): has its node this Convscape?"
                return Report(number=self._given["number"], failure=reason).to_json()
        results: list[EpochResult] = []
        # Where epochs may hang each is told of at once: what is gathered dies with the process.
        gathered = time.monotonic() + (0.0 if self._setup.epoch_seconds else GATHERED)
        while not results or (time.monotonic() < gathered and not self._judged_after(results[-1].epoch)):
            until, replays = self._job.until, self._training is not None and self._training.replays
            if until is not None and time.time() >= until and not replays:
                return self._report(results, late=not results)
            try:
                with limited(self._setup.epoch_seconds, watched_folder(self._checkpoints)):
                    if self._training is None:
                        self._forget_peak()
                        self._training = TrainingJob(self._job, self._dataset, self._setup, self._checkpoints)
                    replays = self._training.replays
                    results.append(self._training.epoch())
            except SweepError as error:
                return self._report(results, halt=(error.message, error.remedy))
            except MemoryFullError as error:
                self._training = None
                if self._setup.splits:
                    return self._report(results, failure=describe_failure(error, self._checkpoints))
                return self._report(results, outgrown=True)
            except Exception as error:
                if self._setup.device != "cpu" and not isinstance(error, ConvscapeError):
                    raise  # CUDA may be unusable in this process from now on: let it end
                failure, diverged = describe_failure(error, self._checkpoints), isinstance(error, DivergenceError)
                return self._report(results, failure=failure, diverged=diverged)
            if replays and not self._training.replays:
                break  # told before an epoch begins that may cost the process
        return self._report(results)

    def _report(self, results: list[EpochResult], **more: Any) -> dict[str, Any]:
        report = Report(number=self._job.number, results=tuple(results), **more).to_json()
        if "slot" not in self._given:
            return report
        peak = self._training.step_peak if self._training is not None and self._measures else None
        self._measures &= peak is None
        return {**report, **usage_here(peak).to_json()}

    def _forget_peak(self) -> None:
        if self._setup.device != "cpu":
            torch.cuda.reset_peak_memory_stats()

    def _judged_after(self, epoch: int) -> bool:
        return epoch in self._job.rungs or epoch >= self._job.epochs

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Does nothing: `TrainingJob` keeps the sweep's own checkpoints."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Does nothing: a job names the epoch it starts at."""


def _node_cpus() -> float | None:
    """CPUs of this worker's node as Ray counts them, which decides how many trials run here; None without Ray."""
    if not ray.is_initialized():
        return None
    here = ray.get_runtime_context().get_node_id()
    return next((node["Resources"].get("CPU") for node in ray.nodes() if node["NodeID"] == here), None)
