"""A sweep that another is to replace is there until that one has ended with a result, whatever kills that."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from convscape.dashboards.text import status_json, status_text, sweep_lines, sweeps_table
from convscape.search.driver import folder as sweep_folders, launching as sweeps
from convscape.search.driver.launching import launch, resume
from convscape.search.sweep import Sweep
from convscape.search.workers.training_job import TrainingJob
from convscape.spaces.errors import SweepError
from tiny_sweep import TINY, results, tiny

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet")

REPLACING = """
import pathlib, sys, time
from convscape.search.config import parse_sweep_file
from convscape.search.driver.folder import new_folder
from convscape.search.driver.interrupts import terminable
config = parse_sweep_file(pathlib.Path("tiny.yaml").read_text(), "tiny.yaml", ["folder=."])
with terminable(), new_folder(config, replace=True):
    for trained in sys.argv[1:]:
        (config.sweep_folder / trained).mkdir()
    print("begun", flush=True)
    time.sleep(600)
"""


class Replacing:
    """Sweeps in a folder, one of them finished; and the processes that begin to replace it and are ended."""

    def __init__(self, folder: Path, before: list[Any]) -> None:
        self.folder, self.before = folder, before

    def ended_by(self, number: int, *trained: str, ignoring: bool = False) -> int:
        (self.folder / "tiny.yaml").write_text(TINY)
        command = [sys.executable, "-c", REPLACING, *trained]
        process = subprocess.Popen(
            ["nohup", *command] if ignoring else ["env", "--default-signal=HUP", *command],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            process.send_signal(number)
            if ignoring:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.5)
            else:
                process.wait(60)
        finally:
            process.kill()
            process.communicate()
        (self.folder / "tiny.yaml").unlink()
        return process.returncode

    @property
    def there(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if not path.name.startswith("mlflow")}

    def is_whole(self, name: str = "tiny") -> bool:
        """Whether the finished sweep is what is there under a name."""
        if name != "tiny":
            shutil.copytree(self.folder / name, self.folder / "looked-at" / "tiny")
        found = results(Sweep.open("tiny", self.folder if name == "tiny" else self.folder / "looked-at"))
        shutil.rmtree(self.folder / "looked-at", ignore_errors=True)
        return found == self.before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    launch(tiny(folder, "search.trials=1"), progress=False)
    return folder / "tiny"


@pytest.fixture
def replacing(tmp_path: Path, finished: Path) -> Replacing:
    shutil.copytree(finished, tmp_path / "tiny")
    return Replacing(tmp_path, results(Sweep.open("tiny", finished.parent)))


def interrupted_at_once(config: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweeps, "_train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            launch(config, progress=False, **options)


def test_a_closed_terminal_puts_it_back(replacing: Replacing) -> None:
    assert replacing.ended_by(signal.SIGHUP) == -signal.SIGINT  # as after Ctrl-C
    assert replacing.there == {"tiny"}
    assert replacing.is_whole()


def test_a_closed_terminal_is_nothing_to_one_that_nohup_started(replacing: Replacing) -> None:
    assert replacing.ended_by(signal.SIGHUP, ignoring=True) == -signal.SIGKILL
    assert replacing.is_whole(".tiny.former")


def test_a_second_replacement_puts_back_what_a_killed_one_left(
    replacing: Replacing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert replacing.ended_by(signal.SIGKILL) == -signal.SIGKILL
    assert replacing.there == {"tiny", ".tiny.former"}
    interrupted_at_once(tiny(replacing.folder), monkeypatch, replace=True)
    assert "the sweep that was there is kept" in capfd.readouterr().err
    assert replacing.there == {"tiny"}
    assert replacing.is_whole()


def test_it_is_kept_as_well_as_a_replacement_that_has_trained(
    replacing: Replacing, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing.ended_by(signal.SIGKILL, "trials")
    interrupted_at_once(tiny(replacing.folder), monkeypatch, replace=True)
    assert replacing.there == {"tiny", ".tiny.former"}
    assert (replacing.folder / "tiny" / "trials").exists()
    assert replacing.is_whole(".tiny.former")
    replacing.ended_by(signal.SIGKILL, "trials")
    assert replacing.there == {"tiny", ".tiny.former", ".tiny.former-2"}
    launch(tiny(replacing.folder, "search.trials=1"), replace=True, progress=False)
    assert replacing.there == {"tiny"}


def test_it_goes_when_the_sweep_that_was_killed_is_resumed_to_its_end(replacing: Replacing) -> None:
    replacing.ended_by(signal.SIGKILL)
    assert replacing.is_whole(".tiny.former")
    resumed = resume("tiny", replacing.folder, overrides=["search.trials=2"], progress=False)
    assert len(resumed.trials()) == 2
    assert replacing.there == {"tiny"}


def test_it_is_told_of_and_the_command_puts_it_back(replacing: Replacing) -> None:
    replacing.ended_by(signal.SIGKILL)
    sweep = Sweep.open("tiny", replacing.folder)
    (line,) = sweep_lines(replacing.folder)
    assert line.state == "died"
    command = status_json(sweep)["put_back"]
    assert line.put_back
    assert command in status_text(sweep)
    assert line.put_back in sweeps_table([line])
    for typed in (command, line.put_back):
        assert ".tiny.former" in typed
    subprocess.run(["sh", "-c", line.put_back], check=True)
    assert replacing.there == {"tiny"}
    assert replacing.is_whole()


@pytest.mark.parametrize("empty", [False, True])
def test_a_kill_before_the_new_sweep_began_is_made_good_by_the_next_launch(replacing: Replacing, empty: bool) -> None:
    (replacing.folder / "tiny").rename(replacing.folder / ".tiny.former")
    if empty:
        (replacing.folder / "tiny").mkdir()
    (line,) = sweep_lines(replacing.folder)
    assert (line.name, line.state) == ("tiny", "unreadable")
    with pytest.raises(SweepError, match="put aside") as caught:
        Sweep.open("tiny", replacing.folder)
    assert "mv " in (caught.value.remedy or "")
    with pytest.raises(SweepError, match="already in"):
        launch(tiny(replacing.folder), progress=False)
    assert replacing.there == {"tiny"}
    assert replacing.is_whole()


def test_one_without_a_result_replaces_nothing(
    replacing: Replacing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_: TrainingJob) -> Any:
        raise RuntimeError("no such kernel")

    with monkeypatch.context() as patch:
        patch.setattr(TrainingJob, "epoch", broken)
        launch(tiny(replacing.folder, "search.trials=1"), replace=True, progress=False)
    assert replacing.is_whole(".tiny.former")
    assert "To put that back: rm -r " in capfd.readouterr().err


def test_an_error_of_a_sweep_that_has_trained_tells_of_it(
    replacing: Replacing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    train = sweeps._train

    def fails(*arguments: Any) -> None:
        train(*arguments)
        raise SweepError("the disk is gone", "Get it back.")

    monkeypatch.setattr(sweeps, "_train", fails)
    with pytest.raises(SweepError, match="disk"):
        launch(tiny(replacing.folder, "search.trials=1"), replace=True, progress=False)
    assert replacing.is_whole(".tiny.former")
    assert "To put that back: rm -r " in capfd.readouterr().err


def test_a_folder_of_somebody_else_is_left_alone(replacing: Replacing) -> None:
    other = replacing.folder / ".tiny.former"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    assert not sweep_folders.former_sweeps(replacing.folder / "tiny")
    launch(tiny(replacing.folder, "search.trials=1"), replace=True, progress=False)
    assert (other / "mine.txt").read_text() == "mine"
    assert replacing.there == {"tiny", ".tiny.former"}
