"""Real Ray clusters of several nodes on this machine, whose nodes may see another file system, come, and be killed."""

from __future__ import annotations

import contextlib
import json
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
    from collections.abc import Iterator, Mapping, Sequence

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


class Cable:
    """A network between this machine and a namespace in which a node runs, which can be cut. That takes root."""

    def __init__(self) -> None:
        self._remove_left()
        self.name = f"cable{os.getpid()}"
        third, fourth = divmod(4 * (os.getpid() % 2**14), 256)  # where another test runs beside it: a network each
        self.here, self.there = f"10.213.{third}.{fourth + 1}", f"10.213.{third}.{fourth + 2}"
        self._end = f"{self.name}b"
        self._ip("netns", "add", self.name)
        self._ip("link", "add", f"{self.name}a", "type", "veth", "peer", "name", self._end, "netns", self.name)
        self._ip("addr", "add", f"{self.here}/30", "dev", f"{self.name}a")
        self._ip("link", "set", f"{self.name}a", "up")
        self._ip("-n", self.name, "addr", "add", f"{self.there}/30", "dev", self._end)
        self._ip("-n", self.name, "link", "set", "lo", "up")
        self.mend()

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._ip("-n", self.name, "link", "set", self._end, "down")

    def mend(self) -> None:
        self._ip("-n", self.name, "link", "set", self._end, "up")

    def remove(self) -> None:
        self._remove(self.name)

    def _remove_left(self) -> None:
        """Removes what a test left that was killed: namespaces outlive processes, and answer at their addresses."""
        for left in Path("/run/netns").glob("cable[0-9]*"):
            pid = int(left.name.removeprefix("cable"))
            if pid == os.getpid() or not psutil.pid_exists(pid):
                with contextlib.suppress(subprocess.CalledProcessError):  # another test removes it
                    self._remove(left.name)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # a killed test may have come no further
            self._ip("link", "del", f"{name}a")  # else it stays while a process in the namespace lives
        self._ip("netns", "del", name)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)


class Raylets:
    """A head without CPUs and nodes, each a raylet of its own, on this machine. All that is started ends with `stop`.

    Args:
        home: folder whose `.ray/auth_token` the cluster wants of everybody.
        ip: address at which the head is reached.
        comes: what a node has that Ray's autoscaler brings when it is asked for, four at most; empty where none comes.
    """

    def __init__(self, home: Path, ip: str = "127.0.0.1", comes: Mapping[str, float] | None = None) -> None:
        port = free_port()
        self.address, self.home, self._ip = f"{ip}:{port}", home, ip
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
        if comes:
            own.append(f"--autoscaling-config={self._autoscaling(comes)}")
            self.environment |= {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        self._start(["--head", "--num-cpus=0", "--include-dashboard=false", *own])

    def node(
        self,
        cpus: int,
        *more: str,
        hidden: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        disk: int = 0,
        cable: Cable | None = None,
    ) -> int:
        """Starts a node. Gives its index.

        Args:
            cpus: that Ray counts on it.
            more: options of `ray start`.
            hidden: folders in whose place it has empty ones; that takes root.
            environment: variables of its own, over this process's.
            disk: bytes of a disk of its own for Ray's folder, which `fill` fills; 0 for none. That takes root.
            cable: which it is reached by; that takes root.
        """
        words = [f"--address={self.address}", f"--num-cpus={cpus}", *more]
        mounts = dict.fromkeys(hidden, "") | ({self._temporary: f"-o size={disk}"} if disk else {})
        return self._start(words, mounts, environment or {}, cable)

    def fill(self, index: int) -> None:
        """Fills the disk that a node has of its own."""
        disk = Path(f"/proc/{self._nodes[index].pid}/root/{self._temporary}")
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def kill(self, index: int) -> None:
        """Kills a node with all its processes, without grace."""
        for process in self.processes(index):
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._nodes[index].wait(30)

    def trains(self, index: int) -> list[psutil.Process]:
        """The workers of the node that train, or wait to."""
        found: list[psutil.Process] = []
        for process in self.processes(index):
            with contextlib.suppress(psutil.Error):
                title = " ".join(process.cmdline())  # nothing of one that has just ended
                if title.startswith(("ray::ResourceTrainable", "ray::WarmWorker")):
                    found.append(process)
        return found

    def drain(self, id_: str) -> None:
        """Tells the cluster that a node will be taken away, as a cloud does of a spot machine."""
        words = ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=spot", "--deadline-remaining-seconds=1200"]
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

    def _autoscaling(self, comes: Mapping[str, float]) -> Path:
        """The file that has Ray's autoscaler start raylets here, as it would machines of a cloud."""
        types = {
            "ray.head.default": {"resources": {}, "node_config": {}, "max_workers": 0},
            "comes": {"resources": dict(comes), "node_config": {}, "min_workers": 0, "max_workers": 4},
        }
        provider = {"type": "fake_multinode", "gcs_address": self.address}
        provider |= {"disable_node_updaters": True, "use_node_id_as_ip": True}
        file = self._temporary / "autoscaling.yaml"
        config = {"cluster_name": "fake", "max_workers": 4, "provider": provider, "available_node_types": types}
        config |= {"head_node_type": "ray.head.default", "upscaling_speed": 100, "idle_timeout_minutes": 10}
        commands = ("cluster_synced_files", "worker_setup_commands", "worker_start_ray_commands")
        config |= {"auth": {}, "file_mounts": {}, **{key: [] for key in commands}}
        file.write_text(json.dumps(config))
        return file

    def _start(
        self,
        words: Sequence[str],
        mounts: Mapping[Path, str] | None = None,
        environment: Mapping[str, str] | None = None,
        cable: Cable | None = None,
    ) -> int:
        ip = cable.there if cable else self._ip
        command = [*RAY, "start", *words, f"--node-ip-address={ip}", "--block", "--disable-usage-stats"]
        if mounts:
            lines = [f"mount -t tmpfs {options} none {shlex.quote(str(at))}" for at, options in mounts.items()]
            script = " && ".join(["mount --make-rprivate /", *lines, f"exec {shlex.join(command)}"])
            command = ["unshare", "-m", "sh", "-c", script]
        if cable:
            command = ["ip", "netns", "exec", cable.name, *command]
        environment = {**self.environment, **(environment or {})}
        log = self._temporary / f"node-{len(self._nodes)}.log"
        with log.open("wb") as said:
            started = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        self._nodes.append(started)
        until = time.monotonic() + PATIENCE
        while b"Ray runtime started" not in log.read_bytes():
            assert started.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < until, f"the raylet does not start: {log.read_text(errors='replace')}"
            time.sleep(0.2)
        return len(self._nodes) - 1


@contextlib.contextmanager
def raylets(home: Path, ip: str = "127.0.0.1", comes: Mapping[str, float] | None = None) -> Iterator[Raylets]:
    """A cluster that is stopped at the end."""
    cluster = Raylets(home, ip, comes)
    try:
        yield cluster
    finally:
        cluster.stop()
