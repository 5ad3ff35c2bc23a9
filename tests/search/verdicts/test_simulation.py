"""The statistics on simulated experiments with known effects."""

from __future__ import annotations

import math
from zlib import crc32

import numpy as np
import pytest
from convscape.search.verdicts import ERROR, LEVEL, detectable, interim_looks, level_after, mean_interval, permutation_p
from convscape.search.verdicts.contrast import contrasts
from convscape.search.verdicts.costs import Costs
from search.verdicts.simulated import EXPERIMENTS, SIZES, Simulated, deviation, experiments, heavy, normal, skewed

NONE = Costs(parameters=0, macs=0, memory=0)


def _rng(*names: object) -> np.random.Generator:
    return np.random.default_rng(crc32(" ".join(map(str, names)).encode()))


def _leeway(share: float, count: int) -> float:
    """Three standard errors of a share seen in so many experiments."""
    return 3 * math.sqrt(share * (1 - share) / count)


@pytest.mark.parametrize("between", [normal, heavy, skewed])
@pytest.mark.parametrize("pairs", SIZES)
def test_the_interval_holds_the_true_difference_in_95_of_100(pairs, between):
    drawn = experiments(_rng(pairs, between.__name__), EXPERIMENTS, pairs, effect=0.01, between=between)
    found = [mean_interval(each.tolist()) for each in drawn]
    held = np.mean([each.low <= 0.01 <= each.high for each in found])
    assert held == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("variants", [2, 4])
@pytest.mark.parametrize("pairs", SIZES)
def test_no_difference_leads_to_a_verdict_in_5_of_100_at_most_over_all_contrasts_and_looks(pairs, variants):
    rng = _rng(pairs, variants)
    wrong = 0
    for _ in range(EXPERIMENTS):
        sides = experiments(rng, variants, pairs)
        wrong += any(contrast.settled for contrast in _concluded(sides[0] - sides[1:]))
    assert wrong / EXPERIMENTS <= ERROR + _leeway(ERROR, EXPERIMENTS)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", SIZES)
def test_the_interval_holds_also_where_an_experiment_may_end_early(pairs):
    drawn = experiments(_rng("early", pairs), EXPERIMENTS, pairs, effect=0.01)
    held = 0
    for each in drawn:
        (found,) = _concluded(each[None])
        held += found.interval.low <= 0.01 <= found.interval.high
    assert held / EXPERIMENTS == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [8, 20, 50])
def test_a_detectable_difference_is_shown_in_80_of_100(pairs):
    level = level_after(pairs, pairs)
    effect = detectable(deviation(), pairs, level)
    drawn = experiments(_rng("power", pairs), EXPERIMENTS, pairs, effect=effect)
    shown = np.mean([permutation_p(each.tolist()) <= level for each in drawn])
    assert abs(shown - 0.8) <= 0.02 + _leeway(0.8, EXPERIMENTS)


def test_four_pairs_show_nothing():
    assert detectable(1.0, 4, ERROR) is None


def _concluded(differences: np.ndarray) -> list:
    """The contrasts of an experiment, shape (contrasts, pairs), where its looks end it."""
    planned = differences.shape[1]
    for count in (*interim_looks(planned), planned):
        compared = [("a", "b", [Simulated(each) for each in row[:count].tolist()], (NONE, NONE)) for row in differences]
        found = contrasts(compared, level_after(count, planned))
        if all(contrast.settled for contrast in found):
            return found
    return found
