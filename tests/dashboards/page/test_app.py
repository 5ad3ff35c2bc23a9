"""The server of pages: what it answers, whom, and that it has no way to change anything."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from convscape.cli import main
from convscape.dashboards import is_loopback
from convscape.dashboards.page import FolderOfSweeps, StoreOfSweeps
from convscape.dashboards.page.hosts import names_of_this_machine
from convscape.dashboards.page.server import serve
from convscape.search.tracking import connect_store
from convscape.spaces import SweepError
from servers import Server

from .conftest import served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.dashboards.text import SweepLine


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


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "0x7f.1",
        "[::1",
        "",
        "a b",
    ],
)
def test_another_host_s_name_is_refused_with_what_to_do(address: str, host: str) -> None:
    status, headers, body = ask(address, "/", host=host)
    assert status == 400
    assert body == f"This is not served under the name {host!r}. Open it by its address: {address}\n"
    assert (headers["content-type"], headers["x-frame-options"]) == ("text/plain; charset=utf-8", "DENY")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8050", "192.0.2.7", "[::1]:8050", "[fe80::1]", "localhost:9", "LocalHost", "desk.", "Desk:8050"]
)
def test_addresses_and_this_machine_s_names_are_answered(address: str, host: str) -> None:
    assert ask(address, "/?sweep=large", host=host)[0] == 200


def test_a_machine_s_names_are_its_own() -> None:
    names = names_of_this_machine("Desk.example")
    assert names >= {"desk.example", "localhost", socket.gethostname().lower()}
    assert "evil.example" not in names


def test_who_is_told_that_it_is_ready_can_connect(folder: Path) -> None:
    def connect(address: str) -> None:
        parts = urlsplit(address)
        socket.create_connection((parts.hostname, parts.port), timeout=5).close()
        raise InterruptedError

    with pytest.raises(InterruptedError):
        serve(FolderOfSweeps(folder), ready=connect)


def test_all_sweeps_of_a_folder_are_listed(folder: Path) -> None:
    with served(folder) as address:
        body = ask(address, "/")[2]
        assert 'href="/?sweep=large"' in body
        assert 'href="/?sweep=other"' in body
        assert ask(address, "/?sweep=nix")[0] == 404


class Away:
    """Sweeps of a store that does not answer."""

    only, place = (), "the store"

    def lines(self) -> list[SweepLine]:
        raise SweepError("it does not answer", "Start it.")

    def content(self, names: object) -> dict[str, object]:
        raise SweepError(f"{names}: it does not answer", "Start it.")

    progress = content


@pytest.mark.parametrize("path", ["/", "/?list", "/?sweep=nix"])
def test_a_store_that_is_away_is_said_on_the_page(path: str) -> None:
    with serving(Away()) as address:
        status, headers, body = ask(address, path)
    assert (status, headers["x-frame-options"]) == (503, "DENY")
    assert "it does not answer" in body
    assert "convscape launch" not in body, "nobody knows whether there is a sweep"


def test_a_server_of_mlflow_that_ends_later_is_said_on_the_page(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = connect_store(uri)
    client.create_run(client.create_experiment("pictures"), tags={"convscape.sweep": "odd", "convscape.spool": "1"})
    server = Server(uri, tmp_path)
    server.start()
    sweeps = StoreOfSweeps(uri=server.uri, experiment="pictures")
    try:
        with serving(sweeps) as address:
            assert 'href="/?sweep=odd"' in ask(address, "/?list")[2]
            server.kill()
            sweeps._listed = None  # as it is some seconds later
            status, _, body = ask(address, "/?list")
    finally:
        server.kill()
    assert status == 503
    assert "does not answer" in body


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
