"""One contract for a local folder, a shared path and an S3-compatible server: a killed driver costs no result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from buckets import folder_in
from convscape.search.driver import launch, send_results
from convscape.search.sweep import Sweep
from tiny_sweep import TINY, results, send_nothing, tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).with_name("driver.py")
KILL = 4


class Machines:
    """Machines that share nothing but the folder of sweeps, and MLflow's store."""

    def __init__(self, tmp_path: Path, place: str, store: str, experiment: str) -> None:
        self._path, self.place = tmp_path, place
        (tmp_path / "tiny.yaml").write_text(TINY)
        settings = (f"folder={place}", f"tracking.uri={store}", f"tracking.experiment={experiment}")
        self.launch = ("launch", "tiny.yaml", *(f"--set={setting}" for setting in settings))

    def home(self, machine: str) -> Path:
        home = self._path / machine
        home.mkdir(exist_ok=True)
        return home

    def run(self, machine: str, *arguments: str, kill: int = 0) -> subprocess.CompletedProcess[str]:
        home = str(self.home(machine))
        return subprocess.run(
            [sys.executable, DRIVER, str(kill), *arguments],
            cwd=self._path, capture_output=True, text=True, timeout=240, check=False,
            env={**os.environ, "HOME": home, "XDG_STATE_HOME": f"{home}/state"},
        )  # fmt: skip


@pytest.fixture(params=["local", "file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "local":
        yield str(tmp_path / "sweeps")
        return
    with folder_in(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    with pytest.MonkeyPatch.context() as patched:
        send_nothing(patched)
        return results(launch(tiny(tmp_path_factory.mktemp("undisturbed")), progress=False))


def test_another_machine_goes_on_where_a_killed_driver_was(
    place: str, tmp_path: Path, undisturbed: list[tuple[Any, ...]], database: str, known: Any, experiment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    machines = Machines(tmp_path, place, database, experiment)
    killed = machines.run("first", *machines.launch, kill=KILL)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    ended = machines.run("second", "resume", "tiny", "--folder", place)
    assert ended.returncode == 0, ended.stderr
    monkeypatch.setenv("XDG_STATE_HOME", str(machines.home("third")))
    sweep = Sweep.open("tiny", place)
    assert not sweep.running
    assert send_results(sweep) == 0
    assert results(sweep) == undisturbed
    runs = known.runs(database, experiment)
    assert set(runs) == {None, *(str(record.number) for record in sweep.trials())}
    for record in sweep.trials():
        told = known.points(database, runs[str(record.number)], "accuracy")
        assert told == list(record.accuracies.items())
    assert sweep.network().training is False  # its checkpoint came, too
