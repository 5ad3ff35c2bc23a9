"""Settings of a begun sweep that are changed: which can be, how they are kept, and what comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.driver import launching as sweeps
from convscape.search.driver.changes import with_changes
from convscape.search.driver.ending import has_ended, how_to_go_on
from convscape.search.driver.launching import launch, resume
from convscape.search.files import SPOOL
from convscape.search.files.append_only import every_entry
from convscape.search.records import finalists, last_trainings, ranked
from convscape.search.sweep import Sweep
from convscape.spaces.errors import ConfigError
from tiny_sweep import TINY, results, tiny

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from convscape.search.records import TrialRecord

pytestmark = pytest.mark.usefixtures("quiet")


def kept(sweep: Sweep) -> Any:
    return json.loads((sweep.folder / "config.json").read_text())


def test_more_trials_than_the_sweep_began_with_are_trained_and_later_resumes_keep_them(tmp_path: Path) -> None:
    launch(tiny(tmp_path, "search.trials=1"), progress=False)
    sweep = resume("tiny", tmp_path, overrides=["search.trials=3", "resources.cpus=2"], progress=False)
    assert sweep.counts()["completed"] + sweep.counts()["stopped"] == 3
    again = Sweep.open("tiny", tmp_path)
    assert (again.config.search.trials, again.config.resources.cpus) == (3, 2)
    assert results(resume("tiny", tmp_path, progress=False)) == results(sweep)
    tags = [entry["tags"] for entry in every_entry(sweep.folder / SPOOL) if entry["event"] == "note"]
    assert {"convscape.changed.search.trials": "1 -> 3", "convscape.changed.resources.cpus": "1.0 -> 2.0"} in tags


def test_a_setting_that_there_is_none_of_is_called_unknown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"search\.trialz: unknown key") as caught:
        with_changes(tiny(tmp_path), ["search.trialz=4"])
    assert "trials" in (caught.value.remedy or "")


def test_the_sweep_of_more_trials_is_the_one_that_was_launched_with_them(tmp_path: Path) -> None:
    same = ("search.promotion=none", "search.start=[]")
    launch(tiny(tmp_path / "few", "search.trials=2", *same), progress=False)
    more = resume("tiny", tmp_path / "few", overrides=["search.trials=4"], progress=False)
    assert results(more) == results(launch(tiny(tmp_path / "many", *same), progress=False))


@pytest.mark.parametrize(
    "setting",
    [
        "search.seed=2", "search.epochs=9", "space.kernel=5", "data.train=10", "name=other", "tracking.uri=null",
        "resources.precision=bfloat16", "resources={workers: 2}", "budget.macs=100",
    ],
)  # fmt: skip
def test_any_other_setting_is_refused_by_name(tmp_path: Path, setting: str) -> None:
    sweep = launch(tiny(tmp_path, "search.trials=1", "search.epochs=1"), progress=False)
    before = kept(sweep), results(sweep)
    key = setting.partition("=")[0]
    with pytest.raises(ConfigError, match=f"--set {key}: it cannot be changed any more") as caught:
        resume("tiny", tmp_path, overrides=[setting], progress=False)
    assert "search.trials, search.seconds, search.finalists and resources.*" in str(caught.value)
    assert (kept(sweep), results(sweep)) == before


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("search.trials=0", "search.trials: 0"),
        ("resources.worker=2", "Did you mean 'workers'"),
        ("search.seconds", "not key=value"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_not_kept(tmp_path: Path, setting: str, says: str) -> None:
    sweep = launch(tiny(tmp_path, "search.trials=1", "search.epochs=1"), progress=False)
    before = kept(sweep)
    with pytest.raises(ConfigError, match=says):
        resume("tiny", tmp_path, overrides=[setting], progress=False)
    assert kept(sweep) == before


def test_a_setting_that_is_given_twice_is_refused_as_by_a_launch(tmp_path: Path) -> None:
    sweep = launch(tiny(tmp_path, "search.trials=1", "search.epochs=1"), progress=False)
    before = kept(sweep)
    with pytest.raises(ConfigError, match=r"^--set search\.trials: given twice"):
        resume("tiny", tmp_path, overrides=["search.trials=5", "search.trials=9"], progress=False)
    assert kept(sweep) == before


def test_a_sweep_that_only_the_time_ends_keeps_an_end(tmp_path: Path) -> None:
    launch(tiny(tmp_path, "search.trials=null", "search.seconds=0.5", "search.epochs=1"), progress=False)
    with pytest.raises(ConfigError, match=r"search\.seconds: without it nothing ends the sweep"):
        resume("tiny", tmp_path, overrides=["search.seconds=null"], progress=False)
    ended = resume("tiny", tmp_path, overrides=["search.seconds=null", "search.trials=1"], progress=False)
    assert has_ended(ended)


def test_a_launch_that_goes_on_takes_what_its_file_changes_and_refuses_what_it_cannot(tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    first = launch(file, overrides=[f"folder={tmp_path}", "search.trials=1"], resume=True, progress=False)
    assert len(first.trials()) == 1
    more = launch(file, overrides=[f"folder={tmp_path}"], resume=True, progress=False)
    assert len(more.trials()) == more.config.search.trials == 4, "the file says so"
    resume("tiny", tmp_path, overrides=["resources.cpus=2"], progress=False)
    same = launch(file, overrides=[f"folder={tmp_path}"], resume=True, progress=False)
    assert same.config.resources.cpus == 2, "of which the file says nothing"
    with pytest.raises(ConfigError, match=r"search\.seed is 7 in the sweep file or --set, and 1 in the sweep"):
        launch(file, overrides=[f"folder={tmp_path}", "search.seed=7"], resume=True, progress=False)
    with pytest.raises(ConfigError, match=r"space\.kernel is 5"):
        launch(tiny(tmp_path, "space.kernel=5"), resume=True, progress=False)
    assert len(launch(tiny(tmp_path, "search.trials=5"), resume=True, progress=False).trials()) == 5


def test_a_sweep_that_has_ended_is_known_without_its_images_or_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = launch(tiny(tmp_path, "search.finalists=1", "search.epochs=1"), progress=False)
    monkeypatch.setattr(sweeps, "load_data", lambda _: pytest.fail("images are read"))
    assert results(resume("tiny", tmp_path, progress=False)) == results(sweep)
    assert how_to_go_on(sweep, sweep.trials()).endswith(
        f"convscape resume tiny --folder {tmp_path} --set search.trials=8"
    )


def test_what_the_time_cut_off_has_not_ended(tmp_path: Path) -> None:
    sweep = launch(tiny(tmp_path, "search.trials=500", "search.seconds=0.5"), progress=False)
    assert not has_ended(sweep)
    assert how_to_go_on(sweep, sweep.trials()) == ""


@pytest.mark.slow
def test_a_space_that_holds_no_more_has_ended_whatever_was_asked_for(tmp_path: Path) -> None:
    few = ("space.norm=batch", "space.filters=4", "recipe={learning_rate: 0.1, weight_decay: 0.001, batch_size: 64}")
    sweep = launch(tiny(tmp_path, "search.trials=500", "search.epochs=1", *few), progress=False)
    assert len([trial for trial in sweep.trials() if trial.counted]) < 500
    assert has_ended(sweep)
    assert "its space seems to hold no other design" in how_to_go_on(sweep, sweep.trials())


def test_where_more_trials_find_better_designs_the_finals_are_held_again(tmp_path: Path) -> None:
    finals_of = ("search.finalists=2", "search.seeds=2", "search.promotion=none", "search.start=[]", "search.seed=2")
    few = ("search.trials=2", "search.epochs=3", "space.filters=[2, 32]")
    first = launch(tiny(tmp_path, *finals_of, *few), progress=False)
    before = first.trials()
    assert len(finals(before)) == 2
    sweep = resume("tiny", tmp_path, overrides=["search.trials=8"], progress=False)
    trials = sweep.trials()
    chosen, winner = finalists(trials, 2), ranked(trials)[0]
    assert {trial.number for trial in chosen} != {trial.number for trial in finalists(before, 2)}
    assert {trial.number for trial in chosen} <= finals(trials).keys(), "the best have runs from other seeds"
    assert winner.number != ranked(before)[0].number
    assert winner.number in last_trainings(trials), "and the new winner was trained for the last time"
    assert sweep.best.trial == winner.number
    assert has_ended(sweep)


def finals(trials: Sequence[TrialRecord]) -> dict[int | None, TrialRecord]:
    return {trial.repeats: trial for trial in trials if trial.repetition and not trial.refit}
