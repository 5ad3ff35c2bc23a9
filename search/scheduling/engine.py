"""The engine: what to train next, and what a result means. Runners ask it and tell it; it knows no Ray and no torch."""

from __future__ import annotations

import time
from math import isfinite
from typing import TYPE_CHECKING, Literal

from ...spaces import SweepError
from ..proposals import Proposals
from ..records import (
    ENDED,
    TIME_BUDGET,
    Enqueued,
    Job,
    State,
    TrialRecord,
    epoch_metrics,
    epochs,
    invalid_metric,
    objective_values,
)
from .finals import Finals, ranked
from .halving import promotion_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trainers import EpochResult
    from ..config import SweepConfig
    from ..study import Study
    from ..tracking import Tracker

Order = Literal["go on", "pause", "end"]
MOST_LOSSES = 9
"""Workers lost in a row, none with a result, before the sweep gives up: it is not the trials' fault then."""
MOST_ATTEMPTS = 3
"""Workers a trial may lose before it counts as failed."""


class Engine:
    """One sweep's decisions, all made in the driver's process and kept in the study at each step.

    Args:
        config: the sweep file.
        input: (C, H, W) of the images; classes: how many there are.
        deadline: `time.monotonic()` past which nothing new starts; None for no limit.
        callback: called after results and ends, for a progress line.
    """

    def __init__(
        self,
        config: SweepConfig,
        study: Study,
        tracker: Tracker,
        *,
        input: tuple[int, int, int],
        classes: int,
        deadline: float | None = None,
        callback: Callable[[Engine], None] = lambda _: None,
    ) -> None:
        self.config, self.study, self.tracker = config, study, tracker
        self.deadline, self.callback = deadline, callback
        self.interrupted = ""
        self.images_per_second: dict[int, float] = {}
        self._promotion, self._finals = promotion_of(config.search), Finals(config.search)
        self.active: set[int] = set()
        self.records: dict[int, TrialRecord] = {}
        self._again: list[int] = []
        self._losses = 0
        self._over = False
        self._clocks_agree = True
        self._proposals = Proposals(config, study, tracker, self.records, input=input, classes=classes)
        for record in study.restore():
            self._restore(record)
        self._settle()
        for number in [number for number in self._again if self.records[number].attempts >= MOST_ATTEMPTS]:
            self._again.remove(number)  # killed between its last attempt and its end
            self.fail(number, f"{MOST_ATTEMPTS} workers lost")

    @property
    def halted(self) -> str:
        """Why nothing new may start: "", "time budget" or "interrupted"."""
        if self.interrupted:
            return self.interrupted
        return TIME_BUDGET if self.deadline is not None and time.monotonic() >= self.deadline else ""

    def next(self) -> Job | None:
        """The next thing to train: a lost trial again, a promotion, a new design, or at the end a finalist once more.

        None when there is none now.
        """
        if self.halted:
            return None
        if self._again:
            job = self._job(self._again.pop(0))
        else:
            job = self._repeated() if self._searched else self._searching()
        if job is not None:
            self.callback(self)  # that it runs, should nothing be heard of it for long
        return job

    def wait(self) -> None:
        """Called now and then while all that can train does: whoever listens may look."""
        self.callback(self)

    def _searching(self) -> Job | None:
        promoted = self._promoted()
        if promoted is None and self._proposals.wanted:
            record = self._proposals.next()
            if record is not None:
                return self._job(record.number)
            promoted = self._promoted()  # the space is exhausted, which may close the rungs
        if promoted is None:
            return self._repeated()
        self._promotion.promote(promoted)
        self.study.keep_promotion(self.records[promoted])
        return self._job(promoted)

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing is left to run."""
        if self.active:
            return False
        return bool(self.halted) or not (
            self._again or self._goes_on or self._finals.next(self.records.values()) is not None
        )

    @property
    def _goes_on(self) -> bool:
        """Whether the search itself has anything left to train."""
        return not self._searched and (self._proposals.wanted or self._promoted() is not None)

    def report(self, number: int, *results: EpochResult) -> Order:
        """Takes in the results of one or several epochs in a row and says what the worker does next.

        Only after the last of them can the trial be judged: a worker reports at each of its job's `rungs`.
        """
        record = self.records[number]
        self._losses = 0
        new = [result for result in results if result.epoch not in record.accuracies]
        for result in new:
            if reason := invalid_metric(result):
                self.fail(number, reason)
                return "end"
            self._take_in(record, result)
        # What is not new was trained again from an older checkpoint, to the same end.
        known: Order = "pause" if self.halted else "go on"
        order = self._order(record) if new else known
        if order == "end":
            self._conclude(record)
        elif order == "pause":
            self.study.pause(record)
            self._inactive(number)
        self.callback(self)
        return order

    def _take_in(self, record: TrialRecord, result: EpochResult) -> None:
        number = record.number
        if (events := tuple(result.events)) != record.events:  # a tuple has become a list on its way through Ray
            self.study.note(record, events)
            self.tracker.note({"convscape.events": "\n".join(events)}, number)
        self.tracker.epoch(number, result.epoch, epoch_metrics(result))
        if result.latency is not None and isfinite(result.latency):  # else it is measured anew with the next job
            self.study.measured(record, result.latency)
        self.study.report(record, result.epoch, result.validation_accuracy)
        self._finals.took(number, result.seconds)
        self.images_per_second[number] = result.images_per_second

    def fail(self, number: int, reason: str) -> None:
        """The trial cannot go on; the sweep does."""
        self._promotion.drop(number)
        self._end(self.records[number], "failed", reason)
        self.callback(self)

    def requeue(self, number: int) -> None:
        """The trial's worker began nothing, since by its clock the time was up: the trial stays where it stands."""
        self.study.pause(self.records[number])
        self._inactive(number)
        if not self.halted:  # by ours it is not: clocks differ, so go on without
            self._clocks_agree = False
            self._again.append(number)

    def worker_lost(self, number: int, reason: str) -> None:
        """The trial's worker died: it is trained again from its last epoch, but not for ever.

        Raises:
            SweepError: MOST_LOSSES workers in a row died before any had a result.
        """
        record = self.records[number]
        self._losses += 1
        if self._losses >= MOST_LOSSES:
            raise SweepError(
                f"{MOST_LOSSES} workers in a row ended without a result; the last: {reason}",
                f"Mend that, then `convscape resume {self.config.name}`. On a cluster every node needs Convscape and "
                "must see the sweep's folder.",
            )
        self.study.attempt_failed(record)
        self.study.pause(record)  # else it would be left behind, should nothing start any more
        if record.attempts >= MOST_ATTEMPTS:
            self.fail(number, f"{MOST_ATTEMPTS} workers lost; the last: {reason}")
        else:
            self._inactive(number)
            self._again.append(number)

    def close(self) -> None:
        """Ends what still waits, unless the sweep was interrupted and is to be resumed."""
        for number in sorted(self.active):
            self.study.pause(self.records[number])
            self._inactive(number)
        if not self.interrupted:
            for record in self.records.values():
                if record.state == "paused":
                    what = "cut short" if record.role == "baseline" else "not promoted"
                    why = f"; {self.halted}" if self.halted else f"; {TIME_BUDGET}" if self._searched else ""
                    self._end(record, "stopped", f"{what} after epoch {record.epochs}{why}")
        self.callback(self)

    def counts(self) -> dict[str, int]:
        """Trials by how they ended."""
        states: tuple[State, ...] = ("completed", "stopped", "failed", "duplicate", "infeasible")
        return {state: self._count(state) for state in states}

    def ranking(self) -> list[TrialRecord]:
        """Trials that were trained, best first; ties go to the smaller network."""
        return ranked(self.records.values())

    def _repeated(self) -> Job | None:
        """A finalist from another seed, once the search is over and none of its trials runs any more."""
        finalist = self._finals.next(self.records.values())
        if finalist is None or any(self.records[number].role != "repeat" for number in self.active):
            return None
        enqueued = Enqueued("repeat", finalist.design, repeats=finalist.number)
        record = self.study.ask(lambda _: finalist.design, enqueued)
        self.records[record.number] = record
        self._proposals.admit(record)
        return self._job(record.number)

    @property
    def _searched(self) -> bool:
        """Whether the time left is what the finals will take: from then on they are all there is left."""
        if self.deadline is not None and time.monotonic() >= self.deadline - self._finals.seconds:
            self._over = True
        return self._over

    @property
    def trained(self) -> int:
        """Trials that were trained or are to be: all but duplicates, designs over budget, baselines and repeats."""
        return self._proposals.trained

    def _count(self, state: State) -> int:
        return sum(record.state == state and record.role != "repeat" for record in self.records.values())

    def _promoted(self) -> int | None:
        """The paused trial to go on with. Once nothing else is left, some trial must reach the end."""
        closing = (
            not self._proposals.wanted
            and not self.active
            and not any(record.state == "completed" and not record.exempt for record in self.records.values())
        )
        return self._promotion.next(closing=closing)

    def _restore(self, record: TrialRecord) -> None:
        """Takes up a trial from disk where it stood."""
        self.records[record.number] = record
        if record.state == "paused" and not record.accuracies:
            if self._proposals.admit(record):
                self._again.append(record.number)
            return
        self._proposals.take_up(record)
        if record.state in ("duplicate", "infeasible"):
            return
        if record.state in ENDED:
            self._tell_end(record)  # again: it may have been killed before it was told
        if record.state == "failed" or (record.cut_off and not self._promotion.keeps_stopped):
            return  # it would take the place of one that can still go on
        for epoch in record.accuracies if not record.exempt else ():
            self._promotion.record(record.number, epoch, self._objective_values(record, epoch))
        if record.state != "paused":
            self._finals.ended(record)
            self._promotion.promote(record.number)  # what ended waits no more
        elif record.epochs >= self.config.search.epochs:  # killed between its last result and its end
            self._conclude(record)
        elif record.promoted_from == record.epochs:  # by what was known then; what is known now may say otherwise
            self._promotion.promote(record.number)
            self._again.append(record.number)
        elif record.exempt or not self._promotion.is_rung(record.number, record.epochs):
            self._again.append(record.number)

    def _settle(self) -> None:
        """Judges trials that were killed between a result and what it led to, where none may wait."""
        for number in self._promotion.unsettled():
            if self._promotion.verdict(number) == "end":
                self._conclude(self.records[number])
            else:
                self._again.append(number)

    def _job(self, number: int) -> Job:
        record = self.records[number]
        self.study.go_on(record)
        self.active.add(number)
        self._finals.at_once = max(self._finals.at_once, len(self.active))
        search = self.config.search
        return Job(
            number,
            record.design,
            start=record.epochs,
            epochs=search.epochs,
            rungs=self._rungs(record),
            seed=(search.seed * 1_000_003 + number) % 2**31,
            best=-1.0 if record.accuracy is None else record.accuracy,
            checkpoints=self.config.sweep_folder / "trials" / f"{number:05d}",
            until=self._until(),
            latency="latency" in search.objectives and record.latency is None,
        )

    def _rungs(self, record: TrialRecord) -> tuple[int, ...]:
        """Epochs to come after which the trial is judged."""
        if record.exempt:
            return ()
        to_come = range(record.epochs + 1, self.config.search.epochs)
        return tuple(epoch for epoch in to_come if self._promotion.is_rung(record.number, epoch))

    def _until(self) -> float | None:
        """The deadline by the clock on the wall, which workers share with this process, more or less."""
        if self.deadline is None or not self._clocks_agree:
            return None
        return time.time() + self.deadline - time.monotonic()

    def _order(self, record: TrialRecord) -> Order:
        if record.epochs >= self.config.search.epochs:
            return "end"
        order: Order = "go on"
        if not record.exempt and self._promotion.is_rung(record.number, record.epochs):
            self._promotion.record(record.number, record.epochs, self._objective_values(record, record.epochs))
            order = self._promotion.verdict(record.number)
            if order == "go on":
                self.study.keep_promotion(record)
        halted = self.halted or (self._searched and record.role != "repeat")
        return "pause" if halted and order == "go on" else order

    def _objective_values(self, record: TrialRecord, epoch: int) -> tuple[float, ...]:
        """What the trial has of each objective after `epoch` epochs, higher is better."""
        return objective_values(record, self.config.search.objectives, record.accuracies[epoch])

    def _conclude(self, record: TrialRecord) -> None:
        """Ends a trial at full length, or at a rung from which it will never go on."""
        if record.epochs < self.config.search.epochs:
            self._end(record, "stopped", f"not promoted after epoch {record.epochs}")
            return
        self._end(record, "completed", f"trained {epochs(record.epochs)}")
        self._finals.ended(record)

    def _end(self, record: TrialRecord, state: State, reason: str) -> None:
        self.study.end(record, state, reason)
        self._tell_end(record)
        self._inactive(record.number)

    def _tell_end(self, record: TrialRecord) -> None:
        best = {} if record.accuracy is None else {"best_accuracy": record.accuracy, "best_epoch": record.best_epoch}
        self.tracker.trial_ended(
            record.number, state=record.state, reason=record.reason, metrics={k: float(v) for k, v in best.items()}
        )

    def _inactive(self, number: int) -> None:
        self.active.discard(number)
        self.images_per_second.pop(number, None)
