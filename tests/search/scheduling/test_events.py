"""What happened to a trial beside its curve reaches the study, MLflow and whoever opens the sweep again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape.search.config import sweep_file
from convscape.search.driver.launching import launch
from convscape.search.files.append_only import every_entry
from convscape.search.scheduling import Decision, Engine, Report
from convscape.search.sweep import Sweep
from convscape.testing.simulation import config, drive, finish, opened
from convscape.trainers.modules import Network

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet")

TINY = """
name: tiny
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: 4, kernel: 3, dropout: 0.0, hidden: 0, downsampling: max, norm: none}
recipe: {batch_size: 64}
search: {trials: 2, epochs: 3, reduction: 3, seed: 1}
resources: {runner: inline, precision: float32}
"""
HALVED = "epoch 1: out of memory; batches of 64 now go through the network in 2 parts"


def test_a_batch_halved_for_want_of_memory_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Network.forward

    def limited(self: Network, input: torch.Tensor) -> torch.Tensor:
        if self.training and len(input) > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, input)

    monkeypatch.setattr(Network, "forward", limited)
    sweep = launch(sweep_file.parse_sweep_file(TINY, "tiny.yaml", [f"folder={tmp_path}"]), progress=False)
    assert sweep.counts()["failed"] == 0
    for record in Sweep.open("tiny", tmp_path).trials():
        assert len(record.events) == 1, "a promoted trial goes on in the parts it had"
        assert record.events[0].startswith(HALVED)
    entries = [entry for entry in every_entry(sweep.folder / "spool.jsonl") if entry["event"] == "note"]
    told = {
        entry["trial"]: entry["tags"]["convscape.events"] for entry in entries if "convscape.events" in entry["tags"]
    }
    assert told == {record.number: record.events[0] for record in sweep.trials()}


def say(engine: Engine, events: tuple[str, ...]) -> None:
    """Has every report that the engine gets tell of these events, by the way that reports of Ray's workers take."""
    takes_in = engine.report

    def told(report: Report) -> Decision:
        with_events = replace(report, results=tuple(replace(result, events=events) for result in report.results))
        return takes_in(Report.from_json(json.loads(json.dumps(with_events.to_json()))))

    engine.report = told  # pyright: ignore[reportAttributeAccessIssue]


def test_events_of_a_trial_are_kept_over_a_resume_and_told_once(tmp_path: Path) -> None:
    settings = config(search={"trials": 2, "epochs": 4, "reduction": 4})
    engine = opened(tmp_path, settings)
    say(engine, ("one", "two"))
    next(drive(engine))
    again = opened(tmp_path, settings)
    assert again.records[0].events == ("one", "two")
    told: list[Any] = []
    again.ledger.tracker.note = lambda tags, number: told.append((number, tags))  # pyright: ignore[reportAttributeAccessIssue]
    say(again, ("one", "two", "three"))
    records = finish(again, lambda _, epoch: epoch / 10)
    assert all(record.events == ("one", "two", "three") for record in records)
    of_events = [(number, tags) for number, tags in told if "convscape.events" in tags]
    assert sorted(of_events) == [(number, {"convscape.events": "one\ntwo\nthree"}) for number in range(2)]
