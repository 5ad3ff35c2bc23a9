"""What every tracker must hold to: subclass `TrackerContract`, say how one is made and what arrived, and its tests run.

A tracker is told by the engine (`trial_started`, `epoch`, `note`, `trial_resumed`, `trial_ended`), the progress
callback (`summary`, `flushed_lines`) and the launch (`start`, `trial_paused`, `finish`, `flush`, `close`). No call may
raise or wait for a store, and what is told twice counts once: a resumed sweep repeats itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ..search.driver import ProgressCallback, SweepState
from ..search.proposals import DesignSpace
from ..search.records import ranked
from ..search.scheduling import Engine
from ..search.study import Study
from ..search.tracking import TrackedDataset, TrialStart
from .simulation import accuracy, config, drive, good

if TYPE_CHECKING:
    from pathlib import Path

STATES = ("completed", "stopped", "failed", "interrupted")
DATASETS = [
    TrackedDataset(
        name=f"digits ({context})",
        digest="f1e2",
        context=context,
        source_type="local",
        source={"uri": "/data/digits"},
        profile={"images": 100},
    )
    for context in ("training", "validation")
]


@dataclass
class ArrivedRun:
    """What arrived of one run: the sweep's own, or a trial's."""

    ended: bool
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    datasets: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, digest and context of each."""


class TrackerContract:
    """A tracker, such as `search.tracking.Tracker`: override `make_tracker` and `arrived`, and its tests run.

    They tell it sweeps, some of them twice, kill and make it anew, and compare what arrived with what was told.
    """

    def make_tracker(self, folder: Path) -> Any:
        """A tracker of the sweep in `folder`; made there again, it goes on where the former ended."""
        raise NotImplementedError

    def arrived(self, folder: Path) -> dict[int | None, ArrivedRun]:
        """All that was told of the sweep in `folder`, by the trials' numbers; the sweep's own under None."""
        raise NotImplementedError

    def report(self, tracker: Any, trials: int = 2) -> None:
        """Tells a whole sweep of so many trials, of three epochs each."""
        tracker.start(params={"search.trials": trials}, tags={"code": "abc"}, artifacts={"config.json": "{}\n"})
        for number in range(trials):
            files = {"architecture.json": f'{{"number": {number}}}\n', "layers.txt": "CONV3-16 · 10×10\n"}
            tracker.trial_started(TrialStart(number, {"macs": 10 + number}, {"convscape.digest": "d"}, files))
            for epoch in (1, 2, 3):
                tracker.epoch(number, epoch, {"accuracy": epoch / 4, "train_loss": 1 / epoch})
                tracker.summary({"best_accuracy": epoch / 4}, step=3 * number + epoch)
                assert tracker.flushed_lines() >= 0
            tracker.note({"convscape.events": "batch halved"}, number)
            tracker.trial_ended(number, state="completed", reason="trained 3 epochs", metrics={"best_accuracy": 0.75})
        tracker.finish(status="completed", metrics={"trials/completed": float(trials)})

    def assert_once(self, found: dict[int | None, ArrivedRun], trials: int = 2) -> None:
        """Asserts that what `report` told is there, each thing once."""
        assert set(found) == {None, *range(trials)}
        own = found[None]
        assert own.ended
        assert own.params == {"search.trials": str(trials)}
        assert own.tags["code"] == "abc"
        assert own.artifacts == {"config.json": "{}\n"}
        assert own.points["best_accuracy"] == [(3 * n + e, e / 4) for n in range(trials) for e in (1, 2, 3)]
        assert [value for _, value in own.points["trials/completed"]] == [trials]
        for number in range(trials):
            run = found[number]
            assert run.ended
            assert run.params == {"macs": str(10 + number)}
            assert run.tags["convscape.digest"] == "d"
            assert run.tags["convscape.events"] == "batch halved"
            assert run.tags["convscape.reason"] == "trained 3 epochs"
            assert run.points["accuracy"] == [(1, 0.25), (2, 0.5), (3, 0.75)]
            assert [value for _, value in run.points["best_accuracy"]] == [0.75]
            assert run.artifacts["architecture.json"] == f'{{"number": {number}}}\n'
            assert run.artifacts["layers.txt"] == "CONV3-16 · 10×10\n"

    def test_what_was_told_arrives_once(self, tmp_path: Path) -> None:
        tracker = self.make_tracker(tmp_path)
        self.report(tracker)
        tracker.close()
        self.assert_once(self.arrived(tmp_path))

    def test_what_is_told_again_is_not_there_twice(self, tmp_path: Path) -> None:
        for _ in range(2):
            tracker = self.make_tracker(tmp_path)
            self.report(tracker)
            self.report(tracker)
            tracker.close()
            self.assert_once(self.arrived(tmp_path))

    def test_a_driver_that_died_told_its_half_and_the_next_the_rest(self, tmp_path: Path) -> None:
        dead = self.make_tracker(tmp_path)
        dead.start(params={"search.trials": 2}, tags={"code": "abc"}, artifacts={"config.json": "{}\n"})
        dead.trial_started(TrialStart(0, {"macs": 10}, {"convscape.digest": "d"}))
        dead.epoch(0, 1, {"accuracy": 0.25, "train_loss": 1.0})
        # neither closed nor flushed
        found = self.arrived(tmp_path)
        assert found[0].points["accuracy"] == [(1, 0.25)]
        assert not found[0].ended
        assert not found[None].ended
        tracker = self.make_tracker(tmp_path)
        tracker.trial_ended(0, state="completed", reason="trained 1 epoch", metrics={})
        tracker.finish(status="completed", metrics={})
        tracker.close()
        found = self.arrived(tmp_path)
        assert set(found) == {None, 0}
        assert found[0].ended
        assert found[None].ended
        assert found[0].points["accuracy"] == [(1, 0.25)]

    def test_a_sweep_that_goes_on_is_open_again(self, tmp_path: Path) -> None:
        tracker = self.make_tracker(tmp_path)
        tracker.start(params={}, tags={})
        tracker.finish(status="interrupted", metrics={"trials/completed": 0.0})
        tracker.close(wait=False)
        assert self.arrived(tmp_path)[None].ended
        tracker = self.make_tracker(tmp_path)
        tracker.start(params={}, tags={})
        tracker.close()
        assert not self.arrived(tmp_path)[None].ended

    def test_a_trial_of_a_sweep_that_was_interrupted_waits_until_it_trains_again(self, tmp_path: Path) -> None:
        for waits, state in [(True, "paused"), (False, "running")] * 2:
            tracker = self.make_tracker(tmp_path)
            tracker.start(params={}, tags={})
            tracker.trial_started(TrialStart(0, {}))
            for _ in range(2):
                tracker.trial_paused(0) if waits else tracker.trial_resumed(0)
            tracker.trial_paused(1)  # of which nothing was told
            tracker.close()
            found = self.arrived(tmp_path)
            assert set(found) == {None, 0}
            assert not found[0].ended
            assert found[0].tags["convscape.state"] == state
        tracker = self.make_tracker(tmp_path)
        tracker.trial_paused(0)
        tracker.trial_ended(0, state=STATES[0], reason="trained 2 epochs", metrics={})
        tracker.trial_paused(0)
        tracker.trial_resumed(0)
        tracker.close()
        assert self.arrived(tmp_path)[0].ended
        assert self.arrived(tmp_path)[0].tags["convscape.state"] == STATES[0]

    def test_the_images_arrive_once(self, tmp_path: Path) -> None:
        for _ in range(2):
            tracker = self.make_tracker(tmp_path)
            tracker.start(params={}, tags={}, datasets=DATASETS)
            tracker.start(params={}, tags={}, datasets=DATASETS)
            tracker.close()
            assert sorted(self.arrived(tmp_path)[None].datasets) == [
                ("digits (training)", "f1e2", "training"),
                ("digits (validation)", "f1e2", "validation"),
            ]

    @pytest.mark.parametrize("state", STATES)
    def test_why_a_trial_ended(self, tmp_path: Path, state: str) -> None:
        tracker = self.make_tracker(tmp_path)
        tracker.trial_started(TrialStart(0, {}))
        tracker.trial_ended(0, state=state, reason="because", metrics={})
        tracker.close()
        run = self.arrived(tmp_path)[0]
        assert run.ended
        assert (run.tags["convscape.state"], run.tags["convscape.reason"]) == (state, "because")

    def test_nothing_it_is_told_makes_it_raise(self, tmp_path: Path) -> None:
        tracker = self.make_tracker(tmp_path)
        odd: Any = object()
        values = (math.nan, math.inf, None, odd, "x" * 100_000)
        for epoch, value in enumerate(values, start=1):
            tracker.epoch(0, epoch, {"accuracy": value, "train_loss": 0.5})
            tracker.summary({"best_accuracy": value}, step=1)
            tracker.trial_ended(1, state="failed", reason=str(value), metrics={"best_accuracy": value})
        tracker.epoch(2, 1, {"accuracy": 0.5})
        tracker.flush(0.0)
        tracker.close()
        found = self.arrived(tmp_path)
        assert found[2].points["accuracy"] == [(1, 0.5)], "what came after it is lost"
        assert found[0].points == {"train_loss": [(epoch + 1, 0.5) for epoch in range(len(values))]}

    def test_a_sweep_is_told_as_the_study_has_it(self, tmp_path: Path) -> None:
        """A whole sweep of known results, with trials that fail and a driver that dies in the middle."""
        settings = config()
        for leaves in (9, None):
            study = Study(tmp_path, sampler="tpe", seed=0)
            tracker = self.make_tracker(tmp_path)
            callback = ProgressCallback(tmp_path)
            tracker.start(params={}, tags={})
            engine = Engine(settings, DesignSpace.of(settings, (1, 8, 8), 10), study, tracker, callback=callback)
            for done, _ in enumerate(drive(engine, accuracy if leaves else good)):
                if done == leaves:
                    break
            else:
                engine.close()
                callback.end(engine, SweepState.COMPLETED)
                tracker.finish(status="completed", metrics={})
        found = self.arrived(tmp_path)
        trained = {number: record for number, record in engine.records.items() if record.trained}
        assert set(found) == {None, *trained}
        assert found[None].ended
        assert found[None].points["best_accuracy"][-1][1] == ranked(engine.records.values())[0].accuracy
        for number, record in trained.items():
            run = found[number]
            assert run.ended
            assert run.points.get("accuracy", []) == sorted(record.accuracies.items())
            assert (run.tags["convscape.state"], run.tags["convscape.reason"]) == (record.state, record.reason)
            assert run.params["notation"] == record.design.notation
            assert run.artifacts["architecture.json"] == record.design.architecture_text
