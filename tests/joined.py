"""A cluster of raylets on this machine: a head without CPUs, and nodes that do not see folders of the head's."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from convscape.search.workers.address import token_mode
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RAY = str(Path(sys.executable).with_name("ray"))
PATIENCE = 180.0
"""Seconds that a raylet may take to start on a busy machine."""


@contextmanager
def head() -> Iterator[str]:
    """The address of a head without CPUs, on which no trial has room."""
    ports = [f"--port={free_port()}", f"--ray-client-server-port={free_port()}"]
    # The path of a socket is short, so that it is no folder of pytest's.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as temporary:
        command = [
            RAY,
            "start",
            "--head",
            "--num-cpus=0",
            "--include-dashboard=false",
            f"--temp-dir={temporary}",
            *ports,
        ]
        with _raylet(command, {"RAY_TMPDIR": temporary}):
            yield f"127.0.0.1:{ports[0].partition('=')[2]}"


@contextmanager
def node(address: str, *, hidden: Sequence[Path] = (), path: Path | None = None, cpus: int = 2) -> Iterator[None]:
    """A node of the cluster that does not see these folders, nor what the driver's PYTHONPATH names.

    Args:
        address: of the head.
        hidden: folders in whose place it has empty ones.
        path: its PYTHONPATH.
        cpus: that it has.
    """
    command = [RAY, "start", f"--address={address}", f"--num-cpus={cpus}"]
    with _raylet(command, {"PYTHONPATH": str(path or "")}, hidden):
        yield


@contextmanager
def _raylet(command: Sequence[str], variables: Mapping[str, str], hidden: Sequence[Path] = ()) -> Iterator[None]:
    start = [*command, "--node-ip-address=127.0.0.1", "--block", "--disable-usage-stats"]
    if hidden:
        if os.geteuid() != 0:
            pytest.skip("hiding folders from a process needs root")
        mounts = [f"mount -t tmpfs none {shlex.quote(str(folder))}" for folder in hidden]
        script = " && ".join(["mount --make-rprivate /", *mounts, f"exec {shlex.join(start)}"])
        start = ["unshare", "-m", "sh", "-c", script]
    with tempfile.TemporaryFile() as log:
        environment = {**os.environ, **token_mode(), **variables}
        process = subprocess.Popen(start, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + PATIENCE
            while b"Ray runtime started" not in os.pread(log.fileno(), 100_000, 0):
                assert process.poll() is None, os.pread(log.fileno(), 100_000, 0).decode()
                assert time.monotonic() < until, "the raylet does not start"
                time.sleep(0.2)
            yield
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and what it started, by their ids."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
