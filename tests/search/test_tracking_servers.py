"""The tracker against MLflow servers that come late, go away, answer 500 or slowly, and drivers that are killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.spool import read_all
from convscape.search.tracking import Tracker, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real `mlflow server` on 127.0.0.1 that can be killed and started again on its port."""

    def __init__(self, backend: str, files: Path) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        mlflow = Path(sys.executable).with_name("mlflow")
        self._command = [mlflow, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self._command += ["--backend-store-uri", backend, "--artifacts-destination", files.as_uri()]
        self._environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "HOME": str(files)}
        self._log = files.with_name("server.log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self._process.poll() is None and self._healthy():
                return
            time.sleep(0.2)
        raise AssertionError(f"the MLflow server does not start:\n{self._log.read_text()[-2000:]}")

    def _healthy(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Postgres:
    """A PostgreSQL of the test's own, run as the user `postgres` where the tests run as root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = "postgres" if os.getuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="convscape-postgres-", dir="/tmp"))
        if self._user:
            shutil.chown(self._home, self._user, self._user)
        port = free_port()
        self.uri = f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {self._home} -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-o", options, "-l", "log", "-w", "start")

    def _run(self, program: str, *arguments: str) -> None:
        groups: list[str] | None = [] if self._user else None
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._home,
            user=self._user,
            group=self._user,
            extra_groups=groups,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._home)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not places or not (places[-1] / "pg_ctl").exists():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg2", reason="PostgreSQL's driver is not installed: pip install psycopg2-binary")
    server = Postgres(places[-1])
    yield server.uri
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    backend = request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path}/server.db"
    (tmp_path / "files").mkdir()
    server = Server(backend, tmp_path / "files")
    yield server
    server.kill()


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


class Proxy:
    """Passes requests on to an MLflow server, and of some loses the request, the answer or its patience."""

    def __init__(self, port: int, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        self.faults = dict.fromkeys(("refused", "lost", "cut", "slow"), 0)
        self.faulty = True
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = chance.choices(["", *proxy.faults], [20, 2, 2, 1, 1])[0] if proxy.faulty else ""
                if fault:
                    proxy.faults[fault] += 1
                if fault == "refused":
                    self.send_error(500)
                    return
                if fault == "slow":
                    time.sleep(0.5)
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                data = answer.read()
                upstream.close()
                if fault == "lost":
                    self.send_error(500)
                elif fault != "cut":
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = pass_on  # noqa: N815 - names of http.server

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_server_that_answers_500_cuts_off_and_dawdles(
    server: Server, known: Any, folder: Path, experiment: str
) -> None:
    server.start()
    proxy = Proxy(server.port, seed=1)
    try:
        tracker = Tracker(folder, uri=proxy.uri, experiment=experiment, sweep="digits")
        known.report(tracker, 8)
        assert tracker.flush(240) == 0
        assert all(proxy.faults.values()), proxy.faults
        tracker.close()
        proxy.faulty = False
        known.assert_exactly_once(proxy.uri, experiment, 8, folder)
    finally:
        proxy.stop()


DRIVER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from conftest import KnownSweep
from convscape.search import courier
from convscape.search.tracking import Tracker
tracker = Tracker(Path({folder!r}), uri={uri!r}, experiment={experiment!r}, sweep="digits")
print(courier._driver._courier.pid, flush=True)
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


def test_drivers_and_couriers_killed_at_random_moments(
    known: Any, database: str, folder: Path, experiment: str
) -> None:
    trials, chance, unfinished = 60, random.Random(2), 0  # noqa: S311
    code = DRIVER.format(
        here=str(Path(__file__).parent), folder=str(folder), uri=database, experiment=experiment, trials=trials
    )
    for _ in range(6):
        driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert driver.stdout is not None
        couriers = int(driver.stdout.readline())
        time.sleep(chance.uniform(0.0, 6.0))
        victims = [driver.pid, couriers] if chance.random() < 0.5 else [driver.pid]
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
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    code = "import sys; from pathlib import Path; from convscape.search.tracking import sync; sync(Path(sys.argv[1]))"
    names = [f"{experiment}-{index}" for index in range(2)]
    for name in names:
        reporting = (
            "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from conftest import KnownSweep;"
            "from convscape.search import courier; courier.carry = lambda folder: None;"
            "from convscape.search.tracking import Tracker;"
            "KnownSweep().report(Tracker(Path(sys.argv[2]), uri=sys.argv[3], experiment=sys.argv[4], sweep='digits'), "
            "30)"
        )
        here = str(Path(__file__).parent)
        subprocess.run([sys.executable, "-c", reporting, here, str(tmp_path / name), uri, name], check=True)
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / name)]) for name in names]
    assert [process.wait() for process in both] == [0, 0]
    for name in names:
        known.assert_exactly_once(uri, name, 30, tmp_path / name)


def test_the_spool_says_where_it_goes(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, uri="http://127.0.0.1:9", experiment="pictures", sweep="digits")
    tracker.close()
    first = read_all(tmp_path / "spool.jsonl")[0]
    assert (first["uri"], first["experiment"], first["sweep"]) == ("http://127.0.0.1:9", "pictures", "digits")
