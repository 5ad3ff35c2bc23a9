"""Successive halving: a sequence worked by hand, and what holds for any."""

from __future__ import annotations

import pytest
from convscape.search.promotion import Promotion
from hypothesis import given
from hypothesis import strategies as st


def test_rungs_grow_by_the_reduction_and_end_before_the_last_epoch() -> None:
    def rungs(*settings: int) -> list[int]:
        return [rung.epochs for rung in Promotion(*settings).rungs]

    assert rungs(9) == [1, 3]
    assert rungs(81) == [1, 3, 9, 27]
    assert rungs(10, 2, 2) == [2, 4, 8]
    assert rungs(1) == []
    assert rungs(4, 5) == []


def test_a_sequence_worked_by_hand() -> None:
    # Li et al. 2020, algorithm 2, with reduction 2 and rungs at 1 and 2 of 4 epochs.
    halving = Promotion(epochs=4, first=1, reduction=2)
    halving.record(0, 1, 0.50)
    assert halving.next() is None  # floor(1 / 2) = 0 may go on
    halving.record(1, 1, 0.60)
    assert halving.next() == 1  # the better of two
    halving.promote(1)
    assert halving.next() is None
    halving.record(2, 1, 0.40)
    halving.record(3, 1, 0.70)
    assert halving.next() == 3  # the best two of four are 3 and 1; 1 has gone on
    halving.promote(3)
    halving.record(1, 2, 0.65)
    halving.record(3, 2, 0.64)
    halving.record(4, 1, 0.55)
    halving.record(5, 1, 0.10)
    assert halving.next() == 1  # the higher rung first, though 4 is among the best three of six at the lower one
    halving.promote(1)
    assert halving.next() == 4
    halving.promote(4)
    assert halving.next() is None
    assert halving.next(closing=True) is None  # what leads its rung has gone on already


def test_closing_lets_one_of_too_few_go_on() -> None:
    halving = Promotion(epochs=9)
    halving.record(0, 1, 0.2)
    halving.record(1, 1, 0.3)
    assert halving.next() is None
    assert halving.next(closing=True) == 1
    halving.promote(1)
    assert halving.next(closing=True) is None


def test_ties_go_to_the_earlier_trial() -> None:
    halving = Promotion(epochs=9)
    for number in (2, 0, 1):
        halving.record(number, 1, 0.5)
    assert halving.next() == 0


def test_a_failed_trial_leaves_its_place_to_another() -> None:
    halving = Promotion(epochs=9)
    for number, value in enumerate([0.9, 0.8, 0.1]):
        halving.record(number, 1, value)
    halving.drop(0)
    assert halving.next() is None  # one of two is less than a third
    halving.record(3, 1, 0.2)
    assert halving.next() == 1


@pytest.mark.parametrize(("epoch", "rung"), [(1, True), (2, False), (3, True), (9, False)])
def test_which_epochs_are_rungs(epoch: int, rung: bool) -> None:
    assert Promotion(epochs=9).is_rung(epoch) is rung


results = st.lists(st.floats(0, 1), min_size=1, max_size=40)
reductions = st.integers(2, 5)


@given(results, reductions)
def test_a_rung_promotes_its_best_share_and_nobody_twice(values: list[float], reduction: int) -> None:
    halving = Promotion(epochs=reduction + 1, first=reduction, reduction=reduction)  # one rung
    promoted: list[int] = []
    for number, value in enumerate(values):
        halving.record(number, reduction, value)
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
    halving = Promotion(epochs=2, reduction=reduction)
    for number, value in enumerate(values):
        halving.record(number, 1, value)
    best = halving.next(closing=True)
    assert best is not None
    assert values[best] == max(values)


@given(
    st.dictionaries(st.integers(0, 20), st.lists(st.floats(0, 1), min_size=1, max_size=9), max_size=12),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_the_order_in_which_results_are_taken_in_does_not_matter(curves, random, closing: bool) -> None:
    events = [(number, epoch, value) for number, curve in curves.items() for epoch, value in enumerate(curve, 1)]
    ordered, shuffled = Promotion(epochs=9), Promotion(epochs=9)
    for event in events:
        ordered.record(*event)
    random.shuffle(events)
    for event in events:
        shuffled.record(*event)
    while (best := ordered.next(closing=closing)) is not None:
        assert shuffled.next(closing=closing) == best
        ordered.promote(best)
        shuffled.promote(best)
    assert shuffled.next(closing=closing) is None
