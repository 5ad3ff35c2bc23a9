"""The tracker against a real MLflow store: everything there, exactly once, whatever happens on the way."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.files import SPOOL, UPLOADED
from convscape.search.files.append_only import every_entry
from convscape.search.tracking import mlflow_store, upload_process, uploader as uploading
from convscape.search.tracking.mlflow_store import connect_store
from convscape.search.tracking.tracker import Tracker, TrialStart, sync
from convscape.search.tracking.uploader import Uploader, hold
from convscape.spaces.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is uploaded but by the test."""
    monkeypatch.setattr(upload_process, "start", lambda _: None)


@pytest.fixture
def tracker(alone: None, folder: Path, database: str, experiment: str) -> Iterator[Tracker]:
    tracker = Tracker(folder, uri=database, experiment=experiment, sweep="digits")
    yield tracker
    tracker.close()


def send_all(uploader: Uploader) -> None:
    while uploader.step():
        pass


def test_a_sweep_is_in_mlflow_after_sync(
    tracker: Tracker, folder: Path, database: str, experiment: str, known: Any
) -> None:
    known.report(tracker, 3)
    assert sync(folder) == 0
    known.assert_exactly_once(database, experiment, 3, folder)
    runs = known.runs(database, experiment)
    assert tracker.parent_run_id == runs[None].info.run_id
    assert tracker.run_id(2) == runs["2"].info.run_id
    assert tracker.run_id(7) is None


def test_the_upload_process_sends_while_a_sweep_runs(folder: Path, database: str, experiment: str, known: Any) -> None:
    tracker = Tracker(folder, uri=database, experiment=experiment, sweep="digits")
    known.begin(tracker)
    known.trial(tracker, 0)
    assert tracker.flush(60) == 0
    assert tracker.run_id(0) is not None
    known.trial(tracker, 1)
    known.end(tracker, 2)
    assert tracker.flush(60) == 0
    assert sync(folder) == 0
    tracker.close()
    known.assert_exactly_once(database, experiment, 2, folder)


def test_an_upload_process_that_is_killed_is_replaced(
    folder: Path,
    database: str,
    experiment: str,
    monkeypatch: pytest.MonkeyPatch,
    known: Any,
) -> None:
    monkeypatch.setattr("convscape.search.tracking.tracker._CHECK", 0.0)
    tracker = Tracker(folder, uri=database, experiment=experiment, sweep="digits")
    known.begin(tracker)
    known.trial(tracker, 0)
    process = upload_process._driver.process
    assert process is not None
    process.kill()
    process.wait()
    known.trial(tracker, 1)
    known.end(tracker, 2)
    assert tracker.flush(60) == 0
    tracker.close()
    known.assert_exactly_once(database, experiment, 2, folder)


def test_a_reopened_tracker_goes_on_with_the_same_runs(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    known: Any,
) -> None:
    known.begin(tracker)
    known.trial(tracker, 0)
    tracker.epoch(1, 1, {"loss": 0.5})
    tracker.finish(status="interrupted", metrics={"trials": 1.0})
    sync(folder)
    parent = tracker.parent_run_id
    assert known.runs(database, experiment)[None].info.status == "KILLED"
    tracker.close()

    again = Tracker(folder, uri=database, experiment=experiment, sweep="digits")
    known.begin(again)
    sync(folder)
    assert known.runs(database, experiment)[None].info.status == "RUNNING"
    known.trial(again, 0)
    again.epoch(1, 1, {"loss": 0.5})
    again.epoch(1, 2, {"loss": 0.25})
    again.finish(status="completed", metrics={"trials": 1.0})
    sync(folder)
    again.close()
    runs = known.runs(database, experiment)
    assert set(runs) == {None, "0", "1"}
    assert again.parent_run_id == parent == runs[None].info.run_id
    assert runs[None].info.status == "FINISHED"
    assert len(known.points(database, runs[None], "trials")) == 1
    assert len(known.points(database, runs["0"], "loss")) == known.epochs
    assert known.points(database, runs["1"], "loss") == [(1, 0.5), (2, 0.25)]


def test_what_was_reported_is_not_spooled_again(tracker: Tracker, folder: Path, known: Any) -> None:
    for _ in range(2):
        known.report(tracker, 2)
    events = [(entry["event"], entry.get("trial"), entry.get("step")) for entry in every_entry(folder / SPOOL)]
    assert len([event for event in events if event[0] not in ("resume", "finish")]) == 1 + 1 + 2 * (known.epochs + 3)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("completed", "FINISHED"),
        ("duplicate", "FINISHED"),
        ("stopped", "FINISHED"),
        ("infeasible", "KILLED"),
        ("failed", "FAILED"),
    ],
)
def test_how_a_trial_ended(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    state: str,
    status: str,
    known: Any,
) -> None:
    tracker.trial_started(TrialStart(0, {}))
    tracker.trial_ended(0, state=state, reason="because", metrics={})
    sync(folder)
    run = known.runs(database, experiment)["0"]
    assert run.info.status == status
    assert run.info.end_time >= run.info.start_time
    assert run.data.tags["convscape.state"] == state
    assert run.data.tags["convscape.reason"] == "because"


def test_values_that_are_no_numbers_are_named_in_a_tag(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    known: Any,
) -> None:
    odd: Any = None
    tracker.epoch(0, 2, {"loss": math.nan, "gradient": math.inf, "accuracy": 0.25, "norm": odd})
    sync(folder)
    run = known.runs(database, experiment)["0"]
    assert run.data.metrics == {"accuracy": 0.25}
    assert run.data.tags["convscape.nonfinite"] == "loss = nan, gradient = inf, norm = None at epoch 2"


def test_more_than_mlflow_takes_at_once(
    tracker: Tracker, folder: Path, database: str, experiment: str, known: Any
) -> None:
    params = {f"p{index}": "x" * 7000 for index in range(150)} | {"odd (name)!": 1}
    tracker.trial_started(TrialStart(0, params, {f"tag{index}": "y" * 9000 for index in range(120)}))
    for epoch in range(1, 31):
        tracker.epoch(0, epoch, {f"metric{index}": float(index) for index in range(60)})
    sync(folder)
    run = known.runs(database, experiment)["0"]
    assert len(run.data.params) == 151
    assert run.data.params["p149"] == "x" * 6000
    assert run.data.params["odd _name__"] == "1"
    assert len(run.data.tags["tag119"]) == 8000
    assert len(known.points(database, run, "metric59")) == 30


class Faulty:
    """A client whose `at`-th call fails, either before it reaches the store or after the store did its work."""

    def __init__(self, client: Any, faults: Faults) -> None:
        self._client, self._faults = client, faults

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda *args, **more: self._faults.through(lambda: call(*args, **more))


class Faults:
    def __init__(self, at: int, *, done: bool) -> None:
        self.at, self.done, self.calls = at, done, 0

    def through(self, call: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return call()
        if self.done:
            call()
        raise ConnectionError("the answer was lost")


CALLS = 14


@pytest.mark.parametrize("killed", [False, True], ids=["goes-on", "killed"])
@pytest.mark.parametrize(
    "done", [pytest.param(False, marks=pytest.mark.slow, id="before"), pytest.param(True, id="after")]
)
@pytest.mark.parametrize("at", range(1, CALLS))
def test_exactly_once_whichever_call_fails(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    done: bool,
    killed: bool,
    known: Any,
) -> None:
    from mlflow.entities import ViewType

    faults = Faults(at, done=done)
    monkeypatch.setattr(uploading, "connect_store", lambda uri: Faulty(connect_store(uri), faults))
    known.report(tracker, 2)
    uploader = Uploader(folder)
    with pytest.raises(ConnectionError):
        send_all(uploader)
    assert uploader.left() > 0
    if killed:
        uploader.release()
        uploader = Uploader(folder)
    send_all(uploader)
    assert uploader.left() == 0
    uploader.release()
    known.assert_exactly_once(database, experiment, 2, folder)
    client = connect_store(database)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    deleted = client.search_runs([found.experiment_id], run_view_type=ViewType.DELETED_ONLY)
    assert not deleted, "a run was made twice"


def test_a_kill_between_sending_and_writing_it_down(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    known: Any,
) -> None:
    known.report(tracker, 2)
    sync(folder)
    journal = folder / UPLOADED
    lines = journal.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines) + 1):
        journal.write_bytes(b"".join(lines[:kept]) + b'{"se')
        assert sync(folder) == 0
    known.assert_exactly_once(database, experiment, 2, folder)


def test_a_run_that_was_created_twice_is_kept_once(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    monkeypatch: pytest.MonkeyPatch,
    known: Any,
) -> None:
    """A slow server may create a run after its request was given up and the run looked up in vain."""
    known.report(tracker, 2)
    late: list[Callable[[], Any]] = []

    class Slow(Faulty):
        def create_run(self, *args: Any, **more: Any) -> Any:
            if more["run_name"] == "digits/0001" and not late:
                late.append(lambda: self._client.create_run(*args, **more))
                raise TimeoutError
            run = self._client.create_run(*args, **more)
            if more["run_name"] == "digits/0001":
                late[0]()
            return run

    monkeypatch.setattr(uploading, "connect_store", lambda uri: Slow(connect_store(uri), Faults(0, done=False)))
    uploader = Uploader(folder)
    with pytest.raises(TimeoutError):
        uploader.step()
    send_all(uploader)
    uploader.release()
    assert len(late) == 1
    known.assert_exactly_once(database, experiment, 2, folder)


def test_a_run_someone_deleted_does_not_hold_up_the_rest(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    known: Any,
) -> None:
    known.begin(tracker)
    known.trial(tracker, 0)
    sync(folder)
    connect_store(database).delete_run(str(tracker.run_id(0)))
    tracker.epoch(0, known.epochs + 1, {"loss": 0.1})
    known.trial(tracker, 1)
    assert sync(folder) == 0
    assert any("refused" in line for line in every_entry(folder / UPLOADED))
    assert tracker.run_id(1) is not None


def test_everything_can_be_sent_to_a_new_store(
    tracker: Tracker, folder: Path, database: str, experiment: str, known: Any
) -> None:
    known.report(tracker, 2)
    sync(folder)
    client = connect_store(database)
    for run in known.runs(database, experiment).values():
        client.delete_run(run.info.run_id)
    (folder / UPLOADED).unlink()
    assert sync(folder) == 0
    known.assert_exactly_once(database, experiment, 2, folder)


def test_an_experiment_someone_deleted_comes_back(
    tracker: Tracker,
    folder: Path,
    database: str,
    experiment: str,
    known: Any,
) -> None:
    client = connect_store(database)
    client.delete_experiment(client.create_experiment(experiment, artifact_location=(folder / "files").as_uri()))
    known.begin(tracker)
    assert sync(folder) == 0


def test_artifacts_lie_beside_the_database(
    tracker: Tracker, folder: Path, database: str, experiment: str, known: Any
) -> None:
    known.begin(tracker)
    sync(folder)
    store = database.removeprefix("sqlite:///").removesuffix("/mlflow.db")
    assert all(
        run.info.artifact_uri.startswith(f"file://{store}/mlartifacts/")
        for run in known.runs(database, experiment).values()
    )


def test_bytes_of_a_name_that_is_no_text_are_written_out(
    tracker: Tracker, folder: Path, database: str, experiment: str, known: Any
) -> None:
    """A folder's name may be any bytes; Python keeps them as half characters, which no store takes."""
    odd = "caf" + os.fsdecode(b"\xe9")
    tracker.start(params={"data.root": odd}, tags={"convscape.data": odd}, artifacts={"config.json": odd})
    assert sync(folder) == 0
    run = known.runs(database, experiment)[None]
    assert (run.data.params["data.root"], run.data.tags["convscape.data"]) == ("caf\\udce9",) * 2
    (file,) = Path(run.info.artifact_uri.removeprefix("file://")).rglob("config.json")
    assert file.read_text() == "caf\\udce9"


def test_only_one_process_sends_a_folder(tracker: Tracker, folder: Path, known: Any) -> None:
    known.begin(tracker)
    lock = hold(folder)
    assert lock is not None
    assert sync(folder) == 2
    os.close(lock)
    assert sync(folder) == 0


def test_whoever_looks_why_results_wait_takes_no_lock_from_who_sends_them(
    tracker: Tracker, folder: Path, known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.begin(tracker)
    (folder / "upload.lock").unlink(missing_ok=True)
    assert tracker.problem is None
    assert not (folder / "upload.lock").exists()
    asked: list[tuple[int, int]] = []
    real = fcntl.flock

    def flock(file: int, operation: int) -> None:
        asked.append((operation, fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE))
        real(file, operation)

    (folder / "upload.lock").touch()
    monkeypatch.setattr(fcntl, "flock", flock)
    assert tracker.problem is None
    assert asked == [(fcntl.LOCK_SH | fcntl.LOCK_NB, os.O_RDONLY)]


def test_a_look_while_results_are_to_be_sent_does_not_keep_them(tracker: Tracker, folder: Path, known: Any) -> None:
    known.begin(tracker)
    (folder / "upload.lock").touch()
    with (folder / "upload.lock").open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        ends = threading.Timer(0.03, lambda: fcntl.flock(looked_at, fcntl.LOCK_UN))
        ends.start()
        assert sync(folder) == 0
        ends.join()


def test_a_store_that_is_away_is_a_problem_and_no_more(
    folder: Path,
    experiment: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    known: Any,
) -> None:
    monkeypatch.setattr("convscape.search.tracking.tracker._CHECK", 0.0)
    tracker = Tracker(folder, uri="http://me:secret@127.0.0.1:9", experiment=experiment, sweep="digits")
    known.begin(tracker)
    deadline = time.monotonic() + 60
    while tracker.problem is None and time.monotonic() < deadline:
        tracker.flush(0.1)
    known.trial(tracker, 0)
    assert "MLflow at http://127.0.0.1:9 does not take results" in str(tracker.problem)
    assert len(caplog.messages) == 1
    assert "secret" not in caplog.text
    assert tracker.flush(0) == len([*every_entry(folder / SPOOL)]) + 1
    tracker.close()
    with pytest.raises(SweepError, match="MLflow did not take the results"):
        sync(folder)


def test_a_report_that_cannot_be_written_raises_nothing(tracker: Tracker, folder: Path) -> None:
    impossible: Any = object()
    before = len([*every_entry(folder / SPOOL)])
    tracker.epoch(impossible, 1, {"loss": 1.0})
    assert len([*every_entry(folder / SPOOL)]) == before


def test_sync_of_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="holds no results"):
        sync(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path, database: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot be written"):
        Tracker(tmp_path / "file" / "sweep", uri=database, experiment="e", sweep="s")


def test_a_relative_database_is_found_from_anywhere(
    alone: None, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Tracker(folder, uri="sqlite:///mlflow.db", experiment="e", sweep="s").close()
    assert next(every_entry(folder / SPOOL))["uri"] == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_driver_never_imports_mlflow() -> None:
    code = "import sys, convscape.search.tracking.tracker; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_upload_process_ends_with_its_driver(folder: Path, database: str, experiment: str) -> None:
    code = f"""
import time
from pathlib import Path
from convscape.search.tracking import upload_process
from convscape.search.tracking.tracker import Tracker
Tracker(Path({str(folder)!r}), uri={database!r}, experiment={experiment!r}, sweep="digits")
print(upload_process._driver.process.pid, flush=True)
time.sleep(60)
"""
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert driver.stdout is not None
    pid = int(driver.stdout.readline())
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    driver.stdout.close()
    deadline = time.monotonic() + 20
    while _lives(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_sweep_of_which_nothing_came_leaves_nothing_in_mlflow(
    folder: Path, database: str, experiment: str, known: Any
) -> None:
    folder.mkdir()
    tracker = Tracker(folder, uri=database, experiment=experiment, sweep="digits", at_once=False)
    known.begin(tracker)
    known.trial_begins(tracker, 0)
    assert tracker.flush(30) > 0, "at once: nothing is sent yet"
    assert upload_process._driver.process is not None, "what takes it seconds is done meanwhile"
    assert known.runs(database, experiment) == {}
    tracker.epoch(0, 1, {"accuracy": 0.5})
    assert tracker.flush(30) == 0
    tracker.close()
    assert set(known.runs(database, experiment)) == {None, "0"}


def test_getting_ready_leaves_nothing_and_does_all_but_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "here"))
    mlflow_store.get_ready()
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]
    from mlflow.store.tracking import sqlalchemy_store

    def made_again(*_: object) -> None:
        raise AssertionError("the tables are there")

    monkeypatch.setattr(sqlalchemy_store.mlflow.store.db.utils, "_upgrade_db", made_again)
    client = mlflow_store.connect_store(f"sqlite:///{tmp_path}/mlflow.db")
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]
