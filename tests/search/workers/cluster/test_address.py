"""Addresses of Ray clusters: nobody there is known in seconds, and a cluster that wants a token gets it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.driver.launching import launch
from convscape.search.workers.cluster import address as addresses
from convscape.search.workers.cluster.address import refuse_unreachable
from convscape.spaces.errors import SweepError
from tiny_sweep import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:{port}", "Connection refused"),
        ("no-such-host.invalid:6379", "no-such-host.invalid is no host that is known here"),
        ("a..b:6379", "a..b is no host that is known here"),
        ("127.0.0.1", "is no address of a Ray cluster"),
        ("http://127.0.0.1:6379", "is no address of a Ray cluster"),
        ("127.0.0.1:99999", "is no address of a Ray cluster"),
        ("127.0.0.1:٣", "is no address of a Ray cluster"),
    ],
)
def test_an_address_where_nobody_answers_is_refused_and_nothing_is_left(
    tmp_path: Path, address: str, says: str
) -> None:
    config = tiny(
        tmp_path / "sweeps", "resources.runner=ray", f"resources.address='{address.format(port=free_port())}'"
    )
    with pytest.raises(SweepError, match=r"resources\.address") as caught:
        launch(config, progress=False)
    assert says in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert "ray" not in sys.modules or not sys.modules["ray"].is_initialized()


def test_a_host_that_takes_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def swallowed(*_: object) -> Any:
        time.sleep(1)
        raise TimeoutError

    monkeypatch.setattr(addresses.socket, "create_connection", swallowed)
    monkeypatch.setattr(addresses, "CONNECT_SECONDS", 0.1)
    with pytest.raises(SweepError, match=r"nothing answers within 0\.1 s"):
        refuse_unreachable("10.255.255.1:6379")


@pytest.mark.slow
def test_what_listens_and_is_no_ray_is_told_apart(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(SweepError, match="what answers there is no Ray"),
    ):
        refuse_unreachable(f"127.0.0.1:{silent.getsockname()[1]}")
    assert capfd.readouterr() == ("", ""), "Ray logs nothing here"


@contextmanager
def head(home: Path, mode: str) -> Iterator[str]:
    """The address of a cluster of one node, of a user with that home; with the mode "token" it wants theirs."""
    port = free_port()
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
    short = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # its sockets' paths have a limit
    own = ("--num-cpus=2", "--include-dashboard=false", f"--temp-dir={short}", "--node-ip-address=127.0.0.1")
    client = f"--ray-client-server-port={free_port()}"
    environment = {**os.environ, "HOME": str(home), "RAY_AUTH_MODE": mode}
    with (
        (short / "head.log").open("wb") as log,
        subprocess.Popen([*ray, *own, client], env=environment, stdout=log, stderr=log) as started,
    ):
        try:
            until = time.monotonic() + 90
            while b"Ray runtime started" not in (short / "head.log").read_bytes() and time.monotonic() < until:
                time.sleep(0.2)
            yield f"127.0.0.1:{port}"
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(60)
            shutil.rmtree(short, ignore_errors=True)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody whose local sweeps have left a token."""
    home = tmp_path_factory.mktemp("home")
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("5" * 64)
    (home / ".ray" / "auth_token").chmod(0o600)
    return home


@pytest.fixture(scope="module")
def wary(user: Path) -> Iterator[tuple[str, Path]]:
    """A cluster that wants a token, as any does that starts where a local sweep has left one, and the token's home."""
    with head(user, "token") as address:
        yield address, user


def launched(here: Path, address: str, home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    (here / "tiny.yaml").write_text(
        "name: tiny\ndata: {name: digits, train: 200, validation: 100}\n"
        "space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, hidden: 0}\n"
        "search: {finalists: 0, trials: 2, epochs: 1}\n"
        f"resources: {{address: '{address}', workers: 1, precision: float32}}\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_AUTH")}
    return subprocess.run(
        [sys.executable, "-m", "convscape", "launch", "tiny.yaml", *more],
        cwd=here, env={**environment, "HOME": str(home)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_cluster_that_wants_a_token_gets_this_user_s(tmp_path: Path, wary: tuple[str, Path]) -> None:
    ended = launched(tmp_path, *wary)
    assert ended.returncode == 0, ended.stderr
    assert "token" not in ended.stderr


@pytest.mark.slow
def test_another_token_is_said_to_be_what_is_wrong(tmp_path: Path, wary: tuple[str, Path]) -> None:
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("6" * 64)
    ended = launched(tmp_path, wary[0], tmp_path, "--dry-run")
    assert ended.returncode == 4
    assert f"the Ray cluster at {wary[0]} does not take the token of this machine" in ended.stderr
    assert len(ended.stderr.partition("convscape: ")[2].splitlines()) == 2, "after the phases"
    assert not (tmp_path / "sweeps").exists()


@pytest.mark.slow
def test_a_cluster_that_wants_no_token_is_joined_without(tmp_path: Path, user: Path) -> None:
    """Offered all the same the cluster could not talk back, and every worker would die."""
    with head(user, "disabled") as address:
        ended = launched(tmp_path, address, user)
        assert ended.returncode == 0, ended.stderr
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", str(user))
            patch.setenv("RAY_AUTH_MODE", "token")
            with pytest.raises(SweepError, match=r"RAY_AUTH_MODE is token here, and the Ray cluster at .* wants none"):
                refuse_unreachable(address)
