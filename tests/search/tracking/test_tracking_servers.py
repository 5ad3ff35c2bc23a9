"""The tracker against MLflow servers that come late, go away, answer 500 or slowly, and drivers that are killed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.files.append_only import every_entry
from convscape.search.tracking.mlflow_store import connect_store
from convscape.search.tracking.probe import StoreProbe
from convscape.search.tracking.tracker import Tracker, sync
from servers import Postgres, Proxy, Server, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    programs = Postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg2", reason="PostgreSQL's driver is not installed: pip install psycopg2-binary")
    server = Postgres(programs)
    yield server
    server.stop()


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """On PostgreSQL where it is had: its troubles are a server's of any."""
    has = Postgres.programs() and importlib.util.find_spec("psycopg2")
    backend = request.getfixturevalue("postgres").uri if has else f"sqlite:///{tmp_path}/server.db"
    (tmp_path / "files").mkdir()
    server = Server(backend, tmp_path / "files")
    yield server
    server.kill()


def test_doctor_tries_runs_and_artifacts_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.start()
    assert StoreProbe(server.uri).problem(60) == ""
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert [each.name for each in connect_store(server.uri).search_experiments()] == ["Default"]
    shutil.rmtree(tmp_path / "files")
    (tmp_path / "files").write_text("no folder")
    assert StoreProbe(server.uri).problem(60).startswith("its artifacts cannot be written: ")


def test_a_server_that_comes_late_and_goes_away(server: Server, known: Any, folder: Path, experiment: str) -> None:
    tracker = Tracker(folder, uri=server.uri, experiment=experiment, sweep="digits")
    known.begin(tracker)
    for number in range(10):
        known.trial(tracker, number)
    assert tracker.flush(1) > 0
    server.start()
    deadline = time.monotonic() + 60
    while tracker.run_id(3) is None and time.monotonic() < deadline:
        tracker.flush(0.05)
    server.kill()
    for number in range(10, 20):
        known.trial(tracker, number)
    assert tracker.flush(1) > 0
    server.start()
    known.end(tracker, 20)
    assert tracker.flush(120) == 0
    tracker.close()
    known.assert_exactly_once(server.uri, experiment, 20, folder)


def test_a_server_that_answers_500_cuts_off_and_dawdles(
    server: Server, known: Any, folder: Path, experiment: str
) -> None:
    server.start()
    proxy = Proxy(server.port, seed=1, mode="mixed", delay=0.5)
    try:
        tracker = Tracker(folder, uri=proxy.uri, experiment=experiment, sweep="digits")
        known.report(tracker, 8)
        assert tracker.flush(240) == 0
        assert all(proxy.faults.values()), proxy.faults
        tracker.close()
        proxy.mode = "pass"
        known.assert_exactly_once(proxy.uri, experiment, 8, folder)
    finally:
        proxy.down()


@pytest.mark.parametrize("mode", ["500", "slow"])
def test_a_server_with_one_trouble_all_the_while(
    server: Server, known: Any, folder: Path, experiment: str, mode: str
) -> None:
    server.start()
    proxy = Proxy(server.port, mode=mode, delay=1.0)
    try:
        tracker = Tracker(folder, uri=proxy.uri, experiment=experiment, sweep="digits")
        known.report(tracker, 3)
        assert tracker.flush(5) > 0
        assert sum(proxy.faults.values()) > 1
        assert (proxy.passed > 0) == (mode == "slow")
        proxy.mode = "pass"
        assert tracker.flush(120) == 0
        tracker.close()
        known.assert_exactly_once(proxy.uri, experiment, 3, folder)
    finally:
        proxy.down()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_server_whose_disk_is_full(
    kind: str, request: pytest.FixtureRequest, known: Any, folder: Path, experiment: str, tmp_path: Path
) -> None:
    """Database and artifacts lie on a file system of a few megabytes, which is filled to the last byte."""
    with small_disk(tmp_path / "disk", megabytes=64) as disk:
        if disk is None:
            pytest.skip("only root may mount a small disk")
        for name in ("files", "tables"):
            (disk.folder / name).mkdir()
        if kind == "postgres":
            database: Postgres = request.getfixturevalue("postgres")
            (tmp_path / "disk").chmod(0o755)
            for parent in (tmp_path, *tmp_path.parents[:3]):
                parent.chmod(parent.stat().st_mode | 0o011)
            backend = database.create("small", disk.folder / "tables")
        else:
            backend = f"sqlite:///{disk.folder}/server.db"
        server = Server(backend, disk.folder / "files", log=tmp_path / "server.log")
        try:
            server.start()
            tracker = Tracker(folder, uri=server.uri, experiment=experiment, sweep="digits")
            known.begin(tracker)
            known.trial(tracker, 0)
            known.trial_begins(tracker, 1)  # a run that is there is written to
            assert tracker.flush(60) == 0
            disk.fill()
            for number in range(1, 30):
                known.trial(tracker, number)
            assert tracker.flush(8) > 0
            assert "full" in server.log() or "No space left" in server.log()
            disk.empty()
            known.end(tracker, 30)
            assert tracker.flush(120) == 0
            tracker.close()
            known.assert_exactly_once(server.uri, experiment, 30, folder)
        finally:
            server.kill()
            if kind == "postgres":
                database.drop("small")


DRIVER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from conftest import KnownSweep
from convscape.search.tracking import upload_process
from convscape.search.tracking.tracker import Tracker
tracker = Tracker(Path({folder!r}), uri={uri!r}, experiment={experiment!r}, sweep="digits")
print(upload_process._driver.process.pid, flush=True)
known = KnownSweep()
known.begin(tracker)
for number in range({trials}):
    known.trial(tracker, number)
    time.sleep(0.02)
known.end(tracker, {trials})
tracker.flush(60)
print("done", flush=True)
tracker.close()
"""


def test_drivers_and_upload_processes_killed_at_random_moments(
    known: Any, database: str, folder: Path, experiment: str
) -> None:
    trials, chance, unfinished = 60, random.Random(2), 0  # noqa: S311
    code = DRIVER.format(
        here=str(Path(__file__).parents[1]), folder=str(folder), uri=database, experiment=experiment, trials=trials
    )
    for _ in range(6):
        driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert driver.stdout is not None
        uploading = int(driver.stdout.readline())
        time.sleep(chance.uniform(0.0, 6.0))
        victims = [driver.pid, uploading] if chance.random() < 0.5 else [driver.pid]
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        unfinished += "done" not in driver.stdout.read()
        driver.wait()
        driver.stdout.close()
    assert unfinished > 0
    last = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert last.stdout.endswith("done\n")
    assert sync(folder) == 0
    known.assert_exactly_once(database, experiment, trials, folder)


def test_two_sweeps_fill_one_new_database(known: Any, tmp_path: Path, experiment: str) -> None:
    (tmp_path / "new").mkdir()
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    code = (
        "import sys; from pathlib import Path; from convscape.search.tracking.tracker import sync; "
        "sync(Path(sys.argv[1]))"
    )
    names = [f"{experiment}-{index}" for index in range(2)]
    for name in names:
        reporting = (
            "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from conftest import KnownSweep;"
            "from convscape.search.tracking import upload_process; upload_process.start = lambda folder: None;"
            "from convscape.search.tracking.tracker import Tracker;"
            "KnownSweep().report(Tracker(Path(sys.argv[2]), uri=sys.argv[3], experiment=sys.argv[4], sweep='digits'), "
            "30)"
        )
        here = str(Path(__file__).parents[1])
        subprocess.run([sys.executable, "-c", reporting, here, str(tmp_path / name), uri, name], check=True)
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / name)]) for name in names]
    assert [process.wait() for process in both] == [0, 0]
    for name in names:
        known.assert_exactly_once(uri, name, 30, tmp_path / name)


def test_the_spool_says_where_it_goes(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, uri="http://127.0.0.1:9", experiment="pictures", sweep="digits")
    tracker.close()
    first = next(every_entry(tmp_path / "spool.jsonl"))
    assert (first["uri"], first["experiment"], first["sweep"]) == ("http://127.0.0.1:9", "pictures", "digits")
