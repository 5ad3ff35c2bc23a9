"""A Slurm of one's own on this machine: two nodes, a controller, and the keeper of its keys, all on 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from servers import free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
NODES = ("n1", "n2")
CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={home}/munge.sock,cred_expire=10
SlurmUser=root
SlurmdUser=root
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=2,bf_interval=2
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
"""`cred_expire` is how long a job that is queued again waits: two minutes by default."""


class Slurm:
    """Slurm's daemons, started by root; `stop` ends them and what they run."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.home.chmod(0o755)
        (self.home / "state").mkdir()
        key = self.home / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        host = socket.gethostname()
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1" for node in NODES
        )
        configuration = self.home / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(host=host, port=free_port(), home=self.home, nodes=nodes))
        self.environment = {**os.environ, "SLURM_CONF": str(configuration)}
        self._daemons: list[subprocess.Popen[bytes]] = []
        places = {"key-file": key, **{f"{word}-file": self.home / f"munge.{word}" for word in ("pid", "log", "seed")}}
        options = [f"--{name}={place}" for name, place in places.items()]
        self._begin("munged", "--foreground", "--force", f"--socket={self.home}/munge.sock", *options)
        self._begin("slurmctld", "-D", "-f", str(configuration))
        for node in NODES:
            self._begin("slurmd", "-D", "-N", node, "-f", str(configuration))

    def _begin(self, *command: str) -> None:
        with (self.home / f"{command[0]}.out").open("ab") as log:
            self._daemons.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))

    @staticmethod
    def missing() -> str:
        """Why there can be no Slurm here, as words; "" where there can."""
        if absent := [program for program in PROGRAMS if shutil.which(program) is None]:
            return f"no {', '.join(absent)}: apt-get install slurm-wlm"
        return "" if os.getuid() == 0 else "Slurm's daemons are started by root"

    def ready(self, seconds: float = 60) -> bool:
        """Whether both nodes are idle within that time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and all(daemon.poll() is None for daemon in self._daemons):
            try:
                if self.run("sinfo", "--noheader", "--format=%D %t").strip() == "2 idle":
                    return True
            except subprocess.CalledProcessError:
                pass  # the controller does not answer yet
            time.sleep(0.5)
        return False

    def run(self, *command: str | Path, **environment: str) -> str:
        """What one of Slurm's commands prints."""
        return subprocess.run(
            command, env=self.environment | environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job: JobState, Restarts, and more."""
        words = self.run("scontrol", "show", "job", number, "--oneliner").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def stop(self) -> None:
        try:
            self.run("scancel", "--user=root", "--full")
            until = time.monotonic() + 30
            while self.run("squeue", "--noheader").strip() and time.monotonic() < until:
                time.sleep(0.5)
        except subprocess.SubprocessError:
            pass  # no controller answers
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)
