"""What a sampler is shown of a long sweep."""

from __future__ import annotations

import copy

import optuna
from convscape.search.recall import Recall
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

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
    shown = Recall(20).telling(every)
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


@given(st.lists(ENDS, max_size=60), st.data())
def test_what_is_kept_up_is_what_a_look_at_all_would_tell(ends: list, data: st.DataObject) -> None:
    """Trials run, wait where they are shown as stopped, go on, and end; asked in between, and at the end."""
    every, kept_up = trials(ends), Recall(20)
    stages = [data.draw(st.integers(0, 2), f"stage of {trial.number}") for trial in every]
    known = 0
    while True:
        known = data.draw(st.integers(known, len(every)), "known")
        now = every[:known]
        waiting = {trial.number for trial in now if stages[trial.number] == 1 and trial.state == TrialState.PRUNED}
        shown = [_with_state(trial, TrialState.RUNNING) if stages[trial.number] == 2 else trial for trial in now]
        assert kept_up.telling(shown, waiting) == Recall(20).telling(shown, waiting)
        stages = [stage and data.draw(st.integers(0, 2), "next stage") for stage in stages]
        if known == len(every):
            return


def _with_state(trial: FrozenTrial, state: TrialState) -> FrozenTrial:
    changed = copy.copy(trial)
    changed.state = state
    return changed
