"""MLflow's own server for a store without one: started beside this process, or found where another one started it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from ..search.files import LARGEST_JSON, write_atomically
from ..search.tracking import VIEW, environment, is_foreign, runs_address, sqlite_file, whole_uri, without_secrets
from ..spaces import SweepError, read_plain
from .loopback import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

USUAL_PORT = 5000
"""MLflow's own; a bookmark goes on to work where nothing else has taken it."""
RECORD = ".mlflow-ui.json"
"""A file in the folder of sweeps that says on which port a server was started."""
_PATIENCE = 120.0  # seconds to start: a busy machine needs 30 to import MLflow
_GOODBYE = 5.0  # seconds to end by itself
_ASK = 5.0  # seconds for an answer
_NOT_OURS = ("STATIC_PREFIX", "UVICORN_OPTS", "GUNICORN_OPTS", "REGISTRY_STORE_URI", "DEFAULT_ARTIFACT_ROOT")
_directly = build_opener(ProxyHandler({}))  # no proxy knows this machine's own ports


class MlflowServer:
    """A server of MLflow on this machine, which answers. A context manager, whose end ends the server that it started.

    Args:
        port: of 127.0.0.1.
        process: the server's, where this process started it.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes] | None = None) -> None:
        self.address = f"http://{LOOPBACK}:{port}"
        self._process = process
        self._record: Path | None = None

    @staticmethod
    def running(folder: Path, run_id: str) -> MlflowServer | None:
        """A server that has the run: the one started for the sweeps in `folder`, or one on the usual port; else None.

        Args:
            folder: the folder of sweeps.
            run_id: MLflow's id of a run that its store has.
        """
        ports = dict.fromkeys((_recorded(folder), USUAL_PORT))
        servers = [MlflowServer(port) for port in ports if port is not None]
        return next((server for server in servers if server.has_run(run_id)), None)

    @staticmethod
    def start(folder: Path, uri: str, run_id: str, port: int | None = None) -> MlflowServer:
        """Starts a server and waits until it answers; `folder` says from then on where it is.

        Args:
            folder: the folder of sweeps.
            uri: MLflow's tracking URI, of a database.
            run_id: MLflow's id of a run that the store has.
            port: where it is to listen; None for the usual one, or a free one.

        Raises:
            SweepError: the store is gone, the port is taken, or the server did not start; says why.
        """
        database = sqlite_file(uri)
        if database is not None and (not database.is_file() or is_foreign(database)):
            raise SweepError(  # MLflow would make its tables there
                f"{database} is {'no database of MLflow' if database.exists() else 'not there any more'}",
                "Restore it, or send the results to another store: `convscape sync NAME --to URI`.",
            )
        port = _port(port)
        beside = folder.absolute() if database is None else database.parent
        command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port)]
        command += ["--workers", "1", "--artifacts-destination", (beside / "mlartifacts").as_uri()]
        # The store is told through the environment, since a password in a command is seen by everybody.
        settings = {"MLFLOW_BACKEND_STORE_URI": whole_uri(uri), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        known = {key: value for key, value in environment().items() if key.removeprefix("MLFLOW_") not in _NOT_OURS}
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command,
                cwd=beside,  # where MLflow would put files of its own
                env=known | {"MLFLOW_DISABLE_TELEMETRY": "true"} | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches this process alone, which ends all of it
            )
            server = MlflowServer(port, process)
            try:
                server._wait_for(run_id, log)
            except BaseException:
                server.stop()
                raise
        with contextlib.suppress(OSError):  # a folder of somebody else's: the next call starts another
            write_atomically(folder / RECORD, json.dumps({"port": port}) + "\n")
            server._record = folder / RECORD
        return server

    def __enter__(self) -> MlflowServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def has_run(self, run_id: str) -> bool:
        """Whether it answers, and its store has the run of this id."""
        try:
            return self._ask("runs/get", run_id=run_id)["run"]["info"]["run_id"] == run_id
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def page(self, experiment: str, parent: str | None = None) -> str:
        """The address of an experiment's training runs.

        Args:
            experiment: the experiment's name.
            parent: MLflow's id of a sweep's own run, to see its trials, best first; None for all runs.
        """
        try:
            found = self._ask("experiments/get-by-name", experiment_name=experiment)["experiment"]
            identity, tags = str(found["experiment_id"]), {tag["key"] for tag in found.get("tags", ())}
        except (OSError, ValueError, LookupError, TypeError):
            return self.address
        return runs_address(self.address, identity, parent, view=f"{VIEW}{parent}" in tags)

    def wait(self) -> None:
        """Waits until it ends, which it does by itself only in a fault.

        Raises:
            SweepError: it has ended.
        """
        assert self._process is not None
        self._process.wait()
        raise SweepError("MLflow's server has ended", "Start it again.")

    def stop(self) -> None:
        """Ends it and all that it started, where this process started it."""
        if self._process is None:
            return
        try:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GOODBYE)
        finally:  # another Ctrl-C ends the waiting
            self._signal(signal.SIGKILL)
            self._process.wait()
            if self._record is not None:
                with contextlib.suppress(OSError):
                    self._record.unlink()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _ask(self, what: str, **parameters: str) -> Any:
        address = f"{self.address}/api/2.0/mlflow/{what}?{urlencode(parameters)}"
        with _directly.open(address, timeout=_ASK) as answer:
            return json.loads(answer.read(LARGEST_JSON))

    def _wait_for(self, run_id: str, log: IO[bytes]) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._ask("runs/get", run_id=run_id)
            except HTTPError as error:
                error.close()
                raise SweepError(
                    f"MLflow's store does not have the sweep's run {run_id:.40}",
                    "Send the results again, there or to another store: `convscape sync NAME --to URI`.",
                ) from None
            except (OSError, ValueError):
                time.sleep(0.1)
            else:
                return
        log.seek(0)
        said = without_secrets(log.read().decode(errors="replace")).strip().splitlines()
        raise SweepError("MLflow's server does not start", "\n  ".join(said[-5:]))


def _recorded(folder: Path) -> int | None:
    try:
        port = json.loads(read_plain(folder / RECORD, LARGEST_JSON))["port"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return port if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 2**16 else None


def _port(wanted: int | None) -> int:
    """The port that is wanted, or the usual one where it is free, or another that is."""
    problem = None
    for port in (USUAL_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that has just been left is free
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                problem = error.strerror
            else:
                return probe.getsockname()[1]
    raise SweepError(f"--port {wanted}: cannot be had: {problem}", "Leave it out: a free one is found.")
