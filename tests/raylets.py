"""Real Ray clusters of several nodes on this machine, whose nodes may see another file system, come, and be killed."""

from __future__ import annotations

import contextlib
import os
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
    from collections.abc import Iterator

RAY = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats")
HIDDEN = 'mount --make-rprivate / && for folder in "$@"; do mount -t tmpfs none "$folder" || exit 1; done'


def can_hide() -> bool:
    """Whether a node can be given a file system of its own here: that takes root."""
    tried = subprocess.run(["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True, check=False)
    return tried.returncode == 0


class Raylets:
    """A head and nodes, each a raylet of its own. All that is started ends with `stop`.

    Args:
        home: folder whose `.ray/auth_token` the cluster wants of everybody.
        head_cpus: CPUs that Ray counts on the head.
    """

    def __init__(self, home: Path, head_cpus: int = 0, *more: str) -> None:
        self.home, self.port = home, free_port()
        self.address = f"127.0.0.1:{self.port}"
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
        self._ids: list[str] = []
        """Ray's ids of the nodes, in the order in which they were started."""
        own = [f"--port={self.port}", f"--num-cpus={head_cpus}", f"--temp-dir={self._temporary}"]
        self._start([*RAY, "--head", "--node-ip-address=127.0.0.1", "--include-dashboard=false", *own, *more])
        self._wait(1)

    def node(self, cpus: int, *more: str, hidden: tuple[Path, ...] = ()) -> int:
        """Starts a node that finds an empty folder in the place of each that is hidden. Gives its index."""
        command = [*RAY, f"--address={self.address}", f"--num-cpus={cpus}", *more]
        if hidden:
            script = f'{HIDDEN}; shift $#; exec "${{COMMAND[@]}}"'
            quoted = " ".join(f"'{word}'" for word in command)
            command = ["unshare", "-m", "bash", "-c", f"COMMAND=({quoted}); {script}", "hidden", *map(str, hidden)]
        self._start(command)
        self._wait(1 + sum(node.poll() is None for node in self._nodes[1:]))
        return len(self._nodes) - 1

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
                titles.append(process.cmdline()[0])
        return any(title.startswith(("ray::ResourceTrainable", "ray::WarmWorker")) for title in titles)

    def drain(self, index: int) -> None:
        """Tells the cluster that a node will be taken away, as a cloud does of a spot machine."""
        words = ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=spot", "--deadline-remaining-seconds=120"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", f"--address={self.address}"]
        command += [f"--node-id={self._ids[index]}", *words]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

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

    def _start(self, command: list[str]) -> None:
        with (self._temporary / f"node-{len(self._nodes)}.log").open("wb") as log:
            started = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._nodes.append(started)

    def _wait(self, nodes: int) -> None:
        """Until as many nodes are alive."""
        ids = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False); "
        ids += "print(*[node['NodeID'] for node in ray.nodes() if node['Alive']])"
        until = time.monotonic() + 120
        while time.monotonic() < until:
            asked = subprocess.run(
                [sys.executable, "-c", ids, self.address],
                env=self.environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if len(alive := asked.stdout.split()) == nodes:
                self._ids += [one for one in alive if one not in self._ids]
                return
            time.sleep(0.5)
        logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in self._temporary.glob("node-*.log"))
        raise AssertionError(
            f"the cluster does not come to {nodes} nodes: {asked.stdout} {asked.stderr[-2000:]}\n{logs}"
        )


@contextlib.contextmanager
def raylets(home: Path, head_cpus: int = 0, *more: str) -> Iterator[Raylets]:
    """A cluster that is stopped at the end."""
    cluster = Raylets(home, head_cpus, *more)
    try:
        yield cluster
    finally:
        cluster.stop()
