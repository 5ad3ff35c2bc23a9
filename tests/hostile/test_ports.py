"""What a launch on this machine listens on, and who may read the token that lets one in."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from convscape.search.workers.cluster.local_ray import _keep_token_private

LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""
SETTINGS = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same as an IPv6 address, and ::1, as /proc/net writes them."""
SECONDS = 2.0
"""How long the sockets are looked at: a process that is still starting may open some later."""
STARTS_RAY = """
import ray
from convscape.search.config import ResourcesConfig
from convscape.search.workers.cluster.starting import start_ray
start_ray(ResourcesConfig(cpus=1))
print(ray.get(ray.remote(lambda: "up").remote()), flush=True)
input()
"""

linux_only = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")


def processes_under(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def listened_on(pids: list[int]) -> set[str]:
    """Addresses of all listening TCP sockets of these processes, as /proc/net writes them."""
    rows = [line.split() for net in ("tcp", "tcp6") for line in Path("/proc/net", net).read_text().splitlines()[1:]]
    address_of = {f"socket:[{row[9]}]": row[1].partition(":")[0] for row in rows if row[3] == LISTENS}
    found = set()
    for descriptor in (file for pid in pids for file in Path(f"/proc/{pid}/fd").glob("*")):
        try:
            found.add(address_of.get(str(descriptor.readlink()), ""))
        except OSError:  # closed meanwhile
            continue
    return found - {""}


@linux_only
@pytest.mark.parametrize("there_already", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_local_launch_listens_on_loopback_alone_and_its_token_is_private(tmp_path: Path, there_already: bool) -> None:
    token = tmp_path / ".ray" / "auth_token"
    if there_already:
        token.parent.mkdir()
        token.write_text("0" * 64)
        token.chmod(0o644)
    environment = {**os.environ, "HOME": str(tmp_path)}
    for name in SETTINGS:
        environment.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_RAY], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        assert started.stdin
        assert started.stdout.readline() == "up\n"
        listening: set[str] = set()
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                listening |= listened_on(processes_under(started.pid))
                time.sleep(0.05)
        finally:
            started.stdin.write("\n")
            started.stdin.close()
    assert listening
    assert listening <= LOOPBACK
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of nobody yet, without settings of Ray's."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_launches_at_one_moment_agree_on_a_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, all_there, made = home / ".ray" / "auth_token", threading.Barrier(8), secrets.token_hex

    def token_hex(count: int) -> str:
        all_there.wait(60)  # no launch has found a token
        return made(count)

    def launch(_: int) -> str:
        _keep_token_private()
        return token.read_text()

    monkeypatch.setattr("secrets.token_hex", token_hex)
    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(launch, range(8)))
    assert [len(text) for text in seen] == [64]
    assert list(token.parent.iterdir()) == [token]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "setting", [("RAY_AUTH_MODE", "disabled"), ("RAY_AUTH_TOKEN", "x"), ("RAY_AUTH_TOKEN_PATH", "/x")]
)
def test_nothing_is_written_where_ray_needs_no_token_of_ours(
    home: Path, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str]
) -> None:
    monkeypatch.setenv(*setting)
    _keep_token_private()
    assert not list(home.iterdir())


def test_a_launch_needs_no_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home / "nobody" / "here"))
    _keep_token_private()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as in a container whose user has no name
    with pytest.raises(RuntimeError):
        Path.home()
    _keep_token_private()
