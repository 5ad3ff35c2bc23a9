"""Sweeps that are interrupted, or end before their time, and resumed: nothing is lost and nothing trained twice."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from convscape.dashboards.text.status import state
from convscape.search.driver import folder as sweep_folders, launching as sweeps, progress
from convscape.search.driver.launching import launch, resume
from convscape.search.files import PROGRESS, SPOOL, UPLOADED
from convscape.search.files.append_only import every_entry
from convscape.search.sweep import Sweep
from convscape.search.tracking.mlflow_store import connect_store
from convscape.search.tracking.tracker import sync
from convscape.search.workers.training_job import TrainingJob
from convscape.spaces.errors import SweepError
from tiny_sweep import TINY, results, tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("begun", [False, True])
def test_a_sweep_interrupted_before_any_epoch_is_kept_where_mlflow_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    def interrupted(_engine: Any, _dataset: Any, _config: Any, folder: Path, _phase: Any) -> None:
        if begun:
            (folder / UPLOADED).write_text('{"trial": null, "run": "one"}\n')
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(tiny(tmp_path), progress=False)
    assert (tmp_path / "tiny" / "config.json").exists() == begun


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("starting workers", "Interrupted: ending. An epoch that has begun is finished and saved. Ctrl-C again"),
        ("search", "Finishing the running epochs and saving. Ctrl-C again"),
    ],
)
def test_what_ctrl_c_says_is_true_of_what_is_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], phase: str, said: str
) -> None:
    def interrupted(engine: Any, _dataset: Any, _config: Any, _folder: Path, enter: Any) -> None:
        enter(phase)
        engine.next()
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sweeps, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(tiny(tmp_path), progress=False)
    assert said in capfd.readouterr().err


@pytest.mark.usefixtures("quiet")
def test_trials_that_wait_for_a_resume_do_not_run_in_mlflow(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = sweeps._train

    def interrupted(engine: Any, *rest: Any) -> None:
        report = engine.report

        def once(told: Any) -> Any:
            decision = report(told)
            engine.interrupted = "interrupted" if sum(len(r.accuracies) for r in engine.records.values()) > 3 else ""
            return decision

        engine.report = once
        train(engine, *rest)

    def statuses() -> dict[int | None, tuple[str, str | None]]:
        assert sync(tmp_path / "tiny") == 0
        runs = {number: connect_store(database).get_run(run) for number, run in sweep.run_ids().items()}
        return {number: (run.info.status, run.data.tags.get("convscape.state")) for number, run in runs.items()}

    monkeypatch.setattr(sweeps, "_train", interrupted)
    config = tiny(
        tmp_path, f"tracking.uri={database}", "search.epochs=3", "tracking.experiment=waiting", "search.promotion=none"
    )
    with pytest.raises(KeyboardInterrupt):
        launch(config, progress=False)
    sweep = Sweep.open("tiny", tmp_path)
    sync(sweep.folder)
    waiting = {record.number: ("SCHEDULED", "paused") for record in sweep.trials() if record.paused}
    assert len(waiting) == 1
    assert statuses().items() >= waiting.items()
    assert statuses()[None][0] == "KILLED"
    monkeypatch.setattr(sweeps, "_train", train)
    resume("tiny", tmp_path, progress=False)
    assert {status for status, _ in statuses().values()} == {"FINISHED"}
    entries = list(every_entry(sweep.folder / SPOOL))
    again = [entry["trial"] for entry in entries if entry["event"] == "go on"]
    assert again == list(waiting)


def written(folder: Path) -> dict[Path, int]:
    """When the checkpoints that are there were written."""
    return {file: file.stat().st_mtime_ns for file in folder.glob("tiny/trials/*/epoch-*/tensors.safetensors")}


class TestInterruption:
    @pytest.fixture
    def driver(self, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
        (tmp_path / "tiny.yaml").write_text(TINY)

        def start(*arguments: str) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-m", "convscape", *arguments],
                cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            )  # fmt: skip

        return start

    def test_ctrl_c_once_saves_and_resume_ends_as_if_unbroken(self, tmp_path: Path, database: str, driver: Any) -> None:
        more = ("search.trials=12", "search.epochs=16", "data.train=400")
        sets = [f"--set={one}" for one in ("folder=sweeps", f"tracking.uri={database}", *more)]
        process = driver("launch", "tiny.yaml", *sets)
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 3):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert "convscape resume tiny" in errors
        sweep = Sweep.open("tiny", tmp_path / "sweeps")
        assert sweep.counts()["unfinished"] > 0
        assert not sweep.running
        resumed = resume("tiny", tmp_path / "sweeps", progress=False)
        (tmp_path / "unbroken").mkdir()
        unbroken = launch(tiny(tmp_path / "unbroken", f"tracking.uri={database}", *more), progress=False)
        assert results(resumed) == results(unbroken)
        counts = resumed.counts()
        assert counts["unfinished"] == 0
        assert counts["completed"] + counts["stopped"] + counts["failed"] == 12

    @pytest.mark.slow
    @pytest.mark.parametrize("runner", ["inline", "ray"])
    def test_it_can_be_stopped_from_elsewhere(self, tmp_path: Path, runner: str, driver: Any) -> None:
        more = ("folder=sweeps", "search.trials=12", "search.epochs=16", "data.train=400", f"resources.runner={runner}")
        process = driver("launch", "tiny.yaml", *(f"--set={one}" for one in more))
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 3):
            time.sleep(0.01)
        stop = driver("stop", "tiny")
        assert "ends after its running epochs" in stop.communicate(timeout=60)[0]
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        assert "Stopped by `convscape stop`: finishing the running epochs" in errors
        assert "convscape resume tiny" in errors
        assert state(Sweep.open("tiny", tmp_path / "sweeps")) == "interrupted"
        assert "Nothing to stop" in driver("stop", "tiny").communicate(timeout=60)[0]
        assert not Sweep.open("tiny", tmp_path / "sweeps").stop()

    @pytest.mark.slow
    def test_sigterm_saves_as_ctrl_c_does(self, tmp_path: Path, driver: Any) -> None:
        """Schedulers send it before they end a job."""
        more = ("folder=sweeps", "search.trials=12", "search.epochs=16", "data.train=400", "resources.runner=ray")
        process = driver("launch", "tiny.yaml", *(f"--set={one}" for one in more))
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 3):
            time.sleep(0.01)
        process.terminate()
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        assert "convscape resume tiny" in errors
        assert not re.search("Traceback|Stack|SIGTERM", errors)
        assert state(Sweep.open("tiny", tmp_path / "sweeps")) == "interrupted"

    @pytest.mark.slow
    def test_a_closed_terminal_saves_as_ctrl_c_does(self, tmp_path: Path) -> None:
        """It hangs up on all processes that were started there, Ray's among them."""
        (tmp_path / "tiny.yaml").write_text(TINY)
        more = ("folder=sweeps", "search.trials=12", "search.epochs=16", "data.train=400", "resources.runner=ray")
        process = subprocess.Popen(
            ["env", "--default-signal=HUP", sys.executable, "-m", "convscape", "launch", "tiny.yaml"]
            + [f"--set={one}" for one in more],
            cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )  # fmt: skip
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 3):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGHUP)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors
        assert "convscape resume tiny" in errors
        assert state(Sweep.open("tiny", tmp_path / "sweeps")) == "interrupted"

    @pytest.mark.slow
    def test_ctrl_c_saves_also_where_nobody_reads_what_it_says(self, tmp_path: Path, driver: Any) -> None:
        more = ("search.trials=12", "search.epochs=16", "data.train=400")
        process = driver("launch", "tiny.yaml", *(f"--set={one}" for one in ("folder=sweeps", *more)))
        process.stderr.close()
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 3):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=120)
        process.stdout.close()
        assert process.returncode == 130
        assert state(Sweep.open("tiny", tmp_path / "sweeps")) == "interrupted"

    @pytest.mark.slow
    def test_ctrl_c_twice_waits_for_nothing_and_resume_goes_on(self, tmp_path: Path) -> None:
        (tmp_path / "tiny.yaml").write_text(TINY)
        patient = (
            "from convscape import cli; from convscape.search.driver import launching\n"
            "launching.FLUSH_SECONDS = 3600.0\n"
            "cli.main()"
        )
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes requests and never answers
            sets = ["search.trials=2", "search.epochs=24", "data.train=1200", "resources.runner=ray"]
            sets += [
                "search.promotion=none",
                "resources.workers=1",
                f"tracking.uri=http://127.0.0.1:{silent.getsockname()[1]}",
            ]
            process = subprocess.Popen(
                [sys.executable, "-c", patient, "launch", "tiny.yaml", *(f"--set={one}" for one in sets)],
                cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            )  # fmt: skip
            try:
                assert process.stderr is not None
                while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 3):
                    time.sleep(0.01)
                process.send_signal(signal.SIGINT)
                while "again leaves at once" not in (line := process.stderr.readline()):
                    assert line, "it ended after the first"
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=120)  # an hour, if it waited for MLflow
            finally:
                process.kill()
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert "convscape resume tiny" in errors
        sweep = Sweep.open("tiny", tmp_path / "sweeps")
        assert state(sweep) == "interrupted"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sweeps, "FLUSH_SECONDS", 0.0)
            counts = resume("tiny", tmp_path / "sweeps", progress=False).counts()
        assert (counts["completed"], counts["unfinished"]) == (2, 0)

    @pytest.mark.slow
    def test_a_kill_loses_no_epoch_and_trains_none_twice(self, tmp_path: Path, database: str, driver: Any) -> None:
        more = ("search.trials=12", "search.epochs=16", "data.train=400")
        sets = [f"--set={one}" for one in ("folder=sweeps", f"tracking.uri={database}", *more)]
        process = driver("launch", "tiny.yaml", *sets)
        study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
        while process.poll() is None and (not study.exists() or study.read_text().count('"step"') < 5):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        kept = written(tmp_path / "sweeps")
        resumed = resume("tiny", tmp_path / "sweeps", progress=False)
        now = written(tmp_path / "sweeps")
        assert all(now[file] == kept[file] for file in kept.keys() & now.keys()), "an epoch was trained again"
        told = [json.loads(line) for line in study.read_text().splitlines()]
        reports = [(event["trial_id"], event["step"]) for event in told if "step" in event]
        duplicates = {record.number for record in resumed.trials() if record.state == "duplicate"}
        trained = [report for report in reports if report[0] not in duplicates]
        assert len(set(trained)) == len(trained)
        unbroken = launch(tiny(tmp_path / "unbroken", f"tracking.uri={database}", *more), progress=False)
        assert results(resumed) == results(unbroken)


@pytest.mark.usefixtures("quiet")
def test_a_resume_has_a_heartbeat_of_its_own_before_anything_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = launch(tiny(tmp_path, "search.trials=1"), progress=False)
    seen: list[str] = []
    monkeypatch.setattr(sweeps, "_train", lambda *_: seen.append(state_of(sweep)))
    resume("tiny", tmp_path, overrides=["search.trials=2"], progress=False)
    assert seen == ["running"]
    (sweep.folder / PROGRESS).unlink()
    assert state(sweep) == "died"


def state_of(sweep: Sweep) -> str:
    found = progress.read_progress(sweep.folder)
    assert found
    return found.state


@pytest.mark.usefixtures("quiet")
def test_a_resume_interrupted_before_any_epoch_ended_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def ends_with(error: type[BaseException]) -> Any:
        def epoch(_: TrainingJob) -> None:
            raise error

        return epoch

    with monkeypatch.context() as patch:
        patch.setattr(sweep_folders.shutil, "rmtree", lambda *_, **__: None)  # a killed process tidies nothing up
        patch.setattr(TrainingJob, "epoch", ends_with(SystemExit))
        with pytest.raises(SystemExit):
            launch(tiny(tmp_path, "search.trials=1"), progress=False)
        patch.setattr(TrainingJob, "epoch", ends_with(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            resume("tiny", tmp_path, progress=False)
    said = capfd.readouterr().err
    assert "removed" not in said
    assert "convscape resume tiny" in said
    sweep = resume("tiny", tmp_path, progress=False)
    ends = [entry["tags"]["convscape.state"] for entry in every_entry(sweep.folder / SPOOL) if entry["event"] == "end"]
    assert ends == ["completed"]


@pytest.mark.usefixtures("quiet")
def test_a_damaged_checkpoint_is_gone_round(tmp_path: Path) -> None:
    def reached(folder: Path, damage: bool) -> list[tuple[Any, ...]]:
        settings = tiny(folder, "search.trials=1", "search.epochs=4", "search.promotion=none")
        sweep = launch(settings, progress=False)
        study = sweep.folder / "study.jsonl"
        # back to where epoch 3 was told and its trial not ended: as after a kill
        lines = study.read_text().splitlines(keepends=True)
        third = max(i for i, line in enumerate(lines) if '"step":3' in line)
        study.write_text("".join(lines[: third + 1]))
        (sweep.folder / PROGRESS).unlink()
        for file in (sweep.folder / "trials" / "00000").glob("*/tensors.safetensors") if damage else ():
            file.write_bytes(b"cut")
        resumed = resume("tiny", folder, progress=False)
        (record,) = resumed.trials()
        assert any("trained again" in event for event in record.events) == damage
        return results(resumed)

    whole = reached(tmp_path / "whole", damage=False)
    assert whole[0][2] == "completed"
    assert reached(tmp_path / "damaged", damage=True) == whole


@pytest.mark.usefixtures("quiet")
def test_a_full_disk_ends_the_sweep_by_name_and_a_resume_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convscape.trainers.checkpoints import Checkpoints

    def full(self: Checkpoints, *_: object, **__: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", full)
        with pytest.raises(SweepError, match="No space left on device"):
            launch(tiny(tmp_path), progress=False)
    counts = Sweep.open("tiny", tmp_path).counts()
    assert (counts["failed"], counts["unfinished"]) == (0, 1)
    assert resume("tiny", tmp_path, progress=False).counts()["unfinished"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("runner", "number"), [("inline", signal.SIGINT), ("ray", signal.SIGTERM)])
def test_an_interrupt_before_any_epoch_ended_leaves_nothing(
    tmp_path: Path, database: str, runner: str, number: int
) -> None:
    """No folder, no run in MLflow, and no words of Ray's. A second one waits for nothing."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    more = ("data.train=1000", "space.filters=64", "space.convolutions=3", "space.kernel=7", "search.trials=2")
    sets = [f"--set={one}" for one in (*more, f"resources.runner={runner}", f"tracking.uri={database}")]
    sets += ["--set=tracking.experiment=nothing"]
    spool = tmp_path / "sweeps" / "tiny" / SPOOL
    with subprocess.Popen(
        [sys.executable, "-m", "convscape", "launch", "tiny.yaml", *sets],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            while process.poll() is None and not (spool.exists() and "convscape.digest" in spool.read_text()):
                time.sleep(0.01)
            os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
            assert process.stderr is not None
            said = ""
            while "again leaves at once" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            process.send_signal(number)
            out, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, said + errors
    assert "Interrupted before any epoch ended" in errors
    words = re.sub("(starting|stopping) Ray", "", out + said + errors)  # our own
    assert not re.search("Traceback|Stack|SIGTERM|Trial|[Rr]ay", words)
    assert not (tmp_path / "sweeps" / "tiny").exists()
    assert connect_store(database).get_experiment_by_name("nothing") is None
