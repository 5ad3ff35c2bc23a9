"""Real Ray clusters of several nodes on this machine, whose nodes may see another file system, come, and be killed."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RAY = (sys.executable, "-m", "ray.scripts.scripts")
PATIENCE = 180.0
"""Seconds that a raylet may take to start on a busy machine."""


def can_hide() -> bool:
    """Whether a node can be given a file system of its own here: that takes root."""
    try:
        tried = subprocess.run(["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return tried.returncode == 0


class Raylets:
    """A head without CPUs and nodes, each a raylet of its own, on 127.0.0.1. All that is started ends with `stop`.

    Args:
        home: folder whose `.ray/auth_token` the cluster wants of everybody.
    """

    def __init__(self, home: Path) -> None:
        port = free_port()
        self.address, self.home = f"127.0.0.1:{port}", home
        self._temporary = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # its sockets' paths have a limit
        (home / ".ray").mkdir(exist_ok=True)
        token = home / ".ray" / "auth_token"
        token.write_text("5" * 64)
        token.chmod(0o600)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("RAY_")},
            "HOME": str(home),
            "RAY_AUTH_MODE": "token",
            "RAY_health_check_failure_threshold": "3",  # a node that was killed is known in seconds
            "RAY_health_check_period_ms": "1000",
        }
        self._nodes: list[subprocess.Popen[bytes]] = []
        own = [f"--port={port}", f"--ray-client-server-port={free_port()}", f"--temp-dir={self._temporary}"]
        self._start(["--head", "--num-cpus=0", "--include-dashboard=false", *own])

    def node(self, cpus: int, *more: str, hidden: Sequence[Path] = (), path: Path | None = None) -> int:
        """Starts a node. Gives its index.

        Args:
            cpus: that Ray counts on it.
            more: options of `ray start`.
            hidden: folders in whose place it has empty ones; that takes root.
            path: its PYTHONPATH, in place of this process's.
        """
        return self._start([f"--address={self.address}", f"--num-cpus={cpus}", *more], hidden, path)

    def kill(self, index: int) -> None:
        """Kills a node with all its processes, without grace."""
        for process in self.processes(index):
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._nodes[index].wait(30)

    def trains(self, index: int) -> bool:
        """Whether a worker of the node trains, or waits to."""
        titles: list[str] = []
        for process in self.processes(index):
            with contextlib.suppress(psutil.Error):
                titles.extend(process.cmdline()[:1])
        return any(title.startswith(("ray::ResourceTrainable", "ray::WarmWorker")) for title in titles)

    def drain(self, id_: str) -> None:
        """Tells the cluster that a node will be taken away, as a cloud does of a spot machine."""
        words = ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=spot", "--deadline-remaining-seconds=120"]
        command = [*RAY, "drain-node", f"--address={self.address}", f"--node-id={id_}", *words]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def ids(self) -> list[str]:
        """Ray's ids of the nodes that are alive, the head's among them."""
        program = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False); "
        program += "print(*[node['NodeID'] for node in ray.nodes() if node['Alive']])"
        command = [sys.executable, "-c", program, self.address]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout.split()  # fmt: skip

    def processes(self, index: int) -> list[psutil.Process]:
        """The processes of a node."""
        with contextlib.suppress(psutil.NoSuchProcess):
            one = psutil.Process(self._nodes[index].pid)
            return [one, *one.children(recursive=True)]
        return []

    def stop(self) -> None:
        for index in reversed(range(len(self._nodes))):
            self.kill(index)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _start(self, words: Sequence[str], hidden: Sequence[Path] = (), path: Path | None = None) -> int:
        command = [*RAY, "start", *words, "--node-ip-address=127.0.0.1", "--block", "--disable-usage-stats"]
        if hidden:
            mounts = [f"mount -t tmpfs none {shlex.quote(str(folder))}" for folder in hidden]
            script = " && ".join(["mount --make-rprivate /", *mounts, f"exec {shlex.join(command)}"])
            command = ["unshare", "-m", "sh", "-c", script]
        environment = self.environment if path is None else {**self.environment, "PYTHONPATH": str(path)}
        log = self._temporary / f"node-{len(self._nodes)}.log"
        with log.open("wb") as said:
            started = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        self._nodes.append(started)
        until = time.monotonic() + PATIENCE
        while b"Ray runtime started" not in log.read_bytes():
            assert started.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < until, "the raylet does not start"
            time.sleep(0.2)
        return len(self._nodes) - 1


@contextlib.contextmanager
def raylets(home: Path) -> Iterator[Raylets]:
    """A cluster that is stopped at the end."""
    cluster = Raylets(home)
    try:
        yield cluster
    finally:
        cluster.stop()
