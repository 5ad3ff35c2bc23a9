"""A small sweep whose every result is known, to be reported by a tracker and looked for in MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.tracking.mlflow_store import connect_store, search_runs
from convscape.search.tracking.tracker import Tracker, TrialStart

if TYPE_CHECKING:
    from mlflow.entities import Run

EPOCHS = 3
PARAMS = {f"choice_{index}": index * 0.5 for index in range(20)}


class KnownSweep:
    epochs = EPOCHS

    def begin(self, tracker: Tracker) -> None:
        tracker.start(params={"search.trials": 2}, tags={"code": "abc"}, artifacts={"sweep.yaml": "name: digits\n"})

    def trial(self, tracker: Tracker, number: int) -> None:
        self.trial_begins(tracker, number)
        for epoch in range(1, EPOCHS + 1):
            tracker.epoch(number, epoch, {"loss": 1 / (epoch + number), "validation_accuracy": 0.5})
        tracker.trial_ended(number, state="completed", reason="all epochs done", metrics={"best_accuracy": 0.5})
        tracker.summary({"best_accuracy": 0.5}, step=number)

    def trial_begins(self, tracker: Tracker, number: int) -> None:
        files = {"architecture.json": json.dumps({"number": number}), "tables/layers.txt": "CONV3-16 · 10×10\n"}
        tracker.trial_started(TrialStart(number, PARAMS, {"convscape.digest": f"digest{number}"}, files))

    def end(self, tracker: Tracker, trials: int) -> None:
        tracker.finish(status="completed", metrics={"trials": float(trials)})

    def report(self, tracker: Tracker, trials: int) -> None:
        self.begin(tracker)
        for number in range(trials):
            self.trial(tracker, number)
        self.end(tracker, trials)

    def runs(self, uri: str, experiment: str) -> dict[str | None, Run]:
        """Runs by the trial's number as text; the parent's is None. Fails where a trial has two runs."""
        client = connect_store(uri)
        found = client.get_experiment_by_name(experiment)
        runs = [] if found is None else list(search_runs(client, found.experiment_id, ""))
        numbers = [run.data.tags.get("convscape.trial") for run in runs]
        assert len(numbers) == len(set(numbers)), f"some trial has two runs: {numbers}"
        return dict(zip(numbers, runs, strict=True))

    def points(self, uri: str, run: Run, key: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in connect_store(uri).get_metric_history(run.info.run_id, key)]

    def text(self, uri: str, run: Run, name: str, folder: Path) -> str:
        where = folder / f"download-{run.info.run_id}"
        where.mkdir(exist_ok=True)
        return Path(connect_store(uri).download_artifacts(run.info.run_id, name, str(where))).read_text()

    def assert_exactly_once(self, uri: str, experiment: str, trials: int, folder: Path) -> None:
        runs = self.runs(uri, experiment)
        assert set(runs) == {None, *map(str, range(trials))}
        self._assert_parent(uri, runs[None], trials, folder)
        for number in range(trials):
            run = runs[str(number)]
            assert run.data.tags["mlflow.parentRunId"] == runs[None].info.run_id
            self._assert_child(uri, run, number, folder)

    def _assert_parent(self, uri: str, run: Run, trials: int, folder: Path) -> None:
        assert run.info.run_name == "digits"
        assert run.info.status == "FINISHED"
        assert run.data.params == {"search.trials": "2"}
        assert run.data.tags["code"] == "abc"
        assert self.points(uri, run, "best_accuracy") == [(number, 0.5) for number in range(trials)]
        assert self.points(uri, run, "trials") == [(trials - 1, trials)]
        assert self.text(uri, run, "sweep.yaml", folder) == "name: digits\n"

    def _assert_child(self, uri: str, run: Any, number: int, folder: Path) -> None:
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"digits/{number:04d}"
        assert run.data.tags["convscape.digest"] == f"digest{number}"
        assert run.data.tags["convscape.reason"] == "all epochs done"
        assert run.data.params == {key: str(value) for key, value in PARAMS.items()}
        assert self.points(uri, run, "loss") == [(epoch, 1 / (epoch + number)) for epoch in range(1, EPOCHS + 1)]
        assert self.points(uri, run, "best_accuracy") == [(EPOCHS, 0.5)]
        assert json.loads(self.text(uri, run, "architecture.json", folder)) == {"number": number}
        assert self.text(uri, run, "tables/layers.txt", folder) == "CONV3-16 · 10×10\n"


@pytest.fixture(scope="session")
def known() -> KnownSweep:
    return KnownSweep()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One SQLite store for all, for making its tables takes seconds; a test has an experiment of its own."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    connect_store(uri).search_experiments()
    return uri


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return request.node.name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sweep"
