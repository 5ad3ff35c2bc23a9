"""The tracker, and a plain one that someone might put in its place, hold to the contract."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from convscape.search.tracking.mlflow_store import connect_store, search_runs
from convscape.search.tracking.tracker import Tracker, sync
from convscape.testing import ArrivedRun, TrackerContract
from tiny_sweep import send_nothing


class TestMlflow(TrackerContract):
    @pytest.fixture(autouse=True)
    def store(self, database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
        """Nothing is uploaded but by the test."""
        send_nothing(monkeypatch)
        self.uri, self.experiment = database, request.node.name

    def make_tracker(self, folder: Path) -> Tracker:
        return Tracker(folder, uri=self.uri, experiment=self.experiment, sweep="digits")

    def arrived(self, folder: Path) -> dict[int | None, ArrivedRun]:
        assert sync(folder) == 0
        client = connect_store(self.uri)
        experiment = client.get_experiment_by_name(self.experiment)
        assert experiment
        found: dict[int | None, ArrivedRun] = {}
        for run in search_runs(client, experiment.experiment_id, ""):
            data, identity = run.data, run.info.run_id
            trial = data.tags.get("convscape.trial")
            number = None if trial is None else int(trial)
            assert number not in found, "a run is there twice"
            names = [file.path for file in client.list_artifacts(identity)]
            found[number] = ArrivedRun(
                ended=run.info.status not in ("RUNNING", "SCHEDULED"),
                params=data.params,
                tags=data.tags,
                points={key: self._points(identity, key) for key in data.metrics},
                datasets=[
                    (each.dataset.name, each.dataset.digest, each.tags[0].value) for each in run.inputs.dataset_inputs
                ],
                artifacts={name: Path(client.download_artifacts(identity, name)).read_text() for name in names},
            )
        return found

    def _points(self, run_id: str, key: str) -> list[tuple[int, float]]:
        return sorted((point.step, point.value) for point in connect_store(self.uri).get_metric_history(run_id, key))


class Diary:
    """Keeps all it is told in a file, one JSON line a call, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "diary.jsonl"
        self._states: dict[int, str] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            entry = json.loads(line)
            if entry["trial"] is not None and "params" in entry:
                self._states.setdefault(entry["trial"], "running")
            if state := entry.get("tags", {}).get("convscape.state"):
                self._states[entry["trial"]] = state

    def _note(self, number: int | None, **what: Any) -> None:
        with suppress(ValueError, TypeError, OSError), self._path.open("a") as file:
            file.write(json.dumps({"trial": number, **what}, allow_nan=False) + "\n")

    def start(self, *, params: Any, tags: Any, artifacts: Any = None, datasets: Any = ()) -> None:
        named = [(each.name, each.digest, each.context) for each in datasets]
        self._note(None, params=params, tags=tags, artifacts=artifacts or {}, datasets=named, ended=False)

    def flushed_lines(self) -> int:
        return 0

    def trial_started(self, start: Any) -> None:
        self._states.setdefault(start.number, "running")
        self._note(start.number, params=start.params, tags=start.tags, artifacts=start.artifacts)

    def epoch(self, number: int, epoch: int, metrics: Any) -> None:
        self._note(number, step=epoch, metrics={key: v for key, v in metrics.items() if _finite(v)})

    def note(self, tags: Any, number: int | None = None) -> None:
        self._note(number, tags=tags)

    def trial_paused(self, number: int) -> None:
        if self._states.get(number) == "running":
            self._states[number] = "paused"
            self._note(number, tags={"convscape.state": "paused"})

    def trial_resumed(self, number: int) -> None:
        if self._states.get(number) == "paused":
            self._states[number] = "running"
            self._note(number, tags={"convscape.state": "running"})

    def trial_ended(self, number: int, *, state: str, reason: str, metrics: Any) -> None:
        self._states[number] = state
        values = {key: v for key, v in metrics.items() if _finite(v)}
        self._note(number, tags={"convscape.state": state, "convscape.reason": reason}, metrics=values, ended=True)

    def summary(self, metrics: Any, step: int) -> None:
        self._note(None, step=step, metrics={key: v for key, v in metrics.items() if _finite(v)})

    def finish(self, *, status: str, metrics: Any) -> None:
        self._note(None, tags={"status": status}, metrics=metrics, ended=True)

    def flush(self, timeout: float) -> int:  # noqa: ARG002 - a tracker's signature
        return 0

    def close(self, *, wait: bool = True) -> None:
        """Nothing is open."""


class TestDiary(TrackerContract):
    def make_tracker(self, folder: Path) -> Diary:
        return Diary(folder)

    def arrived(self, folder: Path) -> dict[int | None, ArrivedRun]:
        found: dict[int | None, ArrivedRun] = {None: ArrivedRun(ended=False)}
        for line in (folder / "diary.jsonl").read_text().splitlines():
            entry = json.loads(line)
            run = found.setdefault(entry["trial"], ArrivedRun(ended=False))
            run.params = {key: str(value) for key, value in entry.get("params", {}).items()} | run.params
            run.tags |= entry.get("tags", {})
            run.artifacts |= entry.get("artifacts", {})
            run.datasets = [tuple(each) for each in entry.get("datasets", [])] or run.datasets
            run.ended = entry.get("ended", run.ended)
            for key, value in entry.get("metrics", {}).items():
                points = dict(run.points.get(key, []))
                step = entry.get("step", max(points, default=0))
                run.points[key] = sorted((points | {step: value}).items())
        return found


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
