"""A registered model on a real MLflow server, served by `mlflow models serve` and asked by HTTP, as a client would."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.tracking import registry
from convscape.search.tracking.bundle_upload import files_of, log_bundle
from convscape.search.tracking.mlflow_store import connect_store
from convscape.search.tracking.registry import register_bundle
from convscape.search.tracking.tracker import Tracker
from convscape.spaces.errors import SweepError
from servers import Server, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

AGAIN = "Register it again."
ALONE = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "convscape":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
"""
"""A `sitecustomize.py` with which no process has this project."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all, for it takes half a minute to start on a busy machine; a test has an experiment of its own."""
    home = tmp_path_factory.mktemp("server")
    (home / "files").mkdir()
    server = Server(f"sqlite:///{home}/server.db", home / "files")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def tracker(server: Server, folder: Path, experiment: str, known: Any) -> Iterator[Tracker]:
    """Of a sweep whose own run is on the server; the process that sends its results goes on."""
    tracker = Tracker(folder, uri=server.uri, experiment=experiment, sweep="digits")
    known.begin(tracker)
    assert tracker.flush(60) == 0
    yield tracker
    tracker.close()


class Served:
    """`mlflow models serve` on a free port of 127.0.0.1, where this project cannot be imported."""

    def __init__(self, model: str, uri: str, home: Path) -> None:
        (home / "sitecustomize.py").write_text(ALONE)
        programs = Path(sys.executable).parent
        self.environment = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(home),
            "MLFLOW_TRACKING_URI": uri,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self.port = free_port()
        command = [programs / "mlflow", "models", "serve", "-m", model, "--env-manager", "local"]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        self.log = home / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=home, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=2):
                return
            time.sleep(0.2)
        raise AssertionError(f"the model is not served:\n{self.log.read_text()[-2000:]}")

    def ask(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer to a body that is sent as JSON."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/invocations",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - 127.0.0.1
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def sent(pictures: list[bytes]) -> list[str]:
    return [base64.b64encode(picture).decode() for picture in pictures]


def test_pictures_over_http_are_classified_as_by_the_exported_file(
    server: Server, tracker: Tracker, bundle: Path, pictures: dict[str, bytes], as_its_file_says: Any, agree: Any,
    tmp_path: Path,
) -> None:  # fmt: skip
    registered = register_bundle(
        server.uri, tracker.parent_run_id, bundle, name="digits", alias="champion", again=AGAIN
    )
    served = Served(registered.uri, server.uri, tmp_path)
    try:
        served.wait()
        without = [sys.executable, "-c", "import convscape"]
        assert subprocess.run(
            without, env=served.environment, cwd=tmp_path, check=False, capture_output=True
        ).returncode
        expected = as_its_file_says(bundle, pictures)
        data = sent(list(pictures.values()))
        for body in (
            {"dataframe_split": {"columns": ["image"], "data": [[each] for each in data]}},
            {"dataframe_records": [{"image": each} for each in data]},
            {"inputs": {"image": data}},
            {"instances": [{"image": each} for each in data]},
        ):
            status, answer = served.ask(body)
            assert status == 200, answer
            assert agree(answer["predictions"], expected)

        (tmp_path / "a.png").write_bytes(pictures["a.png"])
        alone = [sys.executable, str(bundle / "model.py"), str(tmp_path / "a.png")]
        said = subprocess.run(alone, env=served.environment, check=True, capture_output=True, text=True).stdout
        assert f"{expected[0]['label']} {expected[0]['probability']:.1%}" in said

        some = [pictures["a.png"], pictures["a.png"][:60], b"no picture"]
        status, answer = served.ask(
            {"dataframe_split": {"columns": ["image"], "data": [[each] for each in sent(some)]}}
        )
        assert status == 400
        assert "row 1: " in answer["message"]
        assert "row 2: cannot identify image file" in answer["message"]
        assert "row 0" not in answer["message"]
        for body in (
            {"dataframe_split": {"columns": ["picture"], "data": [[data[0]]]}},
            {"dataframe_split": {"columns": ["image"], "data": [["a.png"], [None]]}},
            {"dataframe_records": [{"image": "a.png"}]},
        ):
            assert served.ask(body)[0] == 400
        assert served.ask({"dataframe_records": [{"image": data[0]}]})[0] == 200
    finally:
        served.stop()


def test_versions_and_files_on_a_server_while_the_sweep_is_sent(
    server: Server, tracker: Tracker, bundle: Path, known: Any, folder: Path, experiment: str, tmp_path: Path
) -> None:
    for number in range(6):
        known.trial(tracker, number)
    run_id = tracker.parent_run_id
    assert log_bundle(server.uri, run_id, bundle, trial=12, again=AGAIN) == "export/0012"
    first, second = (
        register_bundle(server.uri, run_id, bundle, name="Digits, 8x8", alias="champion", again=AGAIN) for _ in range(2)
    )
    known.end(tracker, 6)
    assert tracker.flush(60) == 0
    known.assert_exactly_once(server.uri, experiment, 6, folder)
    assert [(each.version, each.former) for each in (first, second)] == [(1, None), (2, 1)]
    client = connect_store(server.uri)
    assert int(client.get_model_version_by_alias("Digits, 8x8", "champion").version) == 2
    found = Path(client.download_artifacts(str(run_id), "export/0012", str(tmp_path)))
    assert {name: (found / name).read_bytes() for name in files_of(bundle)} == {
        name: path.read_bytes() for name, path in files_of(bundle).items()
    }
    (bundle.parent / "again").mkdir()
    (bundle.parent / "again" / "other.txt").write_text("another export")
    log_bundle(server.uri, run_id, bundle.parent / "again", trial=12, again=AGAIN)
    assert [each.path for each in client.list_artifacts(str(run_id), "export/0012")] == ["export/0012/other.txt"]


def test_a_server_that_stops_in_the_middle(
    server: Server, tracker: Tracker, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = tracker.parent_run_id

    def save_and_stop(*arguments: Any) -> None:
        save_model(*arguments)
        server.kill()

    save_model = registry.save_model
    with monkeypatch.context() as patched:
        patched.setattr(registry, "save_model", save_and_stop)
        with pytest.raises(SweepError, match=r"is not registered in MLflow as stopped: .*Connection") as caught:
            register_bundle(server.uri, run_id, bundle, name="stopped", alias="champion", again=AGAIN)
    assert caught.value.remedy == AGAIN
    with pytest.raises(SweepError, match=r"is not in MLflow: .*Connection"):
        log_bundle(server.uri, run_id, bundle, trial=12, again=AGAIN)
    server.start()
    assert register_bundle(server.uri, run_id, bundle, name="stopped", alias="champion", again=AGAIN).version == 1
