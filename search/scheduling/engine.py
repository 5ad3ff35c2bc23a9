"""The engine: decides what to train next and what a report means. Runners call it; it knows no Ray and no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..files import command_about
from ..questions import proposals_of
from ..records import TIME_BUDGET, epochs_in_words, invalid_metric, leads_the_textbook, objective_values
from .finals import Finals
from .halving import promotion_of
from .job import Decision, job_of
from .ledger import Ledger
from .length import Length
from .restore import restore
from .time_budget import TimeBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config import SweepConfig
    from ..proposals import DesignSpace
    from ..records import State, TrialRecord
    from ..study import Study
    from ..tracking import Tracker
    from .job import Job, Report

MOST_LOSSES = 9
"""Workers lost in a row, none with a result, before the sweep gives up, or twice as many as train at a time."""
MOST_ATTEMPTS = 3
"""Workers a trial may lose before it counts as failed."""


class Engine:
    """One sweep's decisions, all made in the driver's process and kept in the study at each step.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try.
        study: where trials are kept.
        tracker: what happens to trials is reported to it, for MLflow.
        deadline: `time.monotonic()` past which nothing new starts; None for no limit.
        callback: called after results and ends, for a progress line.
    """

    def __init__(
        self,
        config: SweepConfig,
        designs: DesignSpace,
        study: Study,
        tracker: Tracker,
        *,
        deadline: float | None = None,
        callback: Callable[[Engine], None] = lambda _: None,
    ) -> None:
        self.config, self.designs, self.callback = config, designs, callback
        self.ledger = Ledger(study, tracker, config.recipe)
        self.time_budget = TimeBudget(deadline)
        self.interrupted = ""
        self.records: dict[int, TrialRecord] = {}
        self.active: dict[int, tuple[int, bool]] = {}
        """The trials that workers train now, by number: for how long, and whether alone, as each one's job says."""
        self.images_per_second: dict[int, float] = {}
        """Speed of training of each active trial that has reported an epoch, by trial number."""
        timed, compiled = config.timed, config.resources.compile
        self.length = Length(config.search, designs.images, timed=timed, compiled=compiled, chosen=study.length)
        self.proposals = proposals_of(config, designs, study, self.records, self.ledger.end, self.length.too_slow)
        self._promotion = promotion_of(config.search, self.length)
        self._finals = Finals(config.search, self.length, designs.recipes.for_refit)
        self._losses = 0
        restored = restore(
            config.search, self.length, self.ledger, self._promotion, self._finals, self.proposals, self.records
        )
        self._to_resume, self._search_ended = restored.to_resume, restored.in_finals
        for record in restored.to_conclude:
            self._conclude(record)
        for number in [number for number in self._to_resume if self.records[number].attempts >= MOST_ATTEMPTS]:
            self._to_resume.remove(number)  # killed between its last attempt and its end
            self.fail(number, f"{MOST_ATTEMPTS} workers lost")

    @property
    def halted(self) -> str:
        """Why nothing new may start: "", "time budget" or "interrupted"."""
        return self.interrupted or (TIME_BUDGET if self.time_budget.spent else "")

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing is left to run."""
        if self.active or self.halted:
            return not self.active
        if self._to_resume or (not self._searched and (self.proposals.wanted or self._promoted() is not None)):
            return False
        return self._finals.next(self.records.values(), self.time_budget.left) is None

    def next(self) -> Job | None:
        """The next job: a lost trial again, a promotion, a new design, or at the end a finalist once more.

        None when there is none now.

        Raises:
            SpaceError: no design that was ever proposed is within budget, or the space did nothing but raise errors.
            SweepError: the study cannot be written, or the sampler fails again and again.
        """
        if self.halted:
            return None
        if self._to_resume:
            record = self.records[self._to_resume.pop(0)]
        else:
            record = (None if self._searched else self._search()) or self._repeat()
        if record is None:
            return None
        job = self._job(record)
        self.callback(self)  # that it runs, should nothing be heard of it for long
        return job

    def report(self, report: Report) -> Decision:
        """Takes in what a worker reports of a job and decides what the worker does next.

        Only after the last of the report's epochs can the trial be judged: a worker reports at each of its job's
        `rungs`. Epochs that the sweep knows already were trained again from an older checkpoint and change nothing.

        Raises:
            SweepError: the report says that nothing can be trained there, or the study cannot be written.
        """
        record = self.records[report.number]
        decision = Decision.CONTINUE
        if report.results:
            self._losses = 0
            new = [result for result in report.results if result.epoch not in record.accuracies]
            for result in new:
                if reason := invalid_metric(result):
                    self.fail(record.number, reason)
                    decision = Decision.STOP
                    break
                self.ledger.epoch(record, result)
                self._finals.took(record.number, result.seconds)
                if self.length.took(record, result.seconds, self.time_budget.left, self._finals.at_once):
                    self.ledger.length(self.length.chosen)
                self.images_per_second[record.number] = result.images_per_second
            else:
                decision = self._decide(record, new=bool(new))
                if decision is Decision.STOP:
                    self._conclude(record)
                elif decision is Decision.PAUSE:
                    self._pause(record)
                self.callback(self)
        if report.halt:
            raise SweepError(*report.halt)
        if decision is Decision.CONTINUE and report.failure:
            self.fail(record.number, report.failure, diverged=report.diverged)
            return Decision.STOP
        if decision is Decision.CONTINUE and (report.late or report.outgrown):
            self.requeue(record.number, late=report.late)
            return Decision.STOP
        return decision

    def fail(self, number: int, reason: str, *, diverged: bool = False) -> None:
        """Ends trial `number` as failed, for `reason`, a sentence; `diverged`: by its design. The sweep goes on."""
        self.records[number].diverged = diverged
        self._promotion.drop(number)
        self._end(self.records[number], "failed", reason)
        self.callback(self)

    def requeue(self, number: int, *, late: bool = False) -> None:
        """Takes back trial `number`'s job, to go on elsewhere unless halted; `late`: its worker saw no time left."""
        self._pause(self.records[number])
        if not self.halted:
            if late:  # by our clock it is not
                self.time_budget.distrust_workers()
            self._to_resume.append(number)

    def worker_lost(self, number: int, reason: str) -> None:
        """Trial `number` lost its worker, for `reason`: it goes on from its last epoch, at the third loss it fails.

        Raises:
            SweepError: so many workers in a row died before any had a result that it is not for a node that went.
        """
        record = self.records[number]
        self._losses += number not in self.images_per_second  # a node that goes takes workers that do train
        if self._losses >= max(MOST_LOSSES, 2 * self._finals.at_once):
            raise SweepError(
                f"{self._losses} workers in a row ended without a result; the last: {reason}",
                f"Mend that, then `{command_about(self.config.sweep_folder, 'resume')}`. On a cluster every node "
                "needs what this machine has: Python, Ray, torch.",
            )
        self.ledger.worker_lost(record)
        self._pause(record)
        if record.attempts >= MOST_ATTEMPTS:
            self.fail(number, f"{MOST_ATTEMPTS} workers lost; the last: {reason}")
        else:
            self._to_resume.append(number)

    def close(self) -> None:
        """Ends as stopped the trials of a search that still wait, unless it was interrupted and is to be resumed."""
        for number in sorted(self.active):
            self._pause(self.records[number])
        waiting = [] if self.interrupted else [r for r in self.records.values() if r.paused and r.pairing is None]
        for record in waiting:
            what = "not promoted" if record.judged else "cut short"
            why = f"; {self.halted}" if self.halted else f"; {TIME_BUDGET}" if self._searched else ""
            self._end(record, self.length.if_cut_short(record), f"{what} after epoch {record.epochs}{why}")
        self.callback(self)

    @property
    def _searched(self) -> bool:
        """Whether the time left is what the finals will take, and there is a result: from then on they are all left."""
        if not self._search_ended and self.time_budget.within(self._finals.seconds):
            self._search_ended = any(record.accuracies for record in self.records.values())
        return self._search_ended

    def _search(self) -> TrialRecord | None:
        """A trial of the search: a promotion, else a new design; None when there is neither."""
        promoted = self._promoted()
        if promoted is None and self.proposals.wanted:
            record = self.proposals.next()
            if record is not None:
                self.ledger.begin(record)
                return record
            promoted = self._promoted()  # the space is exhausted, which may close the rungs
        if promoted is None:
            return None
        self._promotion.promote(promoted)
        self.ledger.promote(self.records[promoted])
        return self.records[promoted]

    def _promoted(self) -> int | None:
        """The paused trial to go on with. Once nothing else is left, some trial must reach the end."""
        closing = (
            not self.proposals.wanted
            and not self.active
            and not any(record.completed and record.judged for record in self.records.values())
        )
        return self._promotion.next(closing=closing)

    def _repeat(self) -> TrialRecord | None:
        """A finalist or the winner once more, when the search is over and none of its trials runs any more."""
        if not all(self.records[number].repetition for number in self.active):
            return None
        if self._finals.choose_length(self.records.values(), self.time_budget.left):
            self.ledger.length(self.length.chosen)
        enqueued = self._finals.next(self.records.values(), self.time_budget.left)
        record = self.proposals.repeat(enqueued) if enqueued else None
        if record is not None:
            self.ledger.begin(record)
        return record

    def _job(self, record: TrialRecord) -> Job:
        """What a worker is to do with the trial, which is active from now on."""
        self.ledger.go_on(record)
        self.active[record.number] = _, alone = self._terms(record)
        self._finals.begins(len(self.active))
        rungs = self._promotion.is_rung if record.judged else lambda *_: False
        known = self.records.values()
        until = self.time_budget.until if any(r.accuracies for r in known) else None  # one result is better than none
        return job_of(record, self.config, self.length, rungs, until, alone=alone)

    def _terms(self, record: TrialRecord) -> tuple[int, bool]:
        """For how long the trial is to be trained, and whether it is the last, so that it may take idle CPUs."""
        others = len(self.active) - (record.number in self.active)
        return self.length.of(record), not others and self._finals.ends_with(record, self.records.values())

    def _decide(self, record: TrialRecord, *, new: bool) -> Decision:
        """What becomes of the trial where it stands; it was judged there before where nothing is `new`."""
        if not new:
            return Decision.PAUSE if self.halted else Decision.CONTINUE
        if record.epochs >= self.length.of(record):
            return Decision.STOP
        if record.judged and self._promotion.is_rung(record.number, record.epochs):
            values = objective_values(record, self.config.search.objectives, record.accuracies[record.epochs])
            self._promotion.record(record.number, record.epochs, values)
            verdict = self._promotion.verdict(record.number)
            if verdict is not Decision.CONTINUE and not leads_the_textbook(record, self.records.values()):
                return verdict
            self._promotion.promote(record.number)
            self.ledger.promote(record)
        if self.halted or (self._searched and not record.repetition):
            return Decision.PAUSE
        if self.active[record.number] != self._terms(record):  # its rate would go down at another time, or never
            self._to_resume.append(record.number)
            return Decision.PAUSE
        return Decision.CONTINUE

    def _conclude(self, record: TrialRecord) -> None:
        """Ends a trial at full length, or at a rung from which it will never go on."""
        if record.epochs < self.length.of(record):
            self._end(record, "stopped", f"not promoted after epoch {record.epochs}")
            return
        self._end(record, "completed", f"trained {epochs_in_words(record.epochs)}")
        self._finals.ended(record)

    def _pause(self, record: TrialRecord) -> None:
        self.ledger.pause(record)
        self.active.pop(record.number, None)
        self.images_per_second.pop(record.number, None)

    def _end(self, record: TrialRecord, state: State, reason: str) -> None:
        self.ledger.end(record, state, reason)
        self.active.pop(record.number, None)
        self.images_per_second.pop(record.number, None)
