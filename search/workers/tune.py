"""The engine behind Ray Tune's interfaces: a Searcher that hands out jobs and a scheduler that passes on decisions.

A job is a Tune trial. Pausing ends the job and frees its worker; a promotion is a new job that starts from the
checkpoint. Tune's own PAUSE would keep state in the driver that dies with it, and deadlocks behind a limiter. An
exception here would end the sweep, so what a trial brings is caught and counted against the trial.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayError
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from ...spaces import SweepError, TrainingError
from ..scheduling import Decision, Job, Report
from .cluster import node_died, was_drained
from .placement import WHOLE, IdleWorkers, Slot, Usage
from .watchdog import WATCHED, describe_hang

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial

    from ..scheduling import Engine
    from .checkpoint_store import StoreAccess
    from .cluster import FairShare, NodeGuard
    from .placement import Placement


class ConvscapeSearcher(Searcher):
    """Ray Tune's searcher: suggests the engine's next job as a Tune trial.

    Args:
        engine: whose jobs they are.
        most: jobs given out at a time: as many as there are workers.
        placement: gives each job its share of a GPU; None where all get the same.
        share: says how many workers the cluster's other drivers leave to this one; None where there can be no other.
    """

    def __init__(
        self, engine: Engine, most: int, placement: Placement | None = None, share: FairShare | None = None
    ) -> None:
        super().__init__(metric="number", mode="max")
        self._engine, self.most, self.placement, self._share = engine, most, placement, share
        self._numbers: dict[str, int] = {}
        self.reasons: dict[str, str] = {}
        """Why the worker of a Tune trial ended, by Tune's id of the trial."""
        self.blameless: set[str] = set()
        """Tune's ids of trials whose nodes were taken away after a notice, or before the trial had begun there."""
        self.gave_way = False
        """Whether Tune ended because it was another driver's turn."""
        self.problem: Exception | None = None
        """The error that ends the sweep. Tune would hide it in a TuneError: the runner raises it instead."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles what it is given; nothing of it is ever read back

    def suggest(self, trial_id: str) -> Any:
        """The engine's next job as JSON; None while there is none now.

        FINISHED once nothing is left to run, or where another driver gets the last worker of this one: Tune then ends,
        and can be started anew. With a placement the job's place is in it, too, under the key "slot".
        """
        if self._engine.finished or self.problem:
            return Searcher.FINISHED
        if not self._engine.halted and self.over >= 0:
            if not self._numbers:  # Tune would stand still, and keep its last worker's place
                self.gave_way = True
                return Searcher.FINISHED
            self._engine.callback(self._engine)
            return None
        try:
            job, place = self._next()
        except Exception as error:  # noqa: BLE001
            self.problem = error
            return Searcher.FINISHED
        if job is None:
            if self._engine.active:
                self._engine.callback(self._engine)
            return Searcher.FINISHED if self._engine.finished else None
        self._numbers[trial_id] = job.number
        return {**replace(job, serial=time.monotonic_ns()).to_json(), **place}

    @property
    def fair_share(self) -> float:
        """Workers that this driver may have; infinite while no other driver on the cluster waits for one."""
        return math.inf if self._share is None else self._share.limit()

    @property
    def over(self) -> float:
        """By how many jobs more are out than may be; negative where there may be more."""
        most = self.most if self.placement is None else math.inf  # the placement counts itself
        return len(self._numbers) - min(most, self.fair_share)

    def _next(self) -> tuple[Job | None, dict[str, Any]]:
        if self.placement is None:
            return self._engine.next(), {}
        found = self.placement.next(self._engine)
        return (None, {}) if found is None else (found[0], {"slot": found[1].to_json()})

    def number(self, trial_id: str) -> int | None:
        """The number in the sweep of the trial that a Tune trial trains; None once its job has ended."""
        return self._numbers.get(trial_id)

    def ended(self, trial_id: str) -> None:
        """Takes in that the engine ended a job. Tune says so later, when the trial may be on another job already."""
        self._leave(self._numbers.pop(trial_id, None))

    def _leave(self, number: int | None) -> None:
        if self.placement is not None and number is not None:
            self.placement.leave(number)

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,  # noqa: ARG002 - Tune's signature
        error: bool = False,  # noqa: ARG002
    ) -> None:
        """Tells the engine that a worker was lost, where a Tune trial ended and no decision of the engine ended it."""
        number = self._numbers.pop(trial_id, None)
        self._leave(number)
        if self.problem or number is None:
            return
        try:  # no decision of the engine's ended it
            if trial_id in self.blameless:
                self._engine.requeue(number)
            else:
                self._engine.worker_lost(number, self.reasons.get(trial_id, "its process ended"))
        except Exception as problem:  # noqa: BLE001
            self.problem = problem

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: the study is on disk already."""

    def restore(self, checkpoint_path: str) -> None:
        """Does nothing: the study is read when the sweep is opened."""


class ConvscapeScheduler(FIFOScheduler):
    """Ray Tune's scheduler: passes each report to the engine, and the engine's decision to Tune.

    Args:
        engine: decides.
        searcher: knows which trial of the sweep a Tune trial trains.
        store: what workers on nodes that do not see the sweep's folder hand things to; None where all see it.
        guard: asks nodes that have come since, when a worker ends; None where all nodes are the driver's machine.
    """

    def __init__(
        self,
        engine: Engine,
        searcher: ConvscapeSearcher,
        *,
        store: StoreAccess | None = None,
        guard: NodeGuard | None = None,
    ) -> None:
        super().__init__()
        self._store, self._guard = store, guard
        self._engine, self._searcher, self._warm = engine, searcher, False
        self._idle = IdleWorkers()
        self._waiting: list[Trial] = []

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Lets Tune keep every worker while no job is ready. By itself Tune keeps one and ends the others.

        Tune has no setting for it. Where a later Ray hides the cache of workers elsewhere, workers start anew more
        often.
        """
        super().on_trial_add(tune_controller, trial)
        self._waiting.append(trial)
        cache = _cache(tune_controller)
        if cache is not None and not self._warm and self._searcher.placement is None:
            cache.increase_max(trial.placement_group_factory, by=self._searcher.most)
            self._warm = True

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The job that waits longest for a worker. FIFO's own looks through all there ever were.

        Once the sweep is halted there is none, and jobs that wait are taken back: a worker may never come, as where no
        node has what a trial needs. So are those whose place is on a node that is gone, and what waits for more workers
        than another driver leaves to this one.
        """
        self._waiting = [trial for trial in self._waiting if trial.status == "PENDING"]
        placement = self._searcher.placement
        if placement is not None:
            placement.look_around()  # also while no job is asked for, since many wait
        if self._engine.halted:
            lost = self._waiting
        else:
            lost = [trial for trial in self._waiting if placement is not None and placement.lost(_slot(trial))]
            over = max(0.0, self._searcher.over - len(lost))  # another driver waits: these would get the next worker
            lost += [trial for trial in self._waiting if trial not in lost][::-1][: int(over)]
        if lost:
            for trial in lost:
                if (number := self._searcher.number(trial.trial_id)) is not None:
                    self._searcher.ended(trial.trial_id)
                    self._engine.requeue(number)
                    tune_controller.stop_trial(trial)
            self._waiting = [trial for trial in self._waiting if trial not in lost]
        if placement is not None and (cache := _cache(tune_controller)) is not None:
            pending = ((_slot(trial), trial.placement_group_factory) for trial in self._waiting)
            self._idle.sort_out(cache, pending, WHOLE * placement.room.gpus)
        if not self._waiting and self._searcher.fair_share < math.inf:
            _end_idle_workers(tune_controller)  # another driver waits for their places
        return self._waiting[0] if self._waiting else None

    def on_trial_result(
        self,
        tune_controller: TuneController,  # noqa: ARG002 - Tune's signature
        trial: Trial,
        result: dict[str, Any],
    ) -> str:
        """Passes a worker's report to the engine. Gives CONTINUE where the engine does, else STOP: the worker is free.

        A report that cannot be read fails the trial; any other error is kept as the searcher's `problem` and ends the
        sweep.
        """
        number = self._searcher.number(trial.trial_id)
        if self._searcher.problem or number is None:
            return TrialScheduler.STOP
        try:
            report = Report.from_json({**result, "number": number})
        except TrainingError as error:
            report = Report(number=number, failure=error.message)
        decision = Decision.STOP
        try:
            if (placement := self._searcher.placement) is not None:
                placement.seen(number, Usage.from_json(result))
                if report.outgrown:
                    placement.outgrew(number)
            decision = self._engine.report(report)
        except Exception as problem:  # noqa: BLE001
            self._searcher.problem = problem
        if decision is Decision.CONTINUE:
            return TrialScheduler.CONTINUE
        self._searcher.ended(trial.trial_id)
        return TrialScheduler.STOP

    def on_trial_error(self, tune_controller: TuneController, trial: Trial) -> None:
        """Keeps why a worker ended; Tune calls `ConvscapeSearcher.on_trial_complete` next.

        Where it ended on a node that does not fit, that ends the sweep: the next workers there would end, too. To ask
        may take seconds, in which no other worker is heard: a worker that has trained says that its node fits.
        """
        try:
            trained = self._searcher.number(trial.trial_id) in self._engine.images_per_second
            if self._guard and not trained:
                self._guard.ask(answer=False)
        except SweepError as problem:
            self._searcher.problem = self._searcher.problem or problem
        except RayError:  # a node that goes meanwhile is asked no more
            pass
        lines = str(trial.get_error() or "").strip().splitlines()
        limit = self._engine.config.resources.epoch_seconds
        reason = self._describe_hang(limit, trial.config) if limit else ""
        if reason or lines:
            self._searcher.reasons[trial.trial_id] = reason or lines[-1].strip()[:300]
        error = trial.get_pickled_error()
        if was_drained(error) or (trial in self._waiting and node_died(error)):
            self._searcher.blameless.add(trial.trial_id)
            if self._searcher.placement is not None:
                self._searcher.placement.look_around(now=True)
        super().on_trial_error(tune_controller, trial)

    def _describe_hang(self, limit: float, job: dict[str, Any]) -> str:
        """Why the worker of a job, as JSON, ended, where it was by the limit of an epoch; "" where not."""
        if self._store is not None:
            self._store.bring(WATCHED, Job.from_json(job))
        return describe_hang(limit, Path(job["checkpoints"]))


def _cache(tune_controller: TuneController) -> Any:
    """Tune's cache of workers without a job; None where a later Ray keeps it elsewhere."""
    return getattr(getattr(tune_controller, "_tune_controller", None), "_actor_cache", None)


def _end_idle_workers(tune_controller: TuneController) -> None:
    """Has Tune end its workers without a job. Told to keep none it keeps one all the same."""
    controller: Any = getattr(tune_controller, "_tune_controller", None)
    if (cache := _cache(tune_controller)) is not None and cache.num_cached_objects:
        controller._cleanup_cached_actors(force_all=True)  # noqa: SLF001


def _slot(trial: Trial) -> Slot:
    return Slot.from_json(trial.config["slot"])


class NoOutput(TrialProgressCallback):
    """Stands where Tune else puts what prints a line for each trial that ends unheard, whatever its verbosity."""

    def _print(self, msg: str) -> None:
        """Prints nothing."""
