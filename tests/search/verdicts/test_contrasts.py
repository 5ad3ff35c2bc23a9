"""What a contrast says of its pairs: differences, p corrected for several contrasts, and when it is settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from convscape.search.verdicts import Compared, Contrast, Costs, choose_rates, contrasts, mean_interval
from scipy import stats

COSTS = (Costs(parameters=1, macs=2, memory=3), Costs(parameters=1, macs=2, memory=3))
CLEAR = [0.01, 0.02, 0.03, 0.02, 0.01, 0.02, 0.03, 0.02]


@dataclass(frozen=True)
class Pair:
    """As much of a pair as a contrast looks at."""

    difference: float
    learnt: bool = True


def contrast(*differences: list[float], level: float | None = 0.05) -> list[Contrast]:
    pairs: list[Any] = [tuple(Pair(each) for each in row) for row in differences]
    return contrasts([Compared(a="a", b="b", pairs=each, costs=COSTS) for each in pairs], level, 0.05)


def test_a_clear_difference_is_settled_for_the_better_side() -> None:
    (found,) = contrast(CLEAR)
    assert (found.better, found.verdict) == ("a", "a is better")
    assert (found.wins, found.ties) == (8, 0)
    assert found.p == 2 / 2**8
    assert found.difference == pytest.approx(0.02)
    assert found.needed is None
    (other,) = contrast([-each for each in CLEAR])
    assert other.better == "b"


def test_the_interval_is_that_of_a_t_test() -> None:
    known = stats.ttest_1samp(CLEAR, 0.0).confidence_interval(0.95)
    found = mean_interval(CLEAR)
    assert (found.low, found.high, found.method) == (pytest.approx(known.low), pytest.approx(known.high), "Student's t")
    assert mean_interval([0.25] * 20).method == "Student's t"
    assert mean_interval([*CLEAR, *CLEAR, *CLEAR]).method == "studentised bootstrap"


def test_a_p_above_the_level_settles_nothing_whatever_the_interval_says() -> None:
    (found,) = contrast(CLEAR[:5])
    assert found.interval.without_zero
    assert found.p == 2 / 2**5
    assert not found.settled
    assert found.verdict == "not settled at n = 5; it takes 6 pairs or more"
    assert found.needed is None  # of five differences nobody can reckon that


def test_an_interval_with_zero_in_it_settles_nothing_whatever_p_says() -> None:
    skewed = [0.001] * 9 + [0.2]
    (found,) = contrast(skewed)
    assert found.p < 0.05
    assert not found.interval.without_zero
    assert found.better is None


def test_between_looks_nothing_is_settled() -> None:
    (found,) = contrast(CLEAR, level=None)
    assert (found.settled, found.level) == (False, None)


def test_several_contrasts_are_corrected_by_holm_s_method() -> None:
    seven = CLEAR[:7]
    assert contrast(seven)[0].p == 2 / 2**7
    first, second, third = contrast(seven, CLEAR, [0.01, -0.01, 0.01, -0.01])
    assert second.p == 3 * 2 / 2**8
    assert first.p == 2 * 2 / 2**7
    assert third.p == 1


def test_how_many_pairs_would_do() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=20)
    wide = (0.005 + 0.01 * (drawn - drawn.mean()) / drawn.std(ddof=1)).tolist()
    (found,) = contrast(wide, level=None)
    assert found.needed == 34  # Cohen 1988, table 2.4.1, d = 0.5
    assert found.detectable == pytest.approx(0.0066, abs=0.0001)
    (look,) = contrast(wide, level=0.001)  # what settles at a look before the last has to be larger
    assert look.detectable == pytest.approx(0.0103, abs=0.0005)


def test_without_pairs_there_is_no_verdict() -> None:
    (found,) = contrast([])
    assert (found.verdict, found.p, found.interval, found.difference) == ("no pair is complete yet", 1.0, None, 0.0)


def test_one_rate_for_all_keeps_equal_variants_from_seeming_to_differ() -> None:
    rng, wrong, experiments, pairs = np.random.default_rng(1), 0, 2_000, 20
    rates, tuned = (0.0, -0.005, -0.03), 5  # what each rate brings: the second best is half a point below
    for _ in range(experiments):
        own = rng.normal(0, 0.005, (pairs, 3))  # each base likes rates a little in its own way
        tried = {
            name: {at: (rates[at] + own[:tuned, at] + rng.normal(0, 0.01, tuned)).tolist() for at in range(3)}
            for name in "ab"
        }
        chosen = choose_rates(tried)
        a, b = (rates[chosen[name]] + own[:, chosen[name]] + rng.normal(0, 0.01 / np.sqrt(2), pairs) for name in "ab")
        wrong += mean_interval((a - b).tolist()).without_zero
    assert wrong / experiments <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / experiments)


def test_a_variant_that_needs_another_rate_gets_it() -> None:
    rng = np.random.default_rng(2)
    low = {0.03: rng.normal(0.80, 0.01, 5).tolist(), 0.3: rng.normal(0.60, 0.05, 5).tolist()}
    high = {0.03: rng.normal(0.80, 0.01, 5).tolist(), 0.3: rng.normal(0.85, 0.01, 5).tolist()}
    assert choose_rates({"low": low, "high": high}) == {"low": 0.03, "high": 0.3}
