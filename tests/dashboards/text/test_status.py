"""`status` tells a sweep that runs from one that ended, was interrupted, failed or died, and says what to type."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape import load_architecture
from convscape.dashboards.text.leaderboard import ending
from convscape.dashboards.text.status import spent, state, status_json, status_text, status_view, why_failed
from convscape.search.driver import read_progress, view_text
from convscape.search.driver.progress_callback import ProgressCallback
from convscape.search.files import CONFIG, PROGRESS, SPOOL, UPLOADED, lock
from convscape.search.records.failures import failures
from convscape.search.records.trial import Design, TrialRecord
from convscape.search.study import reading
from convscape.search.study.events import StudyEvents, read_events
from convscape.search.sweep import Sweep
from convscape.testing.simulation import accuracy, config, drive, finish, opened
from convscape.trainers.recipe import Recipe
from hypothesis import given, strategies as st

if TYPE_CHECKING:
    from pathlib import Path


def half(folder: Path, how: Any = "running", **search: Any) -> Sweep:
    """A sweep that was left in its middle."""
    settings = config(search={"baselines": ["lenet5"], **search}).model_copy(update={"folder": folder})
    path = folder / "s"
    path.mkdir(parents=True)
    (path / CONFIG).write_text(json.dumps(settings.to_json()))
    engine = opened(path, settings)
    beat = ProgressCallback(path)
    for done, _ in enumerate(drive(engine, accuracy)):
        if done == 20:
            break
    beat.end(engine, how)
    return Sweep.open("s", folder)


def whole(folder: Path) -> Sweep:
    sweep = half(folder)
    engine = opened(sweep.folder, sweep.config)
    finish(engine)
    ProgressCallback(sweep.folder).end(engine, "completed")
    return sweep


def fits(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines() if "convscape " not in line)


def test_one_that_runs(tmp_path: Path) -> None:
    sweep = half(tmp_path)
    with lock.sweep_lock(sweep.folder):
        shown = status_text(sweep)
        assert state(sweep) == "running"
        assert status_json(sweep)["running"] is True
        assert status_json(sweep)["resume"] is None
    snapshot = read_progress(sweep.folder)
    assert snapshot
    assert shown.startswith("sweep s: running\n")
    assert f"{snapshot.begun}/14 trials: {snapshot.ended} ended" in shown
    assert f"watch it:     convscape status s --folder {tmp_path} --watch" in shown
    assert "resume" not in shown
    assert f"best {snapshot.accuracy:.4f} (trial {snapshot.trial})" in shown
    assert "% of the work" in shown
    assert fits(shown)


def test_a_terminal_is_shown_the_same(tmp_path: Path) -> None:
    sweep = half(tmp_path)
    with lock.sweep_lock(sweep.folder):
        narrow, wide = (view_text(status_view(sweep, width), width) for width in (40, 80))
        whole = status_text(sweep)
    assert all(len(line) <= 40 for line in narrow.splitlines())
    told = [line for line in whole.splitlines() if "convscape" not in line]
    assert told == wide.splitlines(), "it need not be told how to watch"


def test_one_that_says_nothing_for_long(tmp_path: Path) -> None:
    sweep = half(tmp_path)
    snapshot = read_progress(sweep.folder)
    assert snapshot
    old = replace(snapshot, heard=snapshot.heard - 300)  # its driver lives and is heard of all the same
    (sweep.folder / PROGRESS).write_text(json.dumps(old.to_json()))
    with lock.sweep_lock(sweep.folder):
        assert status_text(sweep).startswith("sweep s: running, last result 5:0")


@pytest.mark.parametrize(
    ("how", "said"), [("running", "died, its process is gone"), ("interrupted", "interrupted"), ("failed", "failed")]
)
def test_one_that_is_to_be_resumed(tmp_path: Path, how: str, said: str) -> None:
    sweep = half(tmp_path, how)
    shown = status_text(sweep)
    assert shown.startswith(f"sweep s: {said}")
    assert shown.endswith(f"go on with:   convscape resume s --folder {tmp_path}")
    assert status_json(sweep)["resume"] == f"convscape resume s --folder {tmp_path}"
    assert status_json(sweep)["state"] == said.partition(",")[0]
    assert fits(shown)


def test_one_that_died_before_it_could_say_anything(tmp_path: Path) -> None:
    sweep = half(tmp_path)
    (sweep.folder / PROGRESS).unlink()
    assert status_text(sweep).startswith("sweep s: died\n")
    assert status_json(sweep)["live"] is None


def test_one_that_died_before_its_first_proposal(tmp_path: Path) -> None:
    settings = config().model_copy(update={"folder": tmp_path})
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / CONFIG).write_text(json.dumps(settings.to_json()))
    shown = status_text(Sweep.open("s", tmp_path))
    assert shown.startswith("sweep s: died\n")
    assert shown.endswith(f"go on with:   convscape resume s --folder {tmp_path}")


@pytest.mark.parametrize("look", [status_text, status_json, ending, lambda sweep: sweep.best, Sweep.leaderboard])
def test_one_look_reads_the_trials_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Any) -> None:
    sweep = whole(tmp_path)
    reads: list[Path] = []

    def counted(path: Path) -> StudyEvents:
        reads.append(path)
        return read_events(path)

    monkeypatch.setattr(reading, "read_events", counted)
    look(sweep)
    assert len(reads) == 1


def test_one_that_ended(tmp_path: Path) -> None:
    sweep = whole(tmp_path)
    shown = status_text(sweep)
    assert shown.startswith("sweep s: ended after 0:")
    best = sweep.best
    assert f"best: trial {best.trial}, accuracy {best.accuracy:.4f}" in shown
    assert "compare:      convscape compare s" in shown
    assert "export:       convscape export s" in shown
    assert fits(shown)
    found = status_json(sweep)
    assert (found["state"], found["running"], found["resume"]) == ("ended", False, None)
    assert found["counts"]["unfinished"] == 0
    assert found["best"]["trial"] == best.trial
    json.dumps(found)


def test_what_was_wasted_is_said(tmp_path: Path) -> None:
    sweep = whole(tmp_path)
    counts, trials = sweep.counts(), sweep.trials()
    shown = "\n".join(spent(counts, trials))
    for state_, word in (("completed", "completed"), ("stopped", "stopped early"), ("failed", "failed")):
        assert f"{counts[state_]:,} {word}" in shown
    failed = ", ".join(str(trial.number) for trial in trials if trial.state == "failed")
    assert (
        f"\nwhy trials failed:\n  {counts['failed']}x (trial{'s' * (counts['failed'] > 1)} {failed}): loss is nan\n"
        in shown
    )
    epochs = {state: sum(t.epochs for t in trials if t.state == state) for state in ("completed", "stopped", "failed")}
    given_up = (epochs["stopped"] + epochs["failed"]) / sum(epochs.values())
    assert f"epochs: {sum(epochs.values())}, {given_up:.0%} of them in trials that were stopped or failed" in shown


def test_results_that_wait_for_mlflow(tmp_path: Path) -> None:
    sweep = whole(tmp_path)
    assert "MLflow" not in status_text(sweep)
    (sweep.folder / SPOOL).write_text('{"event":"spool"}\n{"event":"start"}\n')
    (sweep.folder / UPLOADED).write_text('{"problem":"ConnectionRefusedError: https://me:secret@host/"}\n')
    shown = status_text(sweep)
    assert "MLflow: 2 results wait: ConnectionRefusedError: https://host/" in shown
    assert f"send them:    convscape sync s --folder {tmp_path}" in shown
    assert status_json(sweep)["mlflow"]["waiting"] == 2


def failed(*reasons: str) -> list[TrialRecord]:
    design = Design.of(load_architecture("lenet5"), Recipe())
    others = [
        TrialRecord(number=100, design=design, state="completed", reason="trained 2 epochs"),
        TrialRecord(number=101, design=design, state="stopped", reason="late"),
    ]
    failed = [
        TrialRecord(number=number, design=design, state="failed", reason=reason)
        for number, reason in enumerate(reasons)
    ]
    return [*others, *failed]


def test_reasons_that_differ_in_numbers_alone_are_one() -> None:
    trials = failed(
        "the loss exploded: 25 in epoch 3, 11 times that of guessing",
        "no float32 in cell 7",
        "the loss exploded: 1.2e+05 in epoch 3, 520.5 times that of guessing",
        "no float32 in row 7",
        "no float32 in cell 7",
        "the loss exploded: 31 in epoch 3, 13 times that of guessing",
    )
    assert [(failure.reason, failure.trials) for failure in failures(trials)] == [
        ("the loss exploded: … in epoch 3, … times that of guessing", (0, 2, 5)),
        ("no float32 in cell 7", (1, 4)),
        ("no float32 in row 7", (3,)),
    ]
    assert failures(failed()) == why_failed(failed()) == []


@given(st.lists(st.text(alphabet="ab 0123456789.e+-", max_size=8), max_size=12))
def test_every_failed_trial_is_told_of_once(reasons: list[str]) -> None:
    found = failures(failed(*reasons))
    told = {number: reason for each in found for number, reason in zip(each.trials, each.reasons, strict=True)}
    assert told == dict(enumerate(reasons))
    assert all(each.reason == reasons[each.trials[0]] for each in found if len(each.trials) == 1)
    assert [len(each.trials) for each in found] == sorted((len(each.trials) for each in found), reverse=True)


def test_many_reasons_and_long_ones_stay_short() -> None:
    lines = why_failed(failed(*("words " * 100 + "abcdefg"[number % 7] for number in range(60))))
    assert fits("\n".join(lines))
    assert len(lines) == 1 + 5 * 3 + 1
    assert lines[1].startswith("  9x (trials 0, 7, 14, 21, 28, 35, 42, 49, …): words words")
    assert lines[-1] == "  … and for 2 more reasons"
