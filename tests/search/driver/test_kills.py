"""A sweep, or a design question, whose driver is killed again and again ends as one that was left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from convscape.search.sweep import Sweep
from convscape.trainers.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

TINY = """
name: tiny
data: {name: digits, train: 400, validation: 100}
space: {stages: [1, 2], convolutions: 1, filters: [8, 16], kernel: [3, 5], dropout: 0.0, hidden: [0, 8]}
search: {finalists: 1, seeds: 2, trials: 14, epochs: 9, reduction: 2, seed: 1}
resources: {runner: ray, workers: 1, precision: float32}
"""
QUESTION = """
name: tiny
data: {name: digits, train: 400, validation: 100}
space: {stages: [1, 2], convolutions: 1, filters: [8, 16], kernel: 3, dropout: 0.0, hidden: 0}
search: {epochs: 3, seed: 1}
question: {ask: padding, pairs: 4, seeds: 1, rates: [0.05, 0.2]}
resources: {runner: inline, precision: float32}
"""
KILLS = 20
MARK = "CONVSCAPE_TEST_OF_KILLS"


class Drivers:
    """Starts drivers of one sweep, and knows every process that comes of them by a mark in its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = folder / "sweeps" / "tiny" / "study.jsonl"
        self.mark = f"{MARK}={uuid4()}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "convscape", *arguments],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **dict([self.mark.split("=")])},
        )  # fmt: skip

    def finish(self, *arguments: str) -> None:
        driver = self.start(*arguments)
        said = driver.communicate(timeout=180)[1]
        assert driver.returncode == 0, said

    def kill(self, driver: subprocess.Popen[str], moment: Callable[[], bool], *, workers: bool = False) -> None:
        """As soon as the moment has come; with its `workers`, or leaving those to Ray."""
        until, turns, others = time.monotonic() + 120, 0, []
        while not moment():
            assert driver.poll() is None, f"it ended by itself: {driver.communicate()[1]}"
            assert time.monotonic() < until, "the moment never came"
            turns += 1
            if workers and turns % 100 == 0:  # in time, for looking for them takes longer than a checkpoint
                others = [process for process, title in self.processes().items() if title.startswith("ray::")]
            time.sleep(0.0005)
        for process in others:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        driver.kill()
        driver.communicate()

    def processes(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def gone(self, seconds: float) -> dict[int, str]:
        """Processes that are still there after so many seconds."""
        until = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        return left

    def size(self) -> int:
        return self.study.stat().st_size if self.study.exists() else 0

    def saving(self) -> bool:
        """Whether a worker is in the middle of a checkpoint."""
        return any(self.study.parent.glob("trials/*/.epoch-*"))


@pytest.fixture
def drivers(tmp_path: Path) -> Iterator[Drivers]:
    (tmp_path / "tiny.yaml").write_text(TINY)
    drivers = Drivers(tmp_path)
    yield drivers
    for process in drivers.gone(90.0):
        os.kill(process, signal.SIGKILL)


def fates(sweep: Sweep) -> list[tuple[Any, ...]]:
    return [
        (r.number, r.design.key, r.role, r.state, r.reason, list(r.accuracies.items()), r.attempts)
        for r in sweep.trials()
    ]


def test_twenty_kills_of_the_driver_change_nothing(tmp_path: Path, drivers: Drivers, database: str, known: Any) -> None:
    sets = [f"--set=tracking.uri={database}", "--set=tracking.experiment=killed"]
    drivers.finish("launch", "tiny.yaml", "--set=folder=unbroken", sets[0], "--set=tracking.experiment=unbroken")
    unbroken = Sweep.open("tiny", tmp_path / "unbroken")
    whole = (unbroken.folder / "study.jsonl").stat().st_size
    chance = random.Random(20)  # noqa: S311
    torn, ahead, ended, kept = 0, 0, {}, {}
    for kill, share in enumerate(sorted(chance.uniform(0.02, 0.9) for _ in range(KILLS))):
        runner = "ray" if kill % 5 in (0, 2) else "inline"  # a trial comes to the same in both
        resume = ["resume", "tiny", f"--set=resources.runner={runner}"]
        driver = drivers.start(*(resume if kill else ["launch", "tiny.yaml", *sets]))
        kind = MOMENTS[kill % len(MOMENTS)]
        come = moment(drivers, chance, kind, round(share * whole))
        drivers.kill(driver, come, workers=kind == "in a checkpoint")
        torn += drivers.saving()
        before, kept = kept, checkpoints(drivers.folder / "sweeps" / "tiny")
        again = [at for at in before.keys() & kept.keys() if before[at] != kept[at]]
        assert not again, f"trials and epochs that were trained again: {again}"
        records = Sweep.open("tiny", tmp_path / "sweeps").trials() if drivers.study.exists() else []
        ahead += any(epoch > record.epochs for record in records for number, epoch in kept if number == record.number)
        now = {fate[0]: fate for fate in fates(Sweep.open("tiny", tmp_path / "sweeps")) if fate[3] != "paused"}
        assert ended.items() <= now.items(), "what had ended did not stay so"
        ended = now
    drivers.finish("resume", "tiny")
    drivers.finish("sync", "tiny")
    sweep = Sweep.open("tiny", tmp_path / "sweeps")
    assert fates(sweep) == fates(unbroken)
    assert_told_once(sweep, database, known)
    for record in sweep.trials():
        if record.accuracies and record.state not in UNTRAINED:
            kept_best = Checkpoints(sweep.folder / "trials" / f"{record.number:05d}")
            assert kept_best.best() == kept_best.at(record.best_epoch)
    assert torn, "no kill came in the middle of a checkpoint"
    assert ahead, "no kill came after a checkpoint that the study did not know of"
    assert drivers.gone(90.0) == {}, "processes of a killed driver live on"  # Ray's own, where killed as they start


def test_kills_of_a_question_change_no_answer(tmp_path: Path, drivers: Drivers) -> None:
    (tmp_path / "tiny.yaml").write_text(QUESTION)
    drivers.finish("launch", "tiny.yaml", "--set=folder=unbroken")
    unbroken = Sweep.open("tiny", tmp_path / "unbroken")
    whole = (unbroken.folder / "study.jsonl").stat().st_size
    for kill, share in enumerate((0.2, 0.7)):  # rates are tuned in the first third
        driver = drivers.start(*(["resume", "tiny"] if kill else ["launch", "tiny.yaml"]))
        drivers.kill(driver, lambda share=share: drivers.size() > share * whole)
    drivers.finish("resume", "tiny")
    sweep = Sweep.open("tiny", tmp_path / "sweeps")
    assert fates(sweep) == fates(unbroken)
    assert told(sweep) == told(unbroken)
    assert len(told(sweep)[1]) == 4


def told(sweep: Sweep) -> tuple[Any, ...]:
    """The answer, without the seconds it took."""
    answer = sweep.answer()
    assert answer is not None
    assert answer.ended
    (contrast,) = answer.contrasts
    return answer.rates, contrast.differences, contrast.interval, contrast.p


def checkpoints(folder: Path) -> dict[tuple[int, int], int]:
    """When the checkpoint of each trial and epoch was written, of those that are there."""
    found: dict[tuple[int, int], int] = {}
    for file in folder.glob("trials/*/epoch-*/tensors.safetensors"):
        with suppress(FileNotFoundError):  # a worker that lives on has deleted it meanwhile
            found[int(file.parent.parent.name), int(file.parent.name.removeprefix("epoch-"))] = file.stat().st_mtime_ns
    return found


MOMENTS = ("in the study", "in a checkpoint", "any time", "at the start")


def moment(drivers: Drivers, chance: random.Random, kind: str, size: int) -> Callable[[], bool]:
    """When to kill: while the driver starts; or when the study has come to `size`: at once, a little later, or in the
    middle of the next checkpoint."""
    reached: list[float] = [time.monotonic()] if kind == "at the start" else []
    wait = chance.uniform(0.0, 6.0 if reached else 0.5) if kind in ("at the start", "any time") else 0.0

    def come() -> bool:
        if not reached and drivers.size() > size:
            reached.append(time.monotonic())
        return (
            bool(reached) and time.monotonic() >= reached[0] + wait and (kind != "in a checkpoint" or drivers.saving())
        )

    return come


def assert_told_once(sweep: Sweep, database: str, known: Any) -> None:
    runs = known.runs(database, "killed")  # fails where a trial has two
    trained = {str(record.number): record for record in sweep.trials() if record.state not in UNTRAINED}
    assert set(runs) == {None, *trained}
    assert runs[None].info.status == "FINISHED"
    for number, record in trained.items():
        assert runs[number].info.status == ("FAILED" if record.state == "failed" else "FINISHED")
        assert runs[number].data.tags["convscape.state"] == record.state
        assert known.points(database, runs[number], "accuracy") == sorted(record.accuracies.items())


UNTRAINED = ("duplicate", "infeasible")
