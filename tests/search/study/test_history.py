"""What a sampler is shown of a long sweep."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import optuna
from convscape.search.records.pareto import fronts, ordered
from convscape.search.study.history import TrialHistory
from hypothesis import example, given, strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDS = st.tuples(
    st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL]),
    st.integers(1, 9), st.floats(0, 1),
)  # fmt: skip


def trials(ends: list[tuple[TrialState, int, float]]) -> list[FrozenTrial]:
    study = optuna.create_study(direction="maximize")
    for state, step, value in ends:
        known = {"state": state, "intermediate_values": {step: value}}
        study.add_trial(create_trial(**known, value=value) if state == TrialState.COMPLETE else create_trial(**known))
    return study.get_trials()


@given(st.lists(ENDS, max_size=60))
def test_few_trials_are_all_shown_and_of_many_the_best_the_running_and_the_latest(ends: list) -> None:
    every = trials(ends)
    shown = TrialHistory(20).select(every)
    numbers = [trial.number for trial in shown]
    assert numbers == sorted(numbers)
    running = {trial.number for trial in every if trial.state == TrialState.RUNNING}
    assert running <= set(numbers)
    if len(every) <= 20:
        assert shown == every
        return
    assert len(set(numbers) - running) == min(20, len(every) - len(running))
    complete = sorted((t.value or 0.0 for t in every if t.state == TrialState.COMPLETE), reverse=True)
    assert sorted((t.value or 0.0 for t in shown if t.state == TrialState.COMPLETE), reverse=True)[:5] == complete[:5]
    pruned = sorted((max(t.intermediate_values.items()) for t in every if t.state == TrialState.PRUNED), reverse=True)
    kept = sorted((max(t.intermediate_values.items()) for t in shown if t.state == TrialState.PRUNED), reverse=True)
    assert kept[:5] == pruned[:5]
    ended = [trial.number for trial in every if trial.state.is_finished()]
    assert set(ended[-10:]) <= set(numbers)


@given(st.lists(ENDS, min_size=21, max_size=60))
def test_of_many_running_trials_the_latest_are_shown_and_the_others_take_no_room(ends: list) -> None:
    every = trials(ends)
    ended = [trial for trial in TrialHistory(20).select(every) if trial.state.is_finished()]
    shown = TrialHistory(20, running=3).select(every)
    assert [trial for trial in shown if trial.state.is_finished()] == ended
    running = [trial for trial in every if trial.state == TrialState.RUNNING]
    assert [trial for trial in shown if trial.state == TrialState.RUNNING] == running[-3:]


CUT_SHORT = st.sampled_from([0.0, 0.0, 0.25, 0.5])
VALUES = st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(1, 5))


def of_two(ends: Sequence[tuple[float, tuple[float, float]]]) -> list[FrozenTrial]:
    """Complete trials of accuracy and size; those of a low rung violate a constraint."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for violated, values in ends:
        attrs = {"constraints:cut short": violated} if violated else {}
        study.add_trial(create_trial(values=values, system_attrs=attrs))
    return study.get_trials()


@given(st.lists(ENDS, max_size=60), st.lists(st.tuples(CUT_SHORT, VALUES), max_size=60), st.data())
def test_what_is_kept_up_is_what_a_look_at_all_would_tell(ends: list, several: list, data: st.DataObject) -> None:
    """Trials run, wait where they are shown as stopped, go on, and end; asked in between, and at the end."""
    every = of_two(several) if data.draw(st.booleans(), "two objectives") else trials(ends)
    kept_up = TrialHistory(20)
    stages = [data.draw(st.integers(0, 2), f"stage of {trial.number}") for trial in every]
    known = 0
    while True:
        known = data.draw(st.integers(known, len(every)), "known")
        now = every[:known]
        shown = [_with_state(trial, TrialState.RUNNING) if stages[trial.number] == 2 else trial for trial in now]
        assert kept_up.select(shown) == TrialHistory(20).select(shown)
        stages = [stage and data.draw(st.integers(0, 2), "next stage") for stage in stages]
        if known == len(every):
            return


def test_of_several_objectives_the_whole_front_is_shown_while_it_has_a_quarter() -> None:
    chance = np.random.default_rng(0)
    values: dict[int, tuple[float, float]] = {}
    for number in range(600):
        size = chance.random()
        values[number] = (float(0.5 + 0.4 * size**0.5 + chance.normal(0, 0.02)), float(size))
    every, kept_up = of_two([(0.0, value) for value in values.values()]), TrialHistory()
    for known in range(10, 601, 10):
        shown = {trial.number for trial in kept_up.select(every[:known])}
        objective_values = {number: (accuracy, -size) for number, (accuracy, size) in values.items() if number < known}
        assert len(fronts(objective_values)[0]) <= 50
        assert set(ordered(objective_values)[:50]) <= shown


@given(st.lists(st.tuples(CUT_SHORT, VALUES), min_size=21, max_size=60))
def test_of_several_objectives_those_of_full_length_come_first_whatever_others_reach(ends: list) -> None:
    shown = {trial.number for trial in TrialHistory(20).select(of_two(ends))}
    best: list[int] = []
    for violated in (0.0, 0.25, 0.5):
        best += ordered({n: (value[0], -value[1]) for n, (v, value) in enumerate(ends) if v == violated})
    assert set(best[:5]) <= shown
    assert len(shown) == 20


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=21, max_size=60))
@example([(1, False)] * 5 + [(9, True)] * 30)
def test_a_trial_that_failed_late_is_none_of_the_best_stopped(ends: list[tuple[int, bool]]) -> None:
    study = optuna.create_study(direction="maximize")
    for step, failed in ends:
        attrs = {"constraints:failed": 1.0} if failed else {}
        study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={step: 0.9}, system_attrs=attrs))
    shown = {trial.number for trial in TrialHistory(20).select(study.get_trials())}
    best = sorted(range(len(ends)), key=lambda number: (ends[number][1], -ends[number][0], number))
    assert set(best[:5]) <= shown


def _with_state(trial: FrozenTrial, state: TrialState) -> FrozenTrial:
    changed = copy.copy(trial)
    changed.state = state
    return changed


def test_a_trial_whose_attributes_change_in_place_is_found_again() -> None:
    """Optuna's live trials share theirs with what was shown before."""
    every = trials([(TrialState.PRUNED, 1, share / 30) for share in range(30)])
    recall = TrialHistory(20)
    recall.select(every)
    ended = copy.copy(every[3])
    every[3].set_constraint("failed", 1.0)
    again = [ended if at == 3 else trial for at, trial in enumerate(every)]
    assert recall.select(again) == TrialHistory(20).select(again)
