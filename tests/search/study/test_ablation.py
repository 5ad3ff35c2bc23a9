"""The path from the first design to the best finds the changes that count, and says what it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.search.config import parse_sweep_file
from convscape.search.proposals import DesignSpace
from convscape.search.study import Study, change_path, read_trials
from convscape.search.study.ablation import FEWEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from convscape.search.records import TrialRecord

SPACE = """
name: tiny
data: {name: digits}
space: {stages: [1, 2], convolutions: 1, filters: [4, 8], kernel: [3, 5], hidden: 0}
"""


def told(tmp_path: Path, count: int, accuracy: Callable[[TrialRecord], float]) -> list[TrialRecord]:
    designs = DesignSpace.of(parse_sweep_file(SPACE), (1, 8, 8), 10)
    study = Study(tmp_path, sampler="random")
    for _ in range(count):
        record = study.ask(designs.sample)
        for epoch in (1, 2):
            study.report(record, epoch, accuracy(record) + 0.01 * epoch)
        study.end(record, "completed", "trained 2 epochs")
    return read_trials(tmp_path)


def by_rate(record: TrialRecord) -> float:
    return 0.9 - 0.3 * abs(np.log10(record.design.recipe.learning_rate) + 1.3)


def best_of(records: list[TrialRecord]) -> int:
    return max(records, key=lambda record: record.accuracy or 0.0).number


def test_the_change_that_counts_comes_first_and_brings_most(tmp_path: Path) -> None:
    records = told(tmp_path, 120, by_rate)
    start, first, *others = change_path(records, best_of(records))
    assert start.changes == ()
    assert (start.gain, start.trial) == (0.0, 0)
    assert first.changes[0][0] == "learning_rate"
    assert first.gain > 3 * max(abs(step.gain) for step in others)
    assert first.gain > 2 * first.deviation


def test_it_ends_at_the_winner_and_each_difference_changes_once(tmp_path: Path) -> None:
    records = told(tmp_path, 60, by_rate)
    first, best = records[0], records[best_of(records)]
    path = change_path(records, best.number)
    changed = [name for step in path for name, _, _ in step.changes]
    settings = {name.partition(" in ")[0]: value for name, value in first.params.items()}
    wanted = {name.partition(" in ")[0]: value for name, value in best.params.items()}
    assert sorted(changed) == sorted(n for n in settings | wanted if settings.get(n) != wanted.get(n))
    assert path[-1].trial == best.number
    assert path[-1].measured == best.accuracy
    assert path[-1].predicted == pytest.approx(path[0].predicted + sum(step.gain for step in path))


def test_a_setting_that_is_asked_for_because_of_another_changes_with_it(tmp_path: Path) -> None:
    records = told(tmp_path, 80, lambda record: by_rate(record) + 0.2 * record.design.notation.count("POOL"))
    records.sort(key=lambda record: record.params["stages"])  # a design of one stage is the first
    [step] = [
        step for step in change_path(records, best_of(records)) if step.changes and step.changes[0][0] == "stages"
    ]
    assert {name for name, before, _ in step.changes if before is None} >= {"stage2.kernel"}
    assert step.words.startswith("stages 1 to 2, with ")


def test_few_trials_or_no_winner_give_no_path(tmp_path: Path) -> None:
    records = told(tmp_path, FEWEST, by_rate)
    assert change_path(records, best_of(records))
    assert change_path(records[:-1], records[5].number) == []
    assert change_path(records, None) == []
    assert change_path(records, records[0].number) == []


def test_of_a_large_sweep_the_winner_and_the_longest_are_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convscape.search.study.ablation.MOST", 9)
    records = told(tmp_path, 60, by_rate)
    for record in records[:-1]:
        record.accuracies = {1: record.accuracies[1]}
    records[-2].accuracies |= {2: 0.99, 3: 0.99}  # the longest, and the winner
    path = change_path(records, records[-2].number)
    assert path[-1].predicted > path[0].predicted


def test_a_trial_that_was_stopped_is_no_measurement_at_full_length(tmp_path: Path) -> None:
    records = told(tmp_path, 40, by_rate)
    records[0].state = "stopped"
    path = change_path(records, best_of(records))
    assert (path[0].trial, path[0].measured) == (None, None)
    assert path[-1].trial == best_of(records)
