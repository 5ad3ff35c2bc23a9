"""Which settings mattered is found where one did, and not where none did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.search.config import parse_sweep_file
from convscape.search.proposals import DesignSpace
from convscape.search.records import Design, TrialRecord
from convscape.search.study import Study, importances, read_trials
from convscape.search.study.importance import placed
from convscape.spaces import parse_notation
from convscape.trainers import Recipe
from hypothesis import given, strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPACE = """
name: tiny
data: {name: digits}
space: {stages: [1, 2], convolutions: 1, filters: [4, 8], kernel: [3, 5], hidden: 0}
"""


def told(
    tmp_path: Path,
    count: int,
    accuracy: Callable[[TrialRecord, int], float],
    epochs: Callable[[int], int] = lambda _: 1,
) -> list[TrialRecord]:
    """A study in which every trial reached what `accuracy` says after each of its epochs."""
    designs = DesignSpace.of(parse_sweep_file(SPACE), (1, 8, 8), 10)
    study = Study(tmp_path, sampler="random")
    for number in range(count):
        record = study.ask(designs.sample)
        for epoch in range(1, epochs(number) + 1):
            study.report(record, epoch, accuracy(record, epoch))
        study.end(record, "completed", "all epochs done")
    return read_trials(tmp_path)


def by_rate(record: TrialRecord, epoch: int) -> float:
    return 0.9 - 0.2 * abs(np.log10(record.design.recipe.learning_rate) + 1.3) + 0.01 * epoch


def test_the_setting_that_decides_comes_first_and_no_other_matters(tmp_path: Path) -> None:
    first, *others = importances(told(tmp_path, 80, by_rate))
    assert first.setting == "learning_rate"
    assert first.matters
    assert first.share is not None
    assert first.share > 0.4
    assert first.chance is not None
    assert first.share > 2 * first.chance
    assert 0 < (first.deviation or 0) < 0.4
    assert first.trials == 80
    assert not [other.setting for other in others if other.matters]
    assert sum(each.share or 0.0 for each in (first, *others)) == pytest.approx(1)
    second_stage = next(each for each in others if each.setting.startswith("stage2"))
    assert 20 <= second_stage.trials < 80, "only some designs have it"


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_decides_nothing_matters(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    found = importances(told(tmp_path, 40, lambda *_: random.random()))
    assert [each for each in found if each.matters] == []


def test_of_few_trials_nothing_is_known(tmp_path: Path) -> None:
    found = importances(told(tmp_path, 19, by_rate))
    assert {(each.share, each.deviation, each.matters) for each in found} == {(None, None, False)}
    assert next(each for each in found if each.setting == "learning_rate").trials == 19
    assert importances([]) == []


def test_a_setting_that_few_designs_have_is_unknown_and_comes_last(tmp_path: Path) -> None:
    found = importances(told(tmp_path, 30, by_rate))
    few = [each for each in found if each.trials < 20]
    assert few
    assert found[-len(few) :] == few
    assert all(each.share is None for each in few)


def test_a_longer_training_is_no_merit(tmp_path: Path) -> None:
    """Every other trial had nine epochs, in which accuracy only rises: what decides is still the learning rate."""
    first = importances(told(tmp_path, 80, lambda r, e: by_rate(r, 5 * e), lambda number: 1 + 8 * (number % 2)))[0]
    assert first.setting == "learning_rate"
    assert first.matters


DESIGN = Design.of(parse_notation("INPUT[8x8x1] -> FC-10"), Recipe())


def record(number: int, accuracies: list[float], *, failed: bool = False) -> TrialRecord:
    return TrialRecord(
        number=number, design=DESIGN, state="failed" if failed else "completed",
        accuracies=dict(enumerate(accuracies, 1)),
    )  # fmt: skip


def test_trials_are_compared_after_as_many_epochs_each() -> None:
    ended_early = record(0, [0.5])
    long_but_worse = record(1, [0.4, 0.6, 0.9])
    overtaken, overtakes = record(2, [0.7, 0.8, 0.8]), record(3, [0.6, 0.7, 0.95])
    diverged = record(4, [0.99], failed=True)
    order = placed([ended_early, long_but_worse, overtaken, overtakes, diverged])
    assert [each.number for each in order] == [4, 2, 0, 1, 3]


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=4), min_size=1, max_size=12))
def test_of_trials_of_one_length_the_last_epoch_decides(curves: list[list[float]]) -> None:
    records = [record(number, curve) for number, curve in enumerate(curves)]
    order = placed(records)
    assert sorted(each.number for each in order) == list(range(len(curves)))
    longest = max(each.epochs for each in records)
    ends = [each.accuracies[longest] for each in order if each.epochs == longest]
    assert ends == sorted(ends)
