"""How sure a winner is: intervals that hold the truth as often as they say, chances that come true as often."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from random import Random

import pytest
from convscape.search.records import Sureness, reach_of_share, sureness
from convscape.search.records.ranking import Standing
from convscape.trainers.measuring import wilson_interval

IMAGES, SEEDS = 500, 0.004


def seen(truth: float, runs: int, chance: Random) -> Standing:
    """Runs of a design whose seeds vary by SEEDS, seen on IMAGES images of its own."""
    luck = chance.gauss(0, (truth * (1 - truth) / IMAGES) ** 0.5)  # the same images for each run
    return Standing(tuple(truth + luck + chance.gauss(0, SEEDS) for _ in range(runs)))


@pytest.mark.parametrize("runs", [1, 3])
def test_an_interval_holds_the_truth_nineteen_times_in_twenty(runs: int) -> None:
    """Of single runs the interval is wider than need be, since their spread is not known."""
    chance, held = Random(runs), 0  # noqa: S311
    for _ in range(1000):
        standings = {number: seen(0.9, runs, chance) for number in range(3)}
        held += abs(sureness(standings, 0, IMAGES)[0].mean - 0.9) <= sureness(standings, 0, IMAGES)[0].reach
    assert held >= 930
    assert held <= (1000 if runs == 1 else 985)


def test_with_splits_of_their_own_runs_count_more_images() -> None:
    """Each run is seen on images of its own: the interval is narrower, and still holds the truth as often."""
    chance, held, narrower = Random(2), 0, 0  # noqa: S311
    for _ in range(1000):
        runs = [seen(0.9, 1, chance).accuracies[0] for _ in range(3)]
        found = sureness({0: Standing(tuple(runs))}, 0, IMAGES, 10 * IMAGES)[0]
        held += abs(found.mean - 0.9) <= found.reach
        narrower += found.reach < sureness({0: Standing(tuple(runs))}, 0, IMAGES)[0].reach
    assert 950 <= held <= 999, "in truth they overlap: it is a little wide for runs that do not"
    assert narrower == 1000
    alone = sureness({0: Standing((0.9,))}, 0, IMAGES)[0]
    assert sureness({0: Standing((0.9,))}, 0, IMAGES, 10 * IMAGES)[0] == alone


def test_a_chance_comes_true_as_often_as_it_says() -> None:
    """Of designs that are told to be better with a chance of 10 to 30 %, about as many are."""
    chance = Random(0)  # noqa: S311
    told: list[tuple[float, bool]] = []
    for _ in range(4000):
        truths = [chance.gauss(0.9, 0.02) for _ in range(2)]
        standings = {number: seen(truth, 3, chance) for number, truth in enumerate(truths)}
        winner = max(standings, key=lambda number: standings[number].mean)
        told.append((sureness(standings, winner, IMAGES)[1 - winner].chance, truths[1 - winner] > truths[winner]))
    near = [(each, came) for each, came in told if 0.1 <= each <= 0.3]
    assert len(near) > 300
    said, true = (sum(values) / len(near) for values in zip(*near, strict=True))
    assert true == pytest.approx(said, abs=0.06)


def test_the_winner_has_no_chance_against_itself_and_equals_have_one_of_a_half() -> None:
    found = sureness({1: Standing((0.9,)), 2: Standing((0.9,))}, 1, 100)
    assert found[1] == Sureness(0.9, found[1].reach, 0.0)
    assert found[2].chance == pytest.approx(0.5)
    assert sureness({1: Standing((1.0,)), 2: Standing((0.9,))}, 1, 100)[2].chance < 0.01


@pytest.mark.parametrize(("right", "images"), [(0, 1), (3, 7), (81, 263), (300, 300)])
def test_the_reach_of_a_share_is_half_of_its_interval(right: int, images: int) -> None:
    low, high = wilson_interval(right, images)
    assert reach_of_share(right / images, images) == pytest.approx((high - low) / 2, abs=1e-12)
    assert reach_of_share(0.5, 0) == 0.0


def test_what_only_looks_imports_nothing_heavy_for_an_interval() -> None:
    says = "import sys; from convscape.search.records import reach_of_share; print(reach_of_share(0.5, 300) > 0, "
    says += "sorted({'torch', 'numpy', 'optuna'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"


def test_examples_in_docstrings() -> None:
    result = doctest.testmod(importlib.import_module("convscape.search.records.sureness"))
    assert result.attempted
    assert not result.failed
