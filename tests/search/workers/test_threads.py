"""The last training takes the machine's CPUs only where that is faster; what nobody hurries is repeated to the bit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.driver.launching import launch
from convscape.search.workers import training_job
from convscape.trainers import Training
from tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Epochs of the training, and numbers of threads, at each time it is asked which of them are faster."""
    found: list[tuple[int, int, int]] = []

    def choose(training: Training, few: int, many: int) -> int:
        found.append((training.epoch, few, many))
        return few

    monkeypatch.setattr(training_job, "faster_threads", choose)
    monkeypatch.setattr(training_job, "cpus_here", lambda: 4)
    return found


FINALS = ("search.finalists=1", "search.seeds=1", "search.trials=2", "search.start=[]")


def test_the_last_training_of_a_timed_sweep_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int, int]]
) -> None:
    run_epoch = Training.run_epoch
    monkeypatch.setattr(Training, "run_epoch", lambda training: replace(run_epoch(training), seconds=1.0))
    launch(tiny(tmp_path, *FINALS, "search.seconds=300"), progress=False)
    assert asked == [(0, 1, 4)]


def test_without_a_clock_equal_sweeps_have_equal_curves(tmp_path: Path, asked: list[tuple[int, int, int]]) -> None:
    launch(tiny(tmp_path, *FINALS), progress=False)
    assert asked == []


def test_an_epoch_that_takes_long_has_it_ask_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int, int]]
) -> None:
    run_epoch = Training.run_epoch

    def slower_and_slower(training: Training) -> Any:
        return replace(run_epoch(training), seconds=1.4**training.epoch)

    monkeypatch.setattr(Training, "run_epoch", slower_and_slower)
    launch(tiny(tmp_path, *FINALS, "search.seconds=300", "search.epochs=6"), progress=False)
    assert [epoch for epoch, *_ in asked] == [0, 3, 6]
