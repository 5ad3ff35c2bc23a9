"""The server of pages: what it answers, whom, and that it has no way to change anything."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from convscape.cli import main
from convscape.dashboards.page.server import is_loopback

from .conftest import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder, "large") as address:
        yield address


def ask(address: str, path: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request(method, path, headers={"Host": host, "Connection": "close"})
    answer = connection.getresponse()
    found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()
    connection.close()
    return found


def test_it_serves_the_sweep_that_was_named(address: str) -> None:
    status, headers, _ = ask(address, "/")
    assert (status, headers["location"]) == (307, "/?sweep=large"), "a reload is of the same, whatever comes meanwhile"
    status, headers, body = ask(address, "/?sweep=large")
    assert status == 200
    assert '<h1 id="title">large</h1>' in body
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert headers["cache-control"] == "no-store"


def test_what_is_new_comes_as_json(address: str) -> None:
    content = json.loads(ask(address, "/api/content?sweep=large")[2])
    assert content["count"] == len(content["rows"]["trial"]) == 60
    told = json.loads(ask(address, "/api/progress?sweep=large")[2])
    assert told["sweeps"][0]["state"] == "ended"
    assert told["version"] == json.loads(ask(address, "/api/progress?sweep=large")[2])["version"]


@pytest.mark.parametrize("path", ["/?sweep=other", "/api/content?sweep=other", "/api/progress?sweep=nix"])
def test_a_sweep_that_is_not_shown_is_said_not_to_be(address: str, path: str) -> None:
    status, _, body = ask(address, path)
    assert status == 404
    assert "is not shown here" in body


@pytest.mark.parametrize("path", ["/", "/api/content", "/api/progress"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_but_reading_is_answered(address: str, path: str, method: str) -> None:
    assert ask(address, path, method)[0] == 405


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/../config.json", "/static/page.html", "/?sweep=../large"])
def test_nothing_else_is_there(address: str, path: str) -> None:
    assert ask(address, path)[0] == 404


def test_another_host_s_name_is_refused(address: str) -> None:
    assert ask(address, "/", host="evil.example")[0] == 400


def test_all_sweeps_of_a_folder_are_listed(folder: Path) -> None:
    with served(folder) as address:
        body = ask(address, "/")[2]
        assert 'href="/?sweep=large"' in body
        assert 'href="/?sweep=other"' in body
        assert ask(address, "/?sweep=nix")[0] == 404


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with served(tmp_path) as address:
        assert "convscape launch SWEEP.yaml" in ask(address, "/")[2]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    with pytest.raises(SystemExit) as ended:
        main(["dashboard", *arguments])
    return ended.value.code, capsys.readouterr().err


def test_a_port_in_use_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = refused(capsys, "--folder", str(folder), "--port", port)
    assert code == 4
    assert f"--port {port} of 127.0.0.1 cannot be had: Address already in use" in said
    assert "Leave --port out" in said


def test_bad_input_is_told_before_anything_is_served(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no sweep 'larg'" in refused(capsys, "larg", "--folder", str(folder))[1]
    assert "there is no folder" in refused(capsys, "--folder", str(folder / "nix"))[1]
    assert "no address of this machine" in refused(capsys, "--folder", str(folder), "--host", "nix.invalid")[1]
    assert "--experiment" in refused(capsys, "--experiment", "x")[1]
    assert "does not answer" in refused(capsys, "--uri", "http://127.0.0.1:1")[1]


def test_who_listens_to_others_is_told_what_that_means(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = refused(capsys, "--folder", str(folder), "--host", "192.0.2.1")  # an address that no machine has
    assert "Anyone who can reach 192.0.2.1 can read this" in said
    assert "cannot be had" in said or "192.0.2.1:" in said


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.1", False)],  # noqa: S104
)
def test_which_addresses_are_this_machine_s_alone(host: str, here: bool) -> None:
    assert is_loopback(host) is here
