"""benchmarks/scale.py: its simulated workers on a small driver, and how it counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from convscape.benchmarks.scale.driver import Load, take
from convscape.benchmarks.scale.held import held, slots
from convscape.benchmarks.scale.once import Faults, faults, in_study
from tiny_sweep import send_nothing

if TYPE_CHECKING:
    from pathlib import Path


def test_a_driver_takes_in_each_result_of_its_simulated_workers_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_nothing(monkeypatch)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    taken = take(Load(folder=str(tmp_path), uri=uri, workers=5, seconds=0.6, patience=60.0, sampler="random"))
    assert taken.workers == 5
    assert taken.results >= taken.jobs > 0
    assert taken.study == Faults(lost=0, twice=0)
    assert taken.unsent == 1.0
    study = tmp_path / "driver" / "study.jsonl"
    told = in_study(study.parent)
    result = next(line for line in study.read_text().splitlines() if '"step"' in line)
    with study.open("a") as file:
        file.write(result + "\n")
    assert faults(in_study(study.parent), told) == Faults(lost=0, twice=1)
    assert faults(told, {*told, (10_000, 1)}) == Faults(lost=1, twice=0)


LOG = """
launch 0
join a n1 0 1
join b n2 1 1
begin b 7 1 20
end b 7 1 22
begin b 7 2 23
join c n3 1 30
begin c 7 1 34
end c 7 1 36
begin c 7 2 36
end c 7 2 38
""".strip().splitlines()


def test_slots_are_held_from_their_joining_to_their_removal() -> None:
    found = held(slots(LOG, {"n2": 24.0}, begun=10.0, ended=40.0))
    assert found.trained == 4.0, "of an epoch that was trained again the later one counts"
    assert found.in_vain == 3.0, "the earlier one, and the second that was cut off"
    assert found.before == (20.0 - 10.0) + (34.0 - 30.0)
    assert (found.between, found.after) == (1.0, 2.0)
    assert found.all == (24.0 - 10.0) + (40.0 - 30.0)
    assert found.share == pytest.approx(4 / 24)


def test_a_node_without_cpus_or_that_trained_nothing() -> None:
    assert not slots(["join head h 0 1"], {}, 2.0, 9.0)
    found = held(slots(["join b n2 1 5"], {}, 2.0, 9.0))
    assert (found.before, found.all, found.share) == (4.0, 4.0, 0.0)


def test_an_epoch_that_is_there_again_counts_as_twice() -> None:
    assert faults(Counter({(1, 1): 3, (1, 2): 1}), [(1, 1), (1, 2), (2, 1)]) == Faults(lost=1, twice=2)
