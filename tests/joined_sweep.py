"""A sweep by `convscape launch` on a real cluster of `raylets`, to be compared with one that nothing happened to."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from convscape.search.sweep import Sweep
from tiny_sweep import results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from raylets import Raylets

SLOW_ENOUGH = """
name: tiny
data: {name: digits, train: 1300, validation: 100}
space: {stages: 1, convolutions: 1, filters: [24, 32], kernel: [5, 7], dropout: 0.0, hidden: [0, 8]}
search: {finalists: 0, trials: 5, epochs: 8, reduction: 2, seed: 1, sampler: random}
resources: {workers: 1, precision: float32}
"""


def undisturbed(here: Path, file: str = SLOW_ENOUGH) -> Sweep:
    """The same sweep, trained in one process."""
    (here / "tiny.yaml").write_text(file)
    command = [sys.executable, "-m", "convscape", "launch", "tiny.yaml", "--set=resources.runner=inline"]
    ended = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return Sweep.open("tiny", here / "sweeps")


class Driver:
    """`convscape launch` as a process of its own."""

    def __init__(self, here: Path, cluster: Raylets, *words: str, file: str = SLOW_ENOUGH) -> None:
        self.folder = here / "sweeps"
        (here / "tiny.yaml").write_text(file)
        self._here, self._cluster = here, cluster
        self.process = self.run("launch", "tiny.yaml", "--address", cluster.address, *words)

    def run(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "convscape", *words], cwd=self._here, env=self._cluster.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def resumes(self, cluster: Raylets | None = None, *words: str) -> None:
        """Goes on after the process has ended, on another cluster where one is given, with more options of `resume`."""
        if cluster:
            self._cluster = cluster
        self.process = self.run("resume", "tiny", "--address", self._cluster.address, *words)

    def told(self) -> int:
        """How many epochs the study has been told of."""
        study = self.folder / "tiny" / "study.jsonl"
        return study.read_text().count('"step"') if study.exists() else 0

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """Waits until it gives something, and gives that."""
        until = time.monotonic() + 240
        while not (found := what()):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until, "it does not come"
            time.sleep(0.05)
        return found

    def ends_as(self, untouched: Sweep) -> Sweep:
        """Waits for the end, and compares what was trained."""
        sweep = self.ends()
        assert results(sweep) == results(untouched)
        return sweep

    def ends(self) -> Sweep:
        """Waits for the end of a sweep whose every epoch was told once."""
        said = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, said
        sweep = Sweep.open("tiny", self.folder)
        assert self.told() == sum(record.epochs for record in sweep.trials()), "an epoch was told twice"
        return sweep


@contextmanager
def running(here: Path, cluster: Raylets, *words: str, file: str = SLOW_ENOUGH) -> Iterator[Driver]:
    """A driver in the folder `here`, with more options of `launch`, which is killed at the end where it still runs."""
    driver = Driver(here, cluster, *words, file=file)
    try:
        yield driver
    finally:
        driver.process.kill()
        driver.process.communicate()
