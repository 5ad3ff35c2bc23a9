"""The study on disk: what is told is found again, whatever byte the file ends at."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config.schema import DataConfig, SweepConfig
from convscape.search.files import STUDY
from convscape.search.records.trial import Design, Enqueued, TrialRecord
from convscape.search.study import read_trials
from convscape.search.study.journal_storage import StudyFile
from convscape.search.study.study import Study
from convscape.spaces.errors import SweepError
from hypothesis import given, settings, strategies as st
from optuna.trial import TrialState

if TYPE_CHECKING:
    from pathlib import Path

    import optuna
    from convscape.search.records.objectives import Objective
    from convscape.search.records.trial import State

CONFIG = SweepConfig(
    name="s",
    data=DataConfig(name="digits"),
    space={"stages": [1, 2], "kernel": [3, 5]},
    recipe={"batch_size": [32, 64]},
)
SPACE, RECIPES = CONFIG.network_space(), CONFIG.recipe_space()


def sample(trial: optuna.Trial) -> Design:
    return Design.of(SPACE.sample(trial, (1, 8, 8), 10), RECIPES.sample(trial))


@pytest.fixture(params=["tpe", "random"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    return Study(tmp_path, sampler=request.param, seed=3)


def reopened(folder: Path) -> tuple[Study, list[TrialRecord]]:
    again = Study(folder, sampler="tpe", seed=3)
    return again, again.restore()


def known(record: TrialRecord) -> tuple[Any, ...]:
    return record.number, record.design, record.accuracies, record.reason, record.attempts


def test_what_is_told_is_found_again(study: Study, tmp_path: Path) -> None:
    records = [study.ask(sample) for _ in range(6)]
    for epoch, accuracy in enumerate([0.4, 0.6, 0.5], 1):
        study.report(records[0], epoch, accuracy)
    study.end(records[0], "completed", "trained 3 epochs")
    study.report(records[1], 1, 0.3)
    study.pause(records[1])
    study.end(records[2], "failed", "loss is nan")
    study.end(records[3], "infeasible", "too large")
    study.attempt_failed(records[4])
    study.end(records[5], "duplicate", "same as trial 0", known=records[0])
    _, found = reopened(tmp_path)
    assert [known(record) for record in found] == [known(record) for record in records]
    assert [record.state for record in found] == [
        "completed", "paused", "failed", "infeasible", "paused", "duplicate",
    ]  # fmt: skip
    assert [known(record) for record in read_trials(tmp_path)] == [known(record) for record in records]
    assert found[0].accuracy == 0.6
    assert found[0].best_epoch == 2
    assert found[5].accuracies == records[0].accuracies


def test_a_restored_trial_goes_on(study: Study, tmp_path: Path) -> None:
    record = study.ask(sample)
    study.report(record, 1, 0.3)
    again, (restored,) = reopened(tmp_path)
    again.go_on(restored)
    again.report(restored, 2, 0.7)
    again.end(restored, "completed", "trained 2 epochs")
    _, (found,) = reopened(tmp_path)
    assert (found.state, found.accuracies) == ("completed", {1: 0.3, 2: 0.7})


def states(study: Study) -> list[TrialState]:
    return [trial.state for trial in study._study.get_trials(deepcopy=False)]


def test_the_sampler_sees_a_paused_trial_as_pruned_where_it_stands(study: Study) -> None:
    record = study.ask(sample)
    study.report(record, 1, 0.3)
    study.pause(record)
    assert states(study) == [TrialState.PRUNED]
    assert study._storage.get_all_trials(0, states=(TrialState.RUNNING,)) == []
    study.go_on(record)
    assert states(study) == [TrialState.RUNNING]


def test_failed_and_infeasible_trials_are_seen_as_violating(study: Study) -> None:
    for state in ("failed", "infeasible"):
        study.end(study.ask(sample), state, "why")
    trials = study._study.get_trials(deepcopy=False)
    assert [trial.state for trial in trials] == [TrialState.PRUNED] * 2  # FAIL would be invisible to the sampler
    assert all(max(trial.constraints.values()) > 0 for trial in trials)


@pytest.mark.parametrize("objectives", [("accuracy",), ("accuracy", "parameters")])
@pytest.mark.parametrize("epochs", [0, 3])
def test_a_duplicate_of_a_failed_design_is_seen_as_violating_too(
    tmp_path: Path, objectives: tuple[Objective, ...], epochs: int
) -> None:
    study = Study(tmp_path, sampler="random", seed=3, objectives=objectives)
    first, second = study.ask(sample), study.ask(sample)
    for epoch in range(1, epochs + 1):
        study.report(first, epoch, 0.9)
    study.end(first, "failed", "loss is nan")
    study.end(second, "duplicate", "same as trial 0", known=first)
    failed, duplicate = study._study.get_trials(deepcopy=False)
    assert (duplicate.state, duplicate.constraints) == (TrialState.PRUNED, failed.constraints)
    assert max(duplicate.constraints.values()) > 0


@pytest.mark.parametrize("objectives", [("accuracy",), ("accuracy", "parameters")])
@pytest.mark.parametrize("opened_again", [False, True])
@pytest.mark.parametrize(("end", "why"), [("completed", "trained 2 epochs"), ("stopped", "late"), ("failed", "nan")])
def test_a_duplicate_stands_where_the_trial_stands_and_ends_as_it_does(
    tmp_path: Path, objectives: tuple[Objective, ...], opened_again: bool, end: State, why: str
) -> None:
    study = Study(tmp_path, sampler="random", seed=3, objectives=objectives)

    def seen() -> list[tuple[Any, ...]]:
        trials = study._study.get_trials(deepcopy=False)
        return [(trial.state, trial.values, trial.intermediate_values, trial.constraints) for trial in trials]

    first = study.ask(sample)
    second = study.ask(lambda _: first.design)
    study.end(second, "duplicate", "same as trial 0", known=first)
    if opened_again:
        study = Study(tmp_path, sampler="random", seed=3, objectives=objectives)
        first, second = study.restore()
        study.go_on(first)
    assert second.state == "duplicate"
    assert seen() == [(TrialState.RUNNING, None, {}, {})] * 2
    study.report(first, 1, 0.3)
    study.pause(first)
    one, other = seen()
    assert one[0] != TrialState.RUNNING
    assert one == other
    study.go_on(first)
    study.report(first, 2, 0.4)
    study.end(first, end, why)
    one, other = seen()
    assert one[0].is_finished()
    assert one == other
    again = Study(tmp_path, sampler="random", seed=3, objectives=objectives)
    assert [record.accuracies for record in again.restore()] == [{1: 0.3, 2: 0.4}] * 2
    study = again
    assert seen() == [one, one]


def test_a_duplicate_of_a_trial_that_was_stopped_before_any_epoch_ends_as_it_does(study: Study) -> None:
    first = study.ask(sample)
    second = study.ask(lambda _: first.design)
    study.end(second, "duplicate", "same as trial 0", known=first)
    study.end(first, "stopped", "time budget")
    assert states(study) == [TrialState.PRUNED] * 2


@pytest.mark.parametrize("lines", range(10))
def test_a_duplicate_whose_end_was_cut_off_ends_as_if_it_were_whole(tmp_path: Path, lines: int) -> None:
    study = Study(tmp_path, sampler="random", seed=3, objectives=("accuracy", "parameters"))
    first = study.ask(sample)
    second = study.ask(lambda _: first.design)
    study.report(first, 1, 0.3)
    study.pause(first)
    study.end(second, "duplicate", "same as trial 0", known=first)
    study.end(first, "stopped", "not promoted")
    file = tmp_path / STUDY
    content = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(content[: len(content) - lines]))
    again = Study(tmp_path, sampler="random", seed=3, objectives=("accuracy", "parameters"))
    first, second = again.restore()
    if second.state != "duplicate":
        again.end(second, "duplicate", "same as trial 0", known=first)
    if first.state != "stopped":
        again.end(first, "stopped", "not promoted")
    told = again._study.get_trials(deepcopy=False)[1]
    assert (told.state, told.values) == (TrialState.COMPLETE, [0.3, second.design.parameters])
    assert list(told.constraints) == ["cut short"]


def test_a_completed_trial_without_a_number_is_not_told_as_one(study: Study) -> None:
    record = study.ask(sample)
    study.end(record, "completed", "no epoch")
    assert states(study) == [TrialState.PRUNED]


def test_one_sampler_and_seed_propose_the_same(tmp_path: Path) -> None:
    def designs(folder: str, seed: int) -> list[Design]:
        (tmp_path / folder).mkdir()
        study = Study(tmp_path / folder, sampler="tpe", seed=seed)
        return [study.ask(sample).design for _ in range(4)]

    assert designs("a", 1) == designs("b", 1)
    assert designs("c", 2) != designs("a2", 1)


def test_a_half_line_is_dropped_by_the_writer_and_left_by_a_reader(study: Study, tmp_path: Path) -> None:
    study.ask(sample)
    file = tmp_path / STUDY
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code": 4, "wor')
    assert [record.number for record in read_trials(tmp_path)] == [0]
    assert file.read_bytes() == whole + b'{"op_code": 4, "wor'
    StudyFile(file)
    assert file.read_bytes() == whole


def test_a_damaged_line_is_named(study: Study, tmp_path: Path) -> None:
    study.ask(sample)
    file = tmp_path / STUDY
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:2], b"rubbish", *lines[2:]]) + b"\n")
    with pytest.raises(SweepError, match=rf"{STUDY}:3: "):
        reopened(tmp_path)


def test_a_full_disk_leaves_whole_lines(study: Study, tmp_path: Path) -> None:
    study.ask(sample)
    file = tmp_path / STUDY
    whole = file.read_bytes()

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, before[1]))  # ten bytes fit, then none
    try:
        with pytest.raises(SweepError, match="cannot be written"):
            study.ask(sample)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file.read_bytes() == whole


def test_every_line_is_json(study: Study, tmp_path: Path) -> None:
    record = study.ask(sample)
    study.report(record, 1, 0.5)
    for line in (tmp_path / STUDY).read_text().splitlines():
        json.loads(line)


def one(study: Study, record: TrialRecord | None) -> TrialRecord:
    """One trial from where it stands to its end; what it reaches depends on its design alone."""
    record = record or study.ask(sample)
    if record.state in ("completed", "failed"):
        return record
    while record.epochs < 2:
        study.report(record, record.epochs + 1, 1 / (record.design.parameters % 97 + 2) + record.epochs / 10)
    study.end(record, "failed" if record.number % 5 == 4 else "completed", "done")
    return record


class Unbroken:
    """A study that nothing interrupted; a class for its short repr."""

    def __init__(self, content: bytes, designs: list[Design], folder: Path) -> None:
        self.content, self.designs, self.folder = content, designs, folder


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    folder = tmp_path_factory.mktemp("unbroken")
    study = Study(folder, sampler="tpe", seed=3)
    designs = [one(study, None).design for _ in range(16)]
    return Unbroken((folder / STUDY).read_bytes(), designs, tmp_path_factory.mktemp("cut"))


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0, 1))
def test_a_study_cut_off_at_any_byte_goes_on_as_if_it_were_whole(unbroken: Unbroken, share: float) -> None:
    file = unbroken.folder / STUDY
    file.write_bytes(unbroken.content[: round(share * len(unbroken.content))])
    study, records = reopened(unbroken.folder)
    proposed = [one(study, record).design for record in records]
    proposed += [one(study, None).design for _ in range(len(unbroken.designs) - len(records))]
    assert [design.key for design in proposed] == [design.key for design in unbroken.designs]


def test_a_named_design_that_could_not_be_kept_is_asked_for_again(tmp_path: Path) -> None:
    study = Study(tmp_path, sampler="random", seed=0)
    enqueued = [Enqueued(role=role, design=study.ask(sample).design) for role in ("baseline", "start")]
    assert study.queue(lambda: enqueued) == enqueued

    def broken(_: optuna.Trial) -> Design:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        study.ask(broken, enqueued[0])
    study.ask(sample)
    again = Study(tmp_path, sampler="random", seed=0)
    assert again.queue(list) == enqueued
    record = again.ask(lambda _: enqueued[0].design, enqueued[0])
    assert (record.role, read_trials(tmp_path)[-1].role) == ("baseline", "baseline")
    assert again.queue(list) == enqueued[1:]


def test_a_proposal_that_fails_does_not_stand_in_the_way_of_a_resume(tmp_path: Path) -> None:
    study = Study(tmp_path, sampler="random", seed=0)
    first = study.ask(sample)

    def broken(trial: optuna.Trial) -> Design:
        trial.suggest_int("another", 1, 3)
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        study.ask(broken)
    study.end(first, "failed", "loss is nan")
    assert [record.number for record in Study(tmp_path, sampler="random", seed=0).restore()] == [first.number]
    assert [record.number for record in read_trials(tmp_path)] == [first.number]


def test_a_kill_after_a_failed_proposal_loses_nothing_that_others_reached(tmp_path: Path) -> None:
    study = Study(tmp_path, sampler="random", seed=0)
    first = study.ask(sample)

    def broken(trial: optuna.Trial) -> Design:
        trial.suggest_int("another", 1, 3)
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        study.ask(broken)
    for epoch, accuracy in enumerate([0.4, 0.6], 1):
        study.report(first, epoch, accuracy)
    again = Study(tmp_path, sampler="random", seed=0)
    assert [record.accuracies for record in again.restore()] == [{1: 0.4, 2: 0.6}]
    assert again.ask(sample).number == 2


def test_named_designs_that_a_fault_cut_short_are_not_counted_after_a_resume_either(tmp_path: Path) -> None:
    """TPE's random proposals are counted from those that have settings, so that it would propose others."""
    study = Study(tmp_path, sampler="tpe", seed=0)
    enqueued = Enqueued(role="start", design=study.ask(sample).design)

    def broken(_: optuna.Trial) -> Design:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        study.ask(broken, enqueued)
    study.ask(lambda _: enqueued.design, enqueued)
    study.ask(sample)
    again = Study(tmp_path, sampler="tpe", seed=0)
    assert again._seeded(again._count)._n_startup_trials == study._seeded(study._count)._n_startup_trials
