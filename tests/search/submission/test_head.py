"""An address that is no job API, or one of another Ray, is told in one screen. Real heads: test_submitted_sweep.py."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import ray
from aiohttp import web
from convscape.search.submission import Head, head as heads
from convscape.spaces import SweepError
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def answering(status: int, body: str, *, token: str = "", offered: list[str] | None = None) -> Iterator[str]:
    """A server that gives one answer to everything, as another program's would; where it wants a token, to who has it.

    Each token that comes, or "", goes into `offered`.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came = self.headers.get("Authorization", "")
            if offered is not None:
                offered.append(came)
            if token and came != f"Bearer {token}":
                self.send_error(401)
                return
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


VERSION = json.dumps({"ray_version": ray.__version__, "version": "4", "ray_commit": ""})


def test_a_token_is_offered_to_who_asks_for_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "abc")
    for wanted, offers in (("", {""}), ("abc", {"", "Bearer abc"})):
        offered: list[str] = []
        with answering(200, VERSION, token=wanted, offered=offered) as url:
            Head(url)
        assert not offered[0]
        assert set(offered) == offers
    other = "def"
    with answering(200, VERSION, token=other) as url, pytest.raises(SweepError, match="does not take the token"):
        Head(url)


@contextmanager
def breaking_off() -> Iterator[str]:
    """The job API of a head whose stream of a log breaks off, and which fails to answer once, before it is well."""
    streams, looks = 0, 0

    async def version(_: web.Request) -> web.Response:
        return web.Response(text=VERSION)

    async def job(_: web.Request) -> web.Response:
        nonlocal looks
        looks += 1
        if looks == 1:
            return web.Response(status=503, text="no head behind this proxy")
        state = "RUNNING" if streams < 3 else "SUCCEEDED"
        return web.json_response({"type": "SUBMISSION", "submission_id": "j", "status": state, "entrypoint": "x"})

    async def log(request: web.Request) -> web.WebSocketResponse:
        nonlocal streams
        streams += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("one\ntw")
        if streams == 1:
            request.transport.abort()
        elif streams == 2:
            await socket.send_str("o\nth")
            request.transport.abort()
        else:
            await socket.send_str("o\nthree\n")
        await socket.close()
        return socket

    app = web.Application()
    app.add_routes([web.get("/api/version", version), web.get("/api/jobs/j", job)])
    app.add_routes([web.get("/api/jobs/j/logs/tail", log)])
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)
    loop.run_until_complete(runner.setup())
    port = free_port()
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", port).start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.filterwarnings("ignore:ssl=None:DeprecationWarning")  # by Ray
def test_each_part_of_a_log_comes_once_though_its_stream_breaks_off() -> None:
    parts: list[str] = []
    with breaking_off() as url:
        job = Head(url).follow("j", parts.append)
    assert "".join(parts) == "one\ntwo\nthree\n"
    assert job.state == "SUCCEEDED"
