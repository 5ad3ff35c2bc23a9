"""The statistics on simulated experiments with known effects."""

from __future__ import annotations

import math
from zlib import crc32

import numpy as np
import pytest
from convscape.search.verdicts import (
    ERROR,
    LEVEL,
    detectable,
    final_level,
    holm,
    interim_looks,
    level_after,
    mean_interval,
    permutation_ps,
)
from simulated_experiments import EXPERIMENTS, SIZES, deviation, experiments, heavy, normal, skewed

LARGEST = pytest.param(SIZES[-1], marks=pytest.mark.slow)


def _rng(*names: object) -> np.random.Generator:
    return np.random.default_rng(crc32(" ".join(map(str, names)).encode()))


def _leeway(share: float) -> float:
    """Three standard errors of a share seen in so many experiments."""
    return 3 * math.sqrt(share * (1 - share) / EXPERIMENTS)


@pytest.mark.parametrize("between", [normal, heavy, skewed])
@pytest.mark.parametrize("pairs", SIZES)
def test_the_interval_holds_the_true_difference_in_95_of_100(pairs, between):
    drawn = experiments(_rng(pairs, between.__name__), EXPERIMENTS, pairs, effect=0.01, between=between)
    assert np.mean(_holds(drawn, 0.01)) == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.parametrize("variants", [2, 4])
@pytest.mark.parametrize("pairs", [*SIZES[:-1], LARGEST])
def test_no_difference_leads_to_a_verdict_in_5_of_100_at_most_over_all_contrasts_and_looks(pairs, variants):
    rng = _rng(pairs, variants)
    sides = np.stack([experiments(rng, EXPERIMENTS, pairs) for _ in range(variants)], axis=1)
    settled, _ = _concluded(sides[:, :1] - sides[:, 1:])
    assert np.mean(settled.any(axis=1)) <= ERROR + _leeway(ERROR)


@pytest.mark.parametrize("pairs", [20, LARGEST])
def test_the_interval_holds_also_where_an_experiment_may_end_early(pairs):
    drawn = experiments(_rng("early", pairs), EXPERIMENTS, pairs, effect=0.01)
    _, ended = _concluded(drawn[:, None])
    assert np.mean(ended < pairs) > 0.05  # so that it says something
    held = [_holds(drawn[index : index + 1, : ended[index]], 0.01)[0] for index in range(EXPERIMENTS)]
    assert np.mean(held) == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.parametrize("pairs", [8, 20, 50])
def test_a_detectable_difference_is_shown_in_80_of_100(pairs):
    level = final_level(pairs)
    drawn = experiments(_rng("power", pairs), EXPERIMENTS, pairs, effect=detectable(deviation(), pairs, level))
    assert np.mean(permutation_ps(drawn) <= level) == pytest.approx(0.8, abs=0.02 + _leeway(0.8))


def test_four_pairs_show_nothing():
    assert detectable(1.0, 4, ERROR) is None


def _holds(drawn: np.ndarray, effect: float) -> list[bool]:
    found = [mean_interval(each.tolist()) for each in drawn]
    return [each.low <= effect <= each.high for each in found]


def _concluded(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which contrasts of each experiment have a verdict, and after how many pairs it ended.

    Args:
        differences: shape (experiments, contrasts, pairs).
    """
    count, several, planned = differences.shape
    settled, ended = np.zeros((count, several), bool), np.full(count, planned)
    for pairs in (*interim_looks(planned, several), planned):
        seen = differences[..., :pairs]
        beside = ~np.array([_holds(each, 0.0) for each in seen])
        worth = beside.all(axis=1) if pairs < planned else beside.any(axis=1)
        worth &= ended == planned
        if not worth.any():
            continue
        p = permutation_ps(seen[worth].reshape(-1, pairs)).reshape(-1, several)
        verdicts = beside[worth] & (
            np.array([holm(each.tolist()) for each in p]) <= level_after(pairs, planned, several)
        )
        over = np.flatnonzero(worth)[verdicts.all(axis=1) | (pairs == planned)]
        settled[over] = verdicts[verdicts.all(axis=1) | (pairs == planned)]
        ended[over] = pairs
    return settled, ended
