"""Whole sweeps on the real digits, trained in this process: what is kept, shown, exported, refused and resumed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import convscape
import pytest
from convscape.search.driver import folder as sweep_folders, launching as sweeps
from convscape.search.driver.changes import with_changes
from convscape.search.driver.launching import launch, resume
from convscape.search.files import SPOOL, STUDY, lock, open_seal, seal
from convscape.search.files.append_only import Spool
from convscape.search.records.trial import TrialRecord
from convscape.search.sweep import Sweep
from convscape.search.tracking.mlflow_store import connect_store, search_runs
from convscape.search.tracking.tracker import sync
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import ConfigError, ConvscapeError, DataError, SpaceError, SweepError
from convscape.trainers.export import bundle_files
from tiny_sweep import TINY, results, tiny

if TYPE_CHECKING:
    from collections.abc import Callable

    from convscape.search.config.schema import SweepConfig


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, database: str) -> Sweep:
    folder = tmp_path_factory.mktemp("sweeps")
    return launch(tiny(folder, f"tracking.uri={database}", "tracking.experiment=finished"), progress=False)


def test_a_sweep_trains_what_was_asked_for(finished: Sweep) -> None:
    counts = finished.counts()
    assert counts["completed"] + counts["stopped"] == 4
    assert counts["completed"] >= 1
    assert counts["failed"] == counts["unfinished"] == 0
    assert not finished.running


def test_the_leaderboard_is_a_frame_best_first(finished: Sweep) -> None:
    board = finished.leaderboard()
    assert len(board) == 4
    assert board["accuracy"].is_monotonic_decreasing
    assert board["accuracy"].between(0.1, 1).all()
    assert {"trial", "run_id", "state", "parameters", "macs", "notation", "learning_rate"} <= set(board.columns)
    assert board.iloc[0]["trial"] == finished.best.trial


def test_a_sweep_is_opened_again_by_its_name(finished: Sweep) -> None:
    again = Sweep.open("tiny", finished.folder.parent)
    assert results(again) == results(finished)
    assert again.best == finished.best
    assert again.tracking_uri == finished.tracking_uri


def test_mlflow_shows_the_sweep_and_its_trials(finished: Sweep, tmp_path: Path) -> None:
    client = connect_store(finished.tracking_uri)
    experiment = client.get_experiment_by_name("finished")
    assert experiment is not None
    runs = list(search_runs(client, experiment.experiment_id, ""))
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = {int(run.data.tags["convscape.trial"]): run for run in runs if run is not parent}
    assert parent.info.status == "FINISHED"
    assert parent.data.params["search.trials"] == "4"
    assert parent.data.metrics["best_accuracy"] == finished.best.accuracy
    assert parent.data.tags["convscape.data_fingerprint"]
    assert set(children) == {record.number for record in finished.trials() if record.accuracies}
    for record in finished.trials():
        run = children[record.number]
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.params["notation"] == record.design.notation
        assert float(run.data.params["learning_rate"]) == record.design.recipe.learning_rate
        assert run.data.metrics["best_accuracy"] == record.accuracy
        history = client.get_metric_history(run.info.run_id, "accuracy")
        assert {point.step: point.value for point in history} == record.accuracies
        file = client.download_artifacts(run.info.run_id, "architecture.json", str(tmp_path))
        assert Architecture.from_json(Path(file).read_text()) == record.design.architecture
    assert {row.trial: row.run_id for row in finished.summaries()} == {n: r.info.run_id for n, r in children.items()}


def test_the_winner_is_exported_and_agrees(finished: Sweep, tmp_path: Path) -> None:
    exported = finished.export(tmp_path / "winner")
    assert bundle_files(tmp_path / "winner") == sorted(exported.files)
    assert {"model.pt2", "model.onnx", "insight/index.html", "MODEL_CARD.md"} < set(exported.files)
    assert exported.test_accuracy > 0.1
    assert exported.largest_difference < 1e-4
    network = Architecture.from_json((tmp_path / "winner" / "architecture.json").read_text())
    best = next(record for record in finished.trials() if record.number == finished.best.trial)
    assert network == best.design.architecture
    with pytest.raises(SweepError, match="no trained trial 99"):
        finished.export(tmp_path / "other", 99, formats=(), insight=False)


def test_a_finalist_s_run_is_exported_with_the_split_that_it_was_trained_on(tmp_path: Path, quiet: None) -> None:
    finals = ("search.finalists=2", "search.seeds=2", "search.refit=false", "search.start=[]")
    sweep = launch(tiny(tmp_path, *finals), progress=False)
    assert sweep.best.run is not None
    folds = {record.number: record.fold for record in sweep.trials() if record.role == "repeat"}
    assert set(folds.values()) == {1}
    sweep.export(tmp_path / "winner", formats=(), insight=False)
    details = json.loads((tmp_path / "winner" / "proof.json").read_text())["details"]
    assert (details["run"], details["images"]) == (sweep.best.run, {"trained_on": 200, "validated_on": 100})
    for run in folds:
        assert sweep.export(tmp_path / f"run{run}", run, formats=(), insight=False).test_accuracy > 0


def test_a_trial_that_came_to_its_end_is_handed_over_as_its_last_epoch_left_it(tmp_path: Path, quiet: None) -> None:
    """The epoch that validated best is the luckiest, too: on few images an early one."""
    sweep = launch(tiny(tmp_path, "search.trials=1", "search.promotion=none"), progress=False)
    study = sweep.folder / STUDY
    lines = study.read_text().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if '"intermediate_value"' in line)
    event, number = open_seal(lines[first].encode())
    changed = json.dumps({**event, "intermediate_value": 0.999}).encode()
    lines[first] = seal(changed, number or 0).decode()
    study.write_text("".join(lines))
    (record,) = sweep.trials()
    assert (record.best_epoch, record.epochs) == (1, 2)
    sweep.export(tmp_path / "winner", formats=(), insight=False)
    assert json.loads((tmp_path / "winner" / "proof.json").read_text())["details"]["epoch"] == 2


def test_one_seed_gives_the_same_sweep_to_the_bit(finished: Sweep, tmp_path: Path, quiet: None) -> None:
    assert results(launch(tiny(tmp_path), progress=False)) == results(finished)
    other = launch(tiny(tmp_path, "search.seed=2", "name=other"), progress=False)
    assert results(other) != results(finished)


def test_a_name_that_is_taken_is_refused(finished: Sweep) -> None:
    before = results(finished)
    with pytest.raises(SweepError, match="sweep 'tiny' is already in") as caught:
        launch(finished.config)
    assert "convscape resume tiny" in caught.value.remedy
    assert "--replace" in caught.value.remedy
    assert results(finished) == before


def test_replace_starts_over(tmp_path: Path, quiet: None) -> None:
    launch(tiny(tmp_path, "search.trials=2"), progress=False)
    again = launch(tiny(tmp_path, "search.trials=1"), replace=True, progress=False)
    assert [record.number for record in again.trials()] == [0]
    assert [path.name for path in (again.folder / sweeps.TRIALS).iterdir()] == ["00000"]


def test_what_is_no_sweep_is_not_replaced(tmp_path: Path, quiet: None) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("years of work")
    for replace in (False, True):
        with pytest.raises(SweepError, match="holds something that is no sweep"):
            launch(tiny(tmp_path), replace=replace, progress=False)
    assert (tmp_path / "tiny" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        (["data.name=nothing"], ConfigError),
        (["data.name=fashion-mnist", "data.root=/nowhere"], DataError),
        (["data.train=100000"], DataError),
        (["space.stages=12", "space.padding=valid", "space.kernel=7"], SpaceError),
        (["budget.parameters=1"], SpaceError),
        (["search.epochs=auto", "search.seconds=60", "recipe.schedule=[wsd, cosine]"], ConfigError),
        (
            ["search.epochs=auto", "search.seconds=60", "search.start={network: lenet5, recipe: {schedule: cosine}}"],
            ConfigError,
        ),
    ],
)
def test_a_launch_that_cannot_be_leaves_nothing(
    tmp_path: Path, overrides: list[str], error: type[ConvscapeError], quiet: None
) -> None:
    with pytest.raises(error):
        launch(tiny(tmp_path / "sweeps", *overrides), progress=False)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "sweeps" / "tiny").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot be used: Not a directory") as caught:
        launch(tiny(tmp_path / "file"), progress=False)
    assert "--set folder=" in caught.value.remedy


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["nothing", "half", "whole, not renamed"])
@pytest.mark.parametrize("file", ["config.json", "inputs.json", "precision.json"])
def test_a_launch_killed_while_it_wrote_a_file_is_no_worse_for_it(
    tmp_path: Path, quiet: None, monkeypatch: pytest.MonkeyPatch, file: str, share: float
) -> None:
    config = tiny(tmp_path, "search.trials=1", "resources.precision=auto")
    written = config.sweep_folder / f".{file}"

    def killed(descriptor: int) -> None:
        if written.exists():
            os.truncate(written, round(share * written.stat().st_size))
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("convscape.search.files.atomic.os.fsync", killed)
        patch.setattr(sweep_folders.shutil, "rmtree", lambda *_, **__: None)  # a killed process tidies nothing up
        with pytest.raises(SystemExit):
            launch(config, progress=False)
    assert written.exists()
    again = launch(config, progress=False) if file == "config.json" else resume("tiny", tmp_path, progress=False)
    assert again.counts()["completed"] == 1
    assert not written.exists()


def test_all_trials_failing_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None) -> None:
    monkeypatch.setattr("convscape.search.workers.training_job.Training", broken)
    sweep = launch(tiny(tmp_path, "search.trials=2"), progress=False)
    assert sweep.counts()["failed"] == 2
    with pytest.raises(SweepError, match=r"all trials failed:\n  2x \(trials 0, 1\): ZeroDivisionError: division by"):
        _ = sweep.best
    assert sweep.leaderboard().empty


def test_a_sweep_that_can_go_on_is_not_said_to_have_failed(finished: Sweep) -> None:
    failed, waiting = (
        TrialRecord(number=0, design=ANY, state="failed", reason="it broke"),
        TrialRecord(number=1, design=ANY, state="paused"),
    )
    with pytest.raises(
        SweepError, match=r"no trial has ended an epoch; those that failed:\n  1x \(trial 0\)"
    ) as caught:
        finished.best_of([failed, waiting])
    assert "convscape resume tiny" in (caught.value.remedy or "")


def test_a_store_that_was_moved_with_its_sweep_is_named_where_it_is(tmp_path: Path, database: str) -> None:
    (tmp_path / "sweeps").mkdir()
    config = tiny(tmp_path / "sweeps", "search.trials=1", "search.epochs=1")
    shutil.copy(database.removeprefix("sqlite:///"), tmp_path / "sweeps" / "mlflow.db")  # to make one takes seconds
    sweep = launch(config, progress=False)
    assert sync(sweep.folder) == 0
    assert sweep.tracking_uri == f"sqlite:///{tmp_path}/sweeps/mlflow.db"
    (tmp_path / "sweeps").rename(tmp_path / "elsewhere")
    moved = Sweep.open("tiny", tmp_path / "elsewhere")
    assert moved.tracking_uri == f"sqlite:///{tmp_path}/elsewhere/mlflow.db"
    spool = Spool(moved.folder / SPOOL)
    spool.append({"event": "note", "trial": 0, "tags": {"convscape.moved": "yes"}, "time": 1})
    spool.close()
    assert sync(moved.folder) == 0
    run = connect_store(moved.tracking_uri).get_run(moved.run_ids()[0])
    assert run.data.tags["convscape.moved"] == "yes"
    assert not (tmp_path / "sweeps").exists()
    (moved.folder.parent / "mlflow.db").rename(tmp_path / "other.db")
    assert moved.tracking_uri == f"sqlite:///{tmp_path}/sweeps/mlflow.db", "none is beside it: where it was"


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("division by zero")


def test_no_such_sweep_names_the_nearest(finished: Sweep, tmp_path: Path) -> None:
    with pytest.raises(SweepError) as caught:
        Sweep.open("tinny", finished.folder.parent)
    assert caught.value.remedy == "Did you mean 'tiny'?"
    with pytest.raises(SweepError, match="no sweep 'tiny'") as caught:
        Sweep.open("tiny", tmp_path / "none")
    assert "convscape launch" in caught.value.remedy


def test_a_sweep_that_runs_is_read_but_not_driven_by_another(finished: Sweep, tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from convscape.search.files import lock\n"
        "with lock.sweep_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(finished.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert finished.running
        assert len(finished.summaries()) == 4
        for drive in (lambda: resume("tiny", finished.folder.parent), lambda: launch(finished.config, replace=True)):
            with pytest.raises(SweepError, match=rf"process {holder.pid} on .* is running it"):
                drive()
    finally:
        holder.communicate()
    assert not finished.running
    assert len(finished.summaries()) == 4


def test_a_launch_that_comes_second_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(tmp_path)
    folder = config.sweep_folder
    loaded = sweeps.load_data

    def slowly(config: SweepConfig, **_: object) -> Any:
        """Meanwhile another driver makes the folder and takes its lock."""
        folder.mkdir(parents=True)
        other.__enter__()
        (folder / "study.jsonl").write_text("")
        return loaded(config)

    other = lock.sweep_lock(folder)
    monkeypatch.setattr("convscape.search.driver.preflight.load_data", slowly)
    monkeypatch.setattr(Path, "exists", unseen(folder))
    with pytest.raises(SweepError, match="is running it"):
        launch(config, progress=False)
    monkeypatch.undo()
    other.__exit__(None, None, None)
    assert (folder / "study.jsonl").exists()


def unseen(folder: Path) -> Callable[[Path], bool]:
    """As if `folder` were made right after one had looked."""
    real = Path.exists
    return lambda path: path != folder and real(path)


def test_launch_takes_a_file_and_overrides(tmp_path: Path, quiet: None) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    sweep = convscape.launch(file, overrides=[f"folder={tmp_path}", "search.trials=1"], progress=False)
    assert sweep.counts()["completed"] == 1
    assert json.loads((sweep.folder / "config.json").read_text())["search"]["trials"] == 1


@pytest.mark.usefixtures("quiet")
def test_a_sweep_to_be_replaced_stays_until_the_new_one_trains(tmp_path: Path) -> None:
    launch(tiny(tmp_path, "search.trials=1"), progress=False)
    before = results(Sweep.open("tiny", tmp_path))
    with pytest.raises(SpaceError):
        launch(tiny(tmp_path, "budget.parameters=1"), replace=True, progress=False)
    assert results(Sweep.open("tiny", tmp_path)) == before
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}
    launch(tiny(tmp_path, "search.trials=2"), replace=True, progress=False)
    assert len(Sweep.open("tiny", tmp_path).trials()) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}


@pytest.mark.usefixtures("quiet")
def test_a_log_that_closes_does_not_end_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> None:
        raise SystemExit(1)  # as rich does on a broken pipe

    monkeypatch.setattr("convscape.search.driver.terminal.PLAIN_EVERY", 0.0)
    monkeypatch.setattr("rich.console.Console.print", closed)
    assert launch(tiny(tmp_path, "search.trials=2"), progress=True).counts()["unfinished"] == 0


def test_what_is_no_sweep_or_no_list_of_settings_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a config, not a NoneType"):
        launch(None, progress=False)  # pyright: ignore[reportArgumentType]
    for refuses in (
        lambda text: launch(tiny(tmp_path), overrides=text, progress=False),
        lambda text: launch("digits", overrides=text, progress=False),
        lambda text: with_changes(tiny(tmp_path), text),
    ):
        with pytest.raises(ConfigError, match=r"overrides \(='search.trials=1x'\) is one text") as refused:
            refuses("search.trials=1x")
        assert refused.value.remedy == "Write overrides=['search.trials=1x']."


@pytest.mark.usefixtures("quiet")
def test_without_progress_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    launch(tiny(tmp_path, "search.trials=1"), progress=False)
    assert capfd.readouterr() == ("", "")
