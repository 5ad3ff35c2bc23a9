"""An address that is no job API, or one of another Ray, is told in one screen. Real heads: test_submitted_sweep.py."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import ray
from convscape.search.submission import Head, head as heads
from convscape.spaces import SweepError
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that gives one answer to everything, as another program's would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")  # what is typed goes first
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (404, "not here", "no job API of Ray's"),
        (500, "oh", "no job API of Ray's"),
        (200, "<html>", "no job API of Ray's"),
        (200, "{}", "no job API of Ray's"),
        (200, "[]", "no job API of Ray's"),
        (401, "who?", "does not take the token of this machine"),
        (403, "no", "does not take the token of this machine"),
        (200, json.dumps({"ray_version": "2.9.3"}), f"runs Ray 2.9.3, and here is Ray {ray.__version__}"),
    ],
)
def test_what_answers_is_told_apart(status: int, body: str, says: str) -> None:
    with answering(status, body) as url, pytest.raises(SweepError, match=says) as caught:
        Head(url)
    assert url in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "url", ["10.0.0.1:8265", "ray://h:10001", "auto", "http://", "http://me:secret@h", "http://h/\n"]
)
def test_an_address_is_one_of_http(url: str) -> None:
    with pytest.raises(SweepError, match="is no address of a Ray cluster's job API"):
        Head(url)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SweepError, match=r"nobody answers at .*: connection refused"):
        Head(f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(heads, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(SweepError, match="no answer within seconds"):
        Head(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_the_token_is_looked_for_where_ray_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heads.token_headers() == {}
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("abc\n")
    assert heads.token_headers() == {"Authorization": "Bearer abc"}
    (tmp_path / "other").write_text("def")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    assert heads.token_headers() == {"Authorization": "Bearer def"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "gh\ni")
    with pytest.raises(SweepError, match="no HTTP header"):
        heads.token_headers()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(SweepError, match=r"RAY_AUTH_TOKEN_PATH: .* cannot be read"):
        heads.token_headers()
