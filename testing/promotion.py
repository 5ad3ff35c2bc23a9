"""What every promotion must hold to, in sweeps of known curves: subclass `PromotionContract`, override `make`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings, strategies as st

from ..search.records import ordered
from ..search.scheduling import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..search.records import Values
    from ..search.scheduling import Promotion

EPOCHS = 9


class State(Enum):
    """How a trial of the sweep in miniature stands."""

    OPEN = "it is trained or waits"
    COMPLETED = "trained to the end"
    STOPPED = "stopped by the promotion"
    FAILED = "failed"


@dataclass
class Curve:
    """What a trial has after each epoch, and the epoch it fails in, if any."""

    values: Sequence[Values]
    fails: int | None = None


@dataclass
class Sweep:
    """A sweep in miniature: asks a promotion and tells it as the engine does, one epoch of one worker at a time."""

    make: Callable[[], Promotion]
    curves: Sequence[Curve]
    workers: int = 1
    states: dict[int, State] = field(default_factory=dict, init=False)
    reached: dict[int, int] = field(default_factory=dict, init=False)
    active: list[int] = field(default_factory=list, init=False)
    again: list[int] = field(default_factory=list, init=False)
    passed: dict[int, int] = field(default_factory=dict, init=False)
    """The epoch of the rung that a trial last went on from, which is on disk with its results."""
    journal: list[tuple[Decision | str, int, int]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.promotion = self.make()

    def start(self) -> bool:
        """Gives every worker something; whether any has."""
        while len(self.active) < self.workers and (number := self._next()) is not None:
            self.active.append(number)
        return bool(self.active)

    def step(self, choice: int, *, killed: bool = False) -> None:
        """One epoch of the worker that `choice` leads to; where `killed`, its result is on disk and no more."""
        number = self.active[choice % len(self.active)]
        curve, epoch = self.curves[number], self.reached[number] + 1
        if curve.fails == epoch:
            self.promotion.drop(number)
            self._leave(number, State.FAILED)
            return
        self.reached[number] = epoch
        if epoch == EPOCHS:
            self._leave(number, State.COMPLETED)
        elif self.promotion.is_rung(number, epoch) and not killed:
            self.promotion.record(number, epoch, curve.values[epoch - 1])
            self._obey(number, self.promotion.verdict(number))

    def run(self, choices: Sequence[int], interrupted: Callable[[int], bool] = lambda _: False) -> Sweep:
        """Trains until nothing is left; after the steps that `interrupted` says the driver is killed and resumes."""
        done = 0
        while self.start():
            if interrupted(done):
                if done % 2:
                    self.step(choices[done % len(choices)], killed=True)
                self.resume()
            else:
                self.step(choices[done % len(choices)])
            done += 1
            assert done < 10_000, "it does not end"
        return self

    def resume(self, *, go_on: Sequence[int] = ()) -> None:
        """Begins again with what is on disk, as the engine does; those of `go_on` run all the same."""
        self.promotion, self.active, self.again = self.make(), list(go_on), []
        for number, state in sorted(self.states.items()):
            if state is State.FAILED or (state is State.STOPPED and not self.promotion.keeps_stopped):
                continue
            for epoch in range(1, self.reached[number] + 1):
                self.promotion.record(number, epoch, self.curves[number].values[epoch - 1])
            goes_on = self.passed.get(number) == self.reached[number]
            if state is not State.OPEN or goes_on:
                self.promotion.promote(number)
            waits = self.promotion.is_rung(number, self.reached[number]) and not goes_on
            if state is State.OPEN and not waits and number not in go_on:
                self.again.append(number)
        for number in self.promotion.unsettled():
            self._obey(number, self.promotion.verdict(number))
            if self.states[number] is State.OPEN:
                self.again.append(number)

    def _next(self) -> int | None:
        if self.again:
            return self.again.pop(0)
        number, closing = self.promotion.next(), False
        if number is None and len(self.states) < len(self.curves):
            number = len(self.states)
            self.states[number], self.reached[number] = State.OPEN, 0
            return number
        if number is None and not self.active and State.COMPLETED not in self.states.values():
            closing = True
            number = self.promotion.next(closing=True)
        if number is not None:
            assert self.promotion.next(closing=closing) == number, "asked again, it says another"
            self.promotion.promote(number)
            self.passed[number] = self.reached[number]
            self.journal.append(("closing" if closing else "promoted", number, self.reached[number]))
        return number

    def _obey(self, number: int, verdict: Decision) -> None:
        self.journal.append((verdict, number, self.reached[number]))
        if verdict is Decision.PAUSE:
            self.active.remove(number)
        elif verdict is Decision.STOP:
            self._leave(number, State.STOPPED)
        else:
            self.passed[number] = self.reached[number]

    def _leave(self, number: int, state: State) -> None:
        self.states[number] = state
        if number in self.active:
            self.active.remove(number)


REACHED = [0.1, 0.2, 0.3, 0.5, 0.8, math.nan]


@st.composite
def curves(draw: st.DrawFn, places: int | None = None) -> list[Curve]:
    """Curves of one or two objectives, many of them alike; none, some or all fail.

    Drawn by a generator of their own: Hypothesis would draw few, short sweeps.
    """
    random, trials = Random(draw(st.integers(0, 2**32))), draw(st.integers(1, 30))  # noqa: S311
    places, failing = places or draw(st.integers(1, 2)), draw(st.sampled_from([0.0, 0.0, 0.2, 0.8, 1.0]))
    alike = draw(st.booleans())

    def value() -> float:
        return random.choice(REACHED) if alike else random.random()

    return [
        Curve(
            [tuple(value() for _ in range(places)) for _ in range(EPOCHS)],
            random.randint(1, EPOCHS) if random.random() < failing else None,
        )
        for _ in range(trials)
    ]


choices = st.lists(st.integers(0, 3), min_size=1, max_size=40)
points = st.sets(st.integers(0, 120), max_size=8)
contract = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])


class PromotionContract:
    """A promotion, such as `search.scheduling.Halving`.

    Set the attributes and override `make`; a promotion of another kind also overrides `may_go_on` and `group`.
    """

    reduction = 3
    one_at_least = False
    """Whether the best at a rung goes on however few came there."""
    resumes = True
    """Whether a trial that waits can take the place of one that failed."""

    def make(self) -> Promotion:
        """A new promotion of trials that are trained for at most EPOCHS epochs."""
        raise NotImplementedError

    def group(self, number: int) -> int:  # noqa: ARG002 - one group unless overridden
        """Trials are compared with those of their group."""
        return 0

    def may_go_on(self, number: int, rivals: dict[int, Values], closing: bool) -> bool:
        """Whether the trial is good enough among `rivals`, those of its group at its rung, itself included."""
        quota = max(len(rivals) // self.reduction, self.one_at_least or closing)
        return number in ordered(rivals)[:quota]

    @contract
    @given(curves(), st.integers(1, 4), choices)
    def test_nobody_goes_on_who_has_not_earned_it_or_twice_from_a_rung(self, curves, workers, choices) -> None:
        sweep = Sweep(self.make, curves, workers)
        arrived: dict[tuple[int, int], dict[int, Values]] = {}
        gone: set[tuple[int, int]] = set()
        done = 0
        while sweep.start():
            self._check(sweep, arrived, gone)
            sweep.step(choices[done % len(choices)])
            for number in (number for number, state in sweep.states.items() if state is State.FAILED):
                for rivals in arrived.values():
                    rivals.pop(number, None)
            self._check(sweep, arrived, gone)
            done += 1

    def _check(self, sweep: Sweep, arrived: dict[tuple[int, int], dict[int, Values]], gone: set) -> None:
        for what, number, epoch in sweep.journal:
            rivals = arrived.setdefault((self.group(number), epoch), {})
            if isinstance(what, Decision):
                rivals[number] = sweep.curves[number].values[epoch - 1]
            good = self.may_go_on(number, rivals, what == "closing")
            if what in (Decision.CONTINUE, "promoted", "closing"):
                assert good, f"trial {number} has not earned it"
                assert (number, epoch) not in gone, "twice from the same rung"
                gone.add((number, epoch))
            assert what is not Decision.STOP or not good, f"trial {number} had earned it"
        sweep.journal.clear()

    @contract
    @given(curves(), st.integers(1, 4), choices)
    def test_the_same_results_in_the_same_order_lead_to_the_same(self, curves, workers, choices) -> None:
        one, other = (Sweep(self.make, curves, workers).run(choices) for _ in range(2))
        assert (one.journal, one.states, one.reached) == (other.journal, other.states, other.reached)

    @contract
    @given(curves(), points)
    def test_a_resumed_sweep_of_one_worker_ends_as_one_unbroken(self, curves, stops) -> None:
        unbroken = Sweep(self.make, curves).run([0])
        resumed = Sweep(self.make, curves).run([0], stops.__contains__)
        assert (resumed.states, resumed.reached) == (unbroken.states, unbroken.reached)

    @contract
    @given(curves(), st.integers(2, 4), choices, points)
    def test_told_what_is_on_disk_it_decides_as_the_one_that_was_told_in_time(
        self, curves, workers, choices, stops
    ) -> None:
        told, restored = Sweep(self.make, curves, workers), Sweep(self.make, curves, workers)
        done = 0
        while told.start():
            assert restored.start()
            if done in stops:
                restored.resume(go_on=restored.active)
            for sweep in (told, restored):
                sweep.step(choices[done % len(choices)])
            assert restored.journal == told.journal
            done += 1
        assert not restored.start()
        assert (restored.states, restored.reached) == (told.states, told.reached)

    @contract
    @given(curves(), st.integers(1, 4), choices, points)
    def test_what_was_decided_at_a_rung_is_not_decided_again_on_a_resume(self, curves, workers, choices, stops) -> None:
        sweep = Sweep(self.make, curves, workers).run(choices, stops.__contains__)
        decided = [(number, epoch) for what, number, epoch in sweep.journal if what is not Decision.PAUSE]
        assert len(set(decided)) == len(decided)

    @contract
    @given(curves(), st.integers(1, 4), choices, points)
    def test_no_trial_is_lost_and_some_trial_ends_at_full_length(self, curves, workers, choices, stops) -> None:
        sweep = Sweep(self.make, curves, workers).run(choices, stops.__contains__)
        assert set(sweep.states) == set(range(len(curves)))
        assert sweep.promotion.next() is None
        for number, state in sweep.states.items():
            if state in (State.OPEN, State.STOPPED):  # those that still wait are stopped when the sweep ends
                assert sweep.promotion.is_rung(number, sweep.reached[number]), "cut off between rungs"
            if state is State.FAILED:
                assert sweep.reached[number] == (curves[number].fails or 0) - 1
        fates = set(sweep.states.values())
        if not any(curve.fails for curve in curves) or (self.resumes and fates != {State.FAILED}):
            assert State.COMPLETED in fates

    @contract
    @given(curves(places=1), st.floats(0, 1))
    def test_what_failed_takes_no_place(self, curves, late: float) -> None:
        without, dropped = self.make(), self.make()
        for number, curve in enumerate(curves):
            for epoch in (epoch for epoch in range(1, EPOCHS) if dropped.is_rung(number, epoch)):
                dropped.record(number, epoch, curve.values[epoch])
                if curve.fails is None:
                    without.record(number, epoch, curve.values[epoch])
        for number in (number for number, curve in enumerate(curves) if curve.fails):
            dropped.drop(number)
            dropped.drop(number)
        assert list(dropped.unsettled()) == list(without.unsettled())
        for number in range(31, 40):
            for epoch in (epoch for epoch in range(1, EPOCHS) if dropped.is_rung(number, epoch)):
                for promotion in (dropped, without):
                    promotion.record(number, epoch, (late,))
                assert dropped.verdict(number) == without.verdict(number)
        for closing in (False, True):
            while (best := dropped.next(closing=closing)) is not None:
                assert without.next(closing=closing) == best
                dropped.promote(best)
                without.promote(best)
            assert without.next(closing=closing) is None

    @contract
    @given(curves(places=1), st.randoms(use_true_random=False), st.booleans())
    def test_the_order_in_which_results_are_taken_in_does_not_matter(self, curves, random, closing: bool) -> None:
        events = [
            (number, epoch, value)
            for number, curve in enumerate(curves)
            for epoch, value in enumerate(curve.values[: (curve.fails or 3)], 1)
        ]
        one, other = self.make(), self.make()
        for event in events:
            one.record(*event)
        random.shuffle(events)
        for event in events:
            other.record(*event)
        assert list(one.unsettled()) == list(other.unsettled())
        while (best := one.next(closing=closing)) is not None:
            assert other.next(closing=closing) == best
            one.promote(best)
            other.promote(best)
        assert other.next(closing=closing) is None
