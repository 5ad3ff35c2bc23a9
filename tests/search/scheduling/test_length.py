"""How long the longest trials are trained, where nobody says."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import SearchConfig, SweepConfig
from convscape.search.files import STUDY
from convscape.search.scheduling import Decision, Length
from convscape.search.scheduling.length import OPEN
from convscape.testing.simulation import config, finish, good, opened, report, result
from hypothesis import given, strategies as st

if TYPE_CHECKING:
    from pathlib import Path


def auto(**search: Any) -> SweepConfig:
    return config(search={"epochs": "auto", "seconds": 1000, "trials": 14, **search})


@given(st.floats(1, 1e7), st.floats(1, 1e7))
def test_more_time_never_means_a_shorter_length(one: float, other: float) -> None:
    length = Length(SearchConfig(), 5000, timed=True)
    few, many = sorted((one, other))
    assert 3 <= length.suited(few) <= length.suited(many) <= max(length.suited(1e9), 81)


@pytest.mark.parametrize(("images", "epochs", "rung"), [(150, 81, 50), (5000, 19, 2), (60_000, 9, 1)])
def test_without_a_time_budget_the_number_of_images_decides(images: int, epochs: int, rung: int) -> None:
    length = Length(SearchConfig(), images, timed=False)
    assert (length.epochs, length.first_rung) == (epochs, rung)


def test_what_the_sweep_file_says_holds() -> None:
    length = Length(SearchConfig(epochs=9, first_rung=2), 5000, timed=True, chosen={"epochs": 5})
    assert (length.epochs, length.first_rung, length.known) == (9, 2, True)


def test_it_is_chosen_by_the_first_epochs_kept_and_read_by_a_resume(tmp_path: Path) -> None:
    settings = auto(first_rung=1)
    engine = opened(tmp_path, settings, deadline=float("inf"))
    engine.time_budget.deadline = None
    jobs = [engine.next() for _ in range(3)]
    assert all(job is not None and job.epochs == OPEN for job in jobs), "nobody knows yet"
    engine.time_budget.deadline = time.monotonic() + 100
    for job in jobs:
        assert job is not None
        assert report(engine, job.number, result(1, 0.5 - job.number / 10)) is Decision.PAUSE
    # 100 s, three at a time, an epoch in 0.5 s: 600 epochs, so 1.25·√600
    assert engine.length.epochs == 31
    kept = [json.loads(line) for line in (tmp_path / STUDY).read_text().splitlines()]
    assert any(line.get("user_attr", {}).get("length", {}).get("epochs") == 31 for line in kept)
    again = opened(tmp_path, settings)
    assert again.length.epochs == 31
    job = again.next()
    assert job is not None
    assert job.epochs == 31


def test_a_job_given_out_before_the_length_was_known_is_given_out_again(tmp_path: Path) -> None:
    engine = opened(tmp_path, auto(promotion="none"))
    jobs = [engine.next() for _ in range(3)]
    engine.time_budget.deadline = time.monotonic() + 10
    for job in jobs[:2]:
        assert job is not None
        assert report(engine, job.number, result(1, 0.5)) is Decision.CONTINUE
    assert jobs[2] is not None
    assert report(engine, jobs[2].number, result(1, 0.5)) is Decision.PAUSE, "its rate would never go down"
    assert jobs[0] is not None
    assert report(engine, jobs[0].number, result(2, 0.5)) is Decision.PAUSE
    numbers = [job.number for job in (engine.next(), engine.next()) if job and job.epochs == engine.length.epochs]
    assert numbers == [jobs[2].number, jobs[0].number]


def test_without_a_time_budget_one_seed_is_one_sweep(tmp_path: Path) -> None:
    settings = config(search={"epochs": "auto", "trials": 6})
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (finish(opened(tmp_path / name, settings), good) for name in "ab")
    assert [record.accuracies for record in one] == [record.accuracies for record in other]
    assert max(record.epochs for record in one) == 81
