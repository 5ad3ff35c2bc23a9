"""Real MLflow servers with real troubles: they are killed, answer 500 or slowly or not at all, and run out of disk."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real `mlflow server` on 127.0.0.1 that can be killed and started again on its port."""

    def __init__(self, backend: str, files: Path, log: Path | None = None) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        mlflow = Path(sys.executable).with_name("mlflow")
        self.command = [mlflow, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self.command += ["--backend-store-uri", backend, "--artifacts-destination", files.as_uri()]
        self._log = log or files.with_name("server.log")
        home = {"HOME": str(self._log.parent), "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._environment = os.environ | home | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self._environment, stdout=log, stderr=log, start_new_session=True
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

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Postgres:
    """A PostgreSQL of one's own, run as the user `postgres` where this process is root's."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = "postgres" if os.getuid() == 0 else None
        self.home = Path(tempfile.mkdtemp(prefix="convscape-postgres-", dir="/tmp"))
        self.own(self.home)
        self.port = free_port()
        self.uri = self.database("postgres")
        self.run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync")
        options = f"-h 127.0.0.1 -p {self.port} -k {self.home} -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-o", options, "-l", "log", "-w", "start")

    @staticmethod
    def programs() -> Path | None:
        """Where PostgreSQL's programs lie, None where it is not installed."""
        found = shutil.which("initdb")
        places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        return places[-1] if places and (places[-1] / "pg_ctl").exists() else None

    def database(self, name: str) -> str:
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, place: Path) -> str:
        """A database whose tables lie in an empty folder `place`."""
        self.own(place)
        for command in (f"CREATE TABLESPACE {name} LOCATION '{place}'", f"CREATE DATABASE {name} TABLESPACE {name}"):
            self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", command)
        return self.database(name)

    def drop(self, name: str) -> None:
        for command in (f"DROP DATABASE {name} WITH (FORCE)", f"DROP TABLESPACE {name}"):
            self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", command)

    def own(self, folder: Path) -> None:
        if self._user:
            shutil.chown(folder, self._user, self._user)

    def run(self, program: str, *arguments: str) -> None:
        groups: list[str] | None = [] if self._user else None
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.home,
            user=self._user,
            group=self._user,
            extra_groups=groups,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )

    def stop(self) -> None:
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.home)


class Proxy:
    """Passes requests on to an MLflow server, or does not.

    Attributes:
        mode: "pass" all; "500": answer that, pass nothing; "slow": pass after `delay` seconds; "mixed": of some
            requests lose the request, the answer or the patience.
        faults: what went wrong so far, and how often.
    """

    def __init__(self, port: int, seed: int = 1, mode: str = "pass", delay: float = 2.0) -> None:
        chance = random.Random(seed)  # noqa: S311
        self.faults = dict.fromkeys(("refused", "lost", "cut", "slow"), 0)
        self.mode, self.delay = mode, delay
        self.passed = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = {"500": "refused", "slow": "slow"}.get(proxy.mode, "")
                if proxy.mode == "mixed":
                    fault = chance.choices(["", *proxy.faults], [20, 2, 2, 1, 1])[0]
                if fault:
                    proxy.faults[fault] += 1
                if fault == "refused":
                    self.send_error(500)
                    return
                if fault == "slow":
                    time.sleep(proxy.delay)
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                data = answer.read()
                upstream.close()
                proxy.passed += 1
                if fault == "lost":
                    self.send_error(500)
                elif fault != "cut":
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = pass_on  # noqa: N815 - names of http.server

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that is killed, or a server, is what this is for."""

        self._handler, self._kind = Handler, Quiet
        self._server: ThreadingHTTPServer | None = None
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.up()

    def up(self) -> None:
        if self._server is None:
            self._server = self._kind(("127.0.0.1", self.port), self._handler)
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
            self._thread.start()

    def down(self) -> None:
        """Connections are refused from now on, as when the server is gone."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None


class SmallDisk:
    """A file system of a few megabytes that can be filled to the last byte and emptied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Again and again, a page at last, until the disk takes nothing more."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int = 48) -> Iterator[SmallDisk | None]:
    """A tmpfs of that size mounted on `folder`; None where this process may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
