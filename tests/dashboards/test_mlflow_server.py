"""MLflow's server is started for a store, found again, and leaves nothing; nobody else's is taken for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.dashboards import mlflow_server
from convscape.dashboards.mlflow_server import RECORD, MlflowServer
from convscape.dashboards.text import pages, status_text
from convscape.search.driver.launching import launch
from convscape.search.tracking.mlflow_store import connect_store, search_runs
from convscape.search.tracking.tracker import sync
from convscape.search.tracking.view import COLUMNS
from convscape.spaces.errors import SweepError
from tiny_sweep import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.sweep import Sweep


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    connect_store(uri).search_experiments()
    return uri


@pytest.fixture
def another() -> Iterator[int]:
    """The port of a program that is no MLflow, and answers everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"run": {"info": {"run_id": "another"}}}')

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_server_that_somebody_started_by_hand_is_found(
    another: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_server, "USUAL_PORT", another)
    found = MlflowServer.running(tmp_path, "another")
    assert found
    assert found.address == f"http://127.0.0.1:{another}"


def test_another_program_on_the_recorded_port_is_not_taken_for_it(another: int, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(json.dumps({"port": another}))
    assert MlflowServer.running(tmp_path, "ours") is None
    assert MlflowServer.running(tmp_path, "another") is not None, "what is asked is the run"


@pytest.mark.parametrize(
    "record", ["", "[]", "{}", '{"port": "80"}', '{"port": true}', '{"port": 65536}', '{"port": 1}', "[" * 10**5]
)
def test_a_record_that_leads_nowhere_is_none(record: str, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(record)
    assert MlflowServer.running(tmp_path, "ours") is None
    assert MlflowServer.running(tmp_path / "absent", "ours") is None


@pytest.mark.parametrize("content", [None, b"Dear diary"])
def test_no_tables_are_made_in_what_is_no_store(content: bytes | None, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    if content:
        database.write_bytes(content)
    with pytest.raises(SweepError, match=r"no database of MLflow|not there any more"):
        MlflowServer.start(tmp_path, f"sqlite:///{database}", "ours")
    assert (database.read_bytes() if database.exists() else None) == content


def test_a_port_that_is_taken_is_refused_at_once(another: int, database: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=f"--port {another}: cannot be had: Address already in use"):
        MlflowServer.start(tmp_path, database, "ours", another)
    assert list(tmp_path.iterdir()) == []


def ui(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        cli.main(["ui", *map(str, arguments)])
    return caught.value.code or 0, *capsys.readouterr()


def test_what_is_not_there_yet_is_said(tmp_path: Path, quiet: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ui("--folder", tmp_path, capsys=capsys)
    assert (code, "no sweep in" in err) == (4, True)
    folder = tmp_path / "of mine"
    launch(tiny(folder), progress=False)
    code, out, err = ui("tiny", "--folder", folder, capsys=capsys)
    assert (code, out) == (4, "")
    assert f"`convscape sync tiny --folder '{folder}'`" in err


@pytest.fixture
def sweep(tmp_path: Path, quiet: None) -> Sweep:
    found = launch(tiny(tmp_path), progress=False)
    assert sync(found.folder) == 0
    return found


@pytest.mark.slow
def test_it_shows_the_sweep_is_found_again_and_leaves_nothing(
    sweep: Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    opened = tmp_path / "opened"
    browser = tmp_path / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "convscape", "ui", "tiny", "--folder", str(tmp_path)]
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "BROWSER": f"{browser} %s", "MLFLOW_STATIC_PREFIX": "/nowhere"},
    )
    try:
        assert started.stdout
        address = started.stdout.readline().strip()
        run = sweep.run_ids()[None]
        assert address.startswith("http://127.0.0.1:")
        assert address.endswith(f"/runs?workflowType=machine_learning&compareRunsMode=TABLE&viewStateShareKey={run}")
        assert ui("tiny", "--folder", tmp_path, "--no-open", capsys=capsys)[:2] == (0, f"{address}\n")
        assert pages(sweep) == [f"convscape ui tiny --folder {tmp_path}", address]
        assert f"convscape ui tiny --folder {tmp_path}" in status_text(sweep)
        assert "viewStateShareKey" not in ui("--folder", tmp_path, "--no-open", capsys=capsys)[1]
    finally:
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 0
        started.stdout and started.stdout.close()
    assert opened.read_text().strip() == address
    for made in (opened, browser):
        made.unlink()
    assert {path.name for path in tmp_path.iterdir()} == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.split(":")[2].partition("/")[0]))) != 0


@pytest.mark.slow
def test_a_store_that_no_mlflow_opens_is_said(sweep: Sweep, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'of another time'")
        database.commit()
    with pytest.raises(SweepError, match="MLflow's server does not start") as caught:
        MlflowServer.start(tmp_path, sweep.tracking_uri, sweep.run_ids()[None] or "")
    assert "of another time" in caught.value.remedy
    assert not (tmp_path / RECORD).exists()


def test_every_column_of_the_view_is_one_of_the_trials(sweep: Sweep) -> None:
    client = connect_store(sweep.tracking_uri)
    experiment = client.get_experiment_by_name("convscape")
    assert experiment
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{sweep.run_ids()[None]}"])
    assert view["orderByKey"] == COLUMNS[0]
    runs = list(search_runs(client, experiment.experiment_id, view["searchFilter"]))
    assert len(runs) == len([trial for trial in sweep.trials() if trial.trained])
    kinds = {"metrics": "metrics", "params": "params", "tags": "tags"}
    known = {f"{kind}.`{key}`" for run in runs for kind in kinds for key in getattr(run.data, kind)}
    assert set(COLUMNS) - known <= {"params.`optimizer`", "params.`batch_size`"}, "settings that are not searched"
    assert set(view["columnWidths"]) <= set(COLUMNS)
