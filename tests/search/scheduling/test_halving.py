"""Promotions: sequences worked by hand, what holds for successive halving, and the contract of all."""

from __future__ import annotations

from collections import Counter

import pytest
from convscape.search.config.schema import SearchConfig
from convscape.search.driver.time_left import expected_epochs
from convscape.search.scheduling import Decision
from convscape.search.scheduling.halving import Halving, Promotion, Stopping, promotion_of
from convscape.search.scheduling.length import Length
from convscape.testing import PromotionContract
from convscape.testing.promotion import EPOCHS
from hypothesis import given, strategies as st


def test_rungs_grow_by_the_reduction_and_end_before_the_last_epoch() -> None:
    def rungs(*settings: int) -> list[int]:
        return [rung.epochs for rung in Halving(*settings).brackets[0]]

    assert rungs(9) == [1, 3]
    assert rungs(81) == [1, 3, 9, 27]
    assert rungs(10, 2, 2) == [2, 4, 8]
    assert rungs(1) == []
    assert rungs(4, 5) == []


def test_a_sequence_worked_by_hand() -> None:
    # Li et al. 2020, algorithm 2, with reduction 2 and rungs at 1 and 2 of 4 epochs.
    halving = Halving(epochs=4, first=1, reduction=2)
    halving.record(0, 1, (0.50,))
    assert halving.next() is None  # floor(1 / 2) = 0 may go on
    halving.record(1, 1, (0.60,))
    assert halving.next() == 1  # the better of two
    halving.promote(1)
    assert halving.next() is None
    halving.record(2, 1, (0.40,))
    halving.record(3, 1, (0.70,))
    assert halving.next() == 3  # the best two of four are 3 and 1; 1 has gone on
    halving.promote(3)
    halving.record(1, 2, (0.65,))
    halving.record(3, 2, (0.64,))
    halving.record(4, 1, (0.55,))
    halving.record(5, 1, (0.10,))
    assert halving.next() == 1  # the higher rung first, though 4 is among the best three of six at the lower one
    halving.promote(1)
    assert halving.next() == 4
    halving.promote(4)
    assert halving.next() is None
    assert halving.next(closing=True) is None  # what leads its rung has gone on already


def test_closing_lets_one_of_too_few_go_on() -> None:
    halving = Halving(epochs=9)
    halving.record(0, 1, (0.2,))
    halving.record(1, 1, (0.3,))
    assert halving.next() is None
    assert halving.next(closing=True) == 1
    halving.promote(1)
    assert halving.next(closing=True) is None


def test_ties_go_to_the_earlier_trial() -> None:
    halving = Halving(epochs=9)
    for number in (2, 0, 1):
        halving.record(number, 1, (0.5,))
    assert halving.next() == 0


def test_a_failed_trial_leaves_its_place_to_another() -> None:
    halving = Halving(epochs=9)
    for number, value in enumerate([0.9, 0.8, 0.1]):
        halving.record(number, 1, (value,))
    halving.drop(0)
    assert halving.next() is None  # one of two is less than a third
    halving.record(3, 1, (0.2,))
    assert halving.next() == 1


@pytest.mark.parametrize(("epoch", "rung"), [(1, True), (2, False), (3, True), (9, False)])
def test_which_epochs_are_rungs(epoch: int, rung: bool) -> None:
    assert Halving(epochs=9).is_rung(0, epoch) is rung


results = st.lists(st.floats(0, 1), min_size=1, max_size=40)
reductions = st.integers(2, 5)


@given(results, reductions)
def test_a_rung_promotes_its_best_share_and_nobody_twice(values: list[float], reduction: int) -> None:
    halving = Halving(epochs=reduction + 1, first=reduction, reduction=reduction)  # one rung
    promoted: list[int] = []
    for number, value in enumerate(values):
        halving.record(number, reduction, (value,))
        while (best := halving.next()) is not None:
            halving.promote(best)
            assert best not in promoted
            promoted.append(best)
            ranked = sorted(values[: number + 1], reverse=True)
            assert values[best] >= ranked[(number + 1) // reduction - 1], "not among the best share when promoted"
        best_now = sorted(range(number + 1), key=lambda n: (-values[n], n))[: (number + 1) // reduction]
        assert set(best_now) <= set(promoted), "one of the best share still waits"


@given(results, reductions)
def test_closing_promotes_somebody_exactly_where_nobody_has_gone_on(values: list[float], reduction: int) -> None:
    halving = Halving(epochs=2, reduction=reduction)
    for number, value in enumerate(values):
        halving.record(number, 1, (value,))
    best = halving.next(closing=True)
    assert best is not None
    assert values[best] == max(values)


def test_stopping_worked_by_hand() -> None:
    stopping = Stopping(epochs=9, first=1, reduction=3)

    def judged(number: int, epoch: int, value: float) -> str:
        stopping.record(number, epoch, (value,))
        return stopping.verdict(number)

    assert judged(0, 1, 0.5) is Decision.CONTINUE  # the first
    assert judged(1, 1, 0.4) is Decision.STOP
    assert judged(2, 1, 0.6) is Decision.CONTINUE
    assert judged(3, 1, 0.55) is Decision.STOP  # second of four, and one in three goes on
    assert judged(4, 1, 0.1) is Decision.STOP
    assert judged(5, 1, 0.58) is Decision.CONTINUE  # second of six
    assert judged(2, 3, 0.7) is Decision.CONTINUE  # the first at its rung
    assert judged(0, 3, 0.6) is Decision.STOP
    assert stopping.next() is None
    assert stopping.next(closing=True) is None


def test_several_objectives_are_judged_by_fronts() -> None:
    halving = Halving(epochs=9)
    for number, values in enumerate([(0.9, -9.0), (0.5, -1.0), (0.8, -9.5), (0.4, -1.5), (0.3, -2.0), (0.2, -3.0)]):
        halving.record(number, 1, values)
    assert halving.next() == 0  # two of six may: the first front is 0 and 1
    halving.promote(0)
    assert halving.next() == 1
    halving.promote(1)
    assert halving.next() is None


def test_what_failed_after_it_had_gone_on_leaves_its_place_too() -> None:
    halving = Halving(epochs=9)
    for number, value in enumerate([0.9, 0.8, 0.1]):
        halving.record(number, 1, (value,))
    halving.promote(0)
    assert halving.next(closing=True) is None
    halving.drop(0)
    assert halving.next(closing=True) == 1


def test_brackets_begin_one_rung_later_each() -> None:
    halving = Halving(epochs=9, brackets=3)
    assert [[rung.epochs for rung in rungs] for rungs in halving.brackets] == [[1, 3], [3], []]
    rungs = {number: [epoch for epoch in range(1, 9) if halving.is_rung(number, epoch)] for number in range(50)}
    assert all(rungs[number] == [[1, 3], [3], []][halving.bracket(number)] for number in rungs)


@pytest.mark.parametrize("trials", [11, 50, 1000])
def test_brackets_get_trials_in_the_proportion_of_hyperband(trials: int) -> None:
    # Li et al. 2018, table 1: R = 81 and eta = 3 start 81, 34, 15, 8, 5 trials: (s + 1) / 5 times 3^s, rounded up
    halving = Halving(epochs=81, brackets=5)
    dealt = Counter(halving.bracket(number) for number in range(trials))
    sizes = [3**s * 5 / (s + 1) for s in (4, 3, 2, 1, 0)]
    assert [-(-size // 1) for size in sizes] == [81, 34, 15, 8, 5]
    for bracket, size in enumerate(sizes):
        assert abs(dealt[bracket] - trials * size / sum(sizes)) < 2.5


def test_brackets_are_judged_apart() -> None:
    halving = Halving(epochs=9, reduction=3, brackets=2)
    first, second = ([n for n in range(30) if halving.bracket(n) == bracket] for bracket in (0, 1))
    for number in first[:3]:
        halving.record(number, 3, (0.1 + number / 100,))
    for number in second[:2]:
        halving.record(number, 3, (0.9,))
    assert halving.next() == first[2]  # the best of three; two of the other bracket are too few
    halving.record(second[2], 3, (0.95,))
    assert halving.next() == second[2]  # as high a rung, and better


@pytest.mark.parametrize(
    ("settings", "kind", "rungs"),
    [
        ({}, Halving, [[1, 3]]),
        ({"promotion": "stopping", "first_rung": 2, "reduction": 2, "brackets": 2}, Stopping, [[2, 4, 8], [4, 8]]),
        ({"promotion": "none", "brackets": 9}, Halving, [[]]),
    ],
)
def test_the_sweep_file_names_the_strategy(settings: dict, kind: type, rungs: list[list[int]]) -> None:
    search = SearchConfig.model_validate({"epochs": 9, **settings})
    promotion = promotion_of(search, Length(search, images=0, timed=False))
    assert type(promotion) is kind
    assert [[rung.epochs for rung in bracket] for bracket in promotion.brackets] == rungs


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        ({}, 1 + 2 / 3 + 6 / 9),
        ({"promotion": "stopping"}, 1 + 2 / 3 + 6 / 9),
        ({"brackets": 3}, 6 / 11 * (1 + 2 / 3 + 6 / 9) + 3 / 11 * (3 + 6 / 3) + 2 / 11 * 9),
        ({"epochs": 10, "first_rung": 2, "reduction": 2}, 2 + 2 / 2 + 4 / 4 + 2 / 8),
        ({"promotion": "none"}, 9),
    ],
)
def test_how_long_trials_train_on_average(settings: dict, epochs: float) -> None:
    search = SearchConfig.model_validate({"epochs": 9, **settings})
    assert expected_epochs(search, Length(search, images=0, timed=False)) == pytest.approx(epochs)


class TestHalving(PromotionContract):
    def make(self) -> Promotion:
        return Halving(EPOCHS)


class TestHalvingByTwo(PromotionContract):
    reduction = 2

    def make(self) -> Promotion:
        return Halving(EPOCHS, reduction=2)


class TestHalvingInBrackets(PromotionContract):
    def make(self) -> Promotion:
        return Halving(EPOCHS, brackets=3)

    def group(self, number: int) -> int:
        return Halving(EPOCHS, brackets=3).bracket(number)


class TestStopping(PromotionContract):
    one_at_least = True
    resumes = False

    def make(self) -> Promotion:
        return Stopping(EPOCHS)


class TestStoppingInBrackets(TestStopping):
    def make(self) -> Promotion:
        return Stopping(EPOCHS, brackets=2)

    def group(self, number: int) -> int:
        return Stopping(EPOCHS, brackets=2).bracket(number)


class TestNone(PromotionContract):
    def make(self) -> Promotion:
        search = SearchConfig(promotion="none")
        return promotion_of(search, Length(search, images=0, timed=False))


class LatestFirst(Halving):
    def next(self, *, closing: bool = False) -> int | None:  # noqa: ARG002
        return max((number for level in self._levels for rung in level for number in rung.waiting), default=None)


RUNS = 10
"""Runs of a test of the contract, of which one must find the fault: each tries other sweeps, by chance."""


class Forgetful(Stopping):
    keeps_stopped = False


class Undropping(Halving):
    def drop(self, number: int) -> None:
        self.promote(number)


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (LatestFirst, "test_nobody_goes_on_who_has_not_earned_it_or_twice_from_a_rung"),
        (Forgetful, "test_a_resumed_sweep_of_one_worker_ends_as_one_unbroken"),
        (Undropping, "test_what_failed_takes_no_place"),
        (Undropping, "test_no_trial_is_lost_and_some_trial_ends_at_full_length"),
    ],
)
def test_the_contract_finds_one_that_does_not_hold_to_it(kind: type[Halving] | type[Stopping], test: str) -> None:
    class Broken(PromotionContract):
        one_at_least = kind is Forgetful

        def make(self) -> Promotion:
            return kind(EPOCHS)

    for _ in range(RUNS):
        try:
            getattr(Broken(), test)()
        except (AssertionError, ExceptionGroup):
            return
    pytest.fail("the contract did not find it")
