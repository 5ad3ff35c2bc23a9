"""Non-dominated ranking, against its definition."""

from __future__ import annotations

import math

from convscape.search.records.pareto import Fronts, fronts, ordered
from hypothesis import given, strategies as st

FEW = st.sampled_from([0.0, 0.25, 0.5, 1.0, math.nan, math.inf, -math.inf])


def many(places: int) -> st.SearchStrategy[dict[int, tuple[float, ...]]]:
    return st.dictionaries(st.integers(0, 60), st.tuples(*[FEW] * places), max_size=25)


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    first, second = ([-math.inf if math.isnan(v) else v for v in values] for values in (one, other))
    return first != second and all(a >= b for a, b in zip(first, second, strict=True))


@given(st.integers(1, 4).flatmap(many))
def test_fronts_are_what_is_left_undominated_time_after_time(merits: dict[int, tuple[float, ...]]) -> None:
    rest = set(merits)
    for front in fronts(merits):
        best = {n for n in rest if not any(dominates(merits[m], merits[n]) for m in rest)}
        assert set(front) == best
        rest -= best
    assert not rest


@given(st.integers(1, 4).flatmap(many))
def test_the_order_goes_front_by_front_and_leaves_nobody_out(merits: dict[int, tuple[float, ...]]) -> None:
    order = ordered(merits)
    assert sorted(order) == sorted(merits)
    rank = {number: index for index, front in enumerate(fronts(merits)) for number in front}
    assert [rank[number] for number in order] == sorted(rank.values())


@given(st.dictionaries(st.integers(0, 60), st.tuples(st.floats(0, 1)), max_size=25))
def test_a_single_objective_is_a_sort_with_ties_to_the_lower_number(merits: dict[int, tuple[float]]) -> None:
    assert ordered(merits) == sorted(merits, key=lambda number: (-merits[number][0], number))


def test_crowding_worked_by_hand() -> None:
    """Deb et al. 2002: the ends of a front first, then whoever has the farthest neighbours."""
    merits = {0: (0.0, 10.0), 1: (1.0, 9.0), 2: (2.0, 8.0), 3: (9.0, 1.0), 4: (10.0, 0.0), 5: (0.0, 0.0)}
    assert fronts(merits) == [[0, 1, 2, 3, 4], [5]]
    assert ordered(merits) == [4, 0, 3, 2, 1, 5]  # neighbours of 2 and of 3 are 1.6 apart, those of 1 only 0.4


@given(st.dictionaries(st.integers(0, 60), st.tuples(FEW), max_size=25))
def test_a_single_objective_that_is_no_number_comes_with_the_worst(merits: dict[int, tuple[float]]) -> None:
    worth = {number: -math.inf if math.isnan(value) else value for number, (value,) in merits.items()}
    assert ordered(merits) == sorted(merits, key=lambda number: (-worth[number], number))


@given(st.integers(2, 3).flatmap(many), st.randoms(use_true_random=False))
def test_the_order_is_that_of_the_values_not_of_the_mapping(merits: dict[int, tuple[float, ...]], random) -> None:
    shuffled = list(merits.items())
    random.shuffle(shuffled)
    assert ordered(dict(shuffled)) == ordered(merits)


def test_equals_crowd_each_other_and_come_last_in_their_front() -> None:
    merits = {3: (0.9, -5.0), 1: (0.9, -5.0), 2: (0.5, -1.0), 0: (0.7, -2.0), 4: (0.9, -6.0)}
    assert ordered(merits) == [1, 2, 0, 3, 4]


def test_nothing_at_all() -> None:
    assert fronts({}) == []
    assert ordered({}) == []


@given(st.integers(1, 4).flatmap(many), st.integers(0, 25), st.randoms(use_true_random=False))
def test_fronts_kept_up_are_those_made_anew(merits: dict[int, tuple[float, ...]], begin: int, random) -> None:
    items = list(merits.items())
    random.shuffle(items)
    kept = Fronts(dict(items[:begin]))
    for index, (number, values) in enumerate(items[begin:], begin + 1):
        kept.add(number, values)
        assert [sorted(layer) for layer in kept.layers] == fronts(dict(items[:index]))
