"""A sweep read back from MLflow is the sweep in its folder; what others wrote there breaks nothing."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from convscape.dashboards.page import StoreOfSweeps, page_content, page_html, stored_source
from convscape.dashboards.queries import curves, stored_records, stored_sweeps, trial_of_run
from convscape.search.driver.launching import launch
from convscape.search.frames import sweep_frames
from convscape.search.tracking.mlflow_store import connect_store, search_runs
from convscape.search.tracking.tracker import sync
from convscape.spaces import parse_notation
from convscape.spaces.errors import SweepError
from servers import Server
from tiny_sweep import send_nothing, tiny

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.records import TrialRecord
    from convscape.search.sweep import Sweep
    from mlflow import MlflowClient

NETWORK = "INPUT[8x8x1] -> CONV3-4 -> RELU -> GAP -> FC-10"
SETTING = '{"learning_rate":[0.1,"Float",{"low":0.01,"high":1.0,"log":true}]}'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stored")


@pytest.fixture(scope="module")
def uri(place: Path) -> str:
    uri = f"sqlite:///{place}/mlflow.db"
    connect_store(uri).search_experiments()
    return uri


@pytest.fixture(scope="module")
def sweep(place: Path, uri: str) -> Sweep:
    """A sweep of designs of a sampler, of a named one and of two finalists' runs, sent to the store."""
    with pytest.MonkeyPatch.context() as patched:
        send_nothing(patched)
        asked = (
            "search.trials=6",
            "search.finalists=1",
            "search.objectives=[accuracy, macs]",
            "recipe.flip=[true, false]",
        )
        launched = launch(tiny(place, f"tracking.uri={uri}", "tracking.experiment=pictures", *asked), progress=False)
        assert sync(launched.folder) == 0
    return launched


def told(record: TrialRecord) -> dict[str, Any]:
    names = (
        "number",
        "state",
        "reason",
        "role",
        "repeats",
        "accuracies",
        "epochs",
        "promoted_from",
        "latency",
        "events",
    )
    params = {"params": record.params, "distributions": record.distributions, "key": record.design.key}
    return {name: getattr(record, name) for name in names} | params


def assert_as_in_the_folder(sweep: Sweep, uri: str) -> None:
    found = stored_records(uri, "pictures", "tiny")
    trained = [record for record in sweep.trials() if record.trained]
    assert [told(record) for record in found.records] == [told(record) for record in trained]
    assert {number: found.run_ids[number] for number in (None, 0)} == {n: sweep.run_ids()[n] for n in (None, 0)}
    assert (found.objectives, found.state, found.images) == (("accuracy", "macs"), "ended", 100)
    ours = sweep_frames(found.records, sweep="tiny", run_ids=found.run_ids, objectives=found.objectives)
    theirs = sweep.frames(trained)
    for name in ("trials", "rungs", "importance", "path"):
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(theirs, name))
    same = ["sweep", "trial", "epoch", "accuracy", "epoch_seconds"]
    pd.testing.assert_frame_equal(ours.curves[same], theirs.curves[same])
    assert (ours.curves["time"] - theirs.curves["time"]).abs().max() < 60


def test_a_store_gives_what_the_folder_gives(sweep: Sweep, uri: str) -> None:
    assert_as_in_the_folder(sweep, uri)
    records = sweep.trials()
    assert any(record.promoted_from for record in records)
    assert any(record.repetition for record in records)
    assert sum("learning_rate" in record.params for record in records) > 3


def test_a_server_gives_what_the_folder_gives_by_a_request_for_many_runs(
    sweep: Sweep, uri: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.utils import rest_utils

    asked: list[str] = []
    ask = rest_utils.http_request

    def counted(*arguments: Any, **named: Any) -> Any:
        asked.append(named["endpoint"] if "endpoint" in named else arguments[1])
        return ask(*arguments, **named)

    monkeypatch.setattr(rest_utils, "http_request", counted)
    server = Server(uri, place)
    server.start()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(MlflowClient, "get_metric_history", lambda *_: pytest.fail("one run was asked for"))
            patched.setattr(curves, "RUNS_OF_A_SERVER", 4)
            assert_as_in_the_folder(sweep, server.uri)
        runs = sum(record.trained for record in sweep.trials())
        assert asked.count(curves.BULK) == 1 + 2 * math.ceil(runs / 4)
        with monkeypatch.context() as patched:  # the points of one run alone fit into an answer
            patched.setattr(curves, "POINTS_OF_A_SERVER", 2)
            assert_as_in_the_folder(sweep, server.uri)
        monkeypatch.setattr(curves, "BULK", "/ajax-api/2.0/mlflow/no-such-thing")
        found = stored_records(server.uri, "pictures", "tiny")
        trained = [record for record in sweep.trials() if record.trained]
        assert [record.accuracies for record in found.records] == [record.accuracies for record in trained]
        assert "no seconds of epochs" in " ".join(found.notes)
        source = stored_source(server.uri, "pictures", "tiny")
        assert source.run_link
        assert source.run_link.startswith(f"{server.uri}/#/experiments/")
        assert "/runs/{run}?" in source.run_link
    finally:
        server.kill()


def test_points_of_more_runs_than_fit_are_asked_for_again(
    sweep: Sweep, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "POINTS_OF_A_DATABASE", 2)
    assert_as_in_the_folder(sweep, uri)


def test_a_cut_notation_is_made_up_for_by_the_file(sweep: Sweep, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = next(record for record in sweep.trials() if record.trained)
    monkeypatch.setattr(trial_of_run, "_network", lambda _: None)
    assert stored_records(uri, "pictures", "tiny").records[0].design == first.design


def test_an_experiment_lists_its_sweeps(sweep: Sweep, uri: str) -> None:
    (listed,) = stored_sweeps(uri, "pictures")
    assert (listed.name, listed.run_id, listed.state) == ("tiny", sweep.run_ids()[None], "ended")
    assert listed.trials == sum(not record.repetition for record in sweep.trials())
    assert listed.best == sweep.best.accuracy


def test_the_page_of_a_store(sweep: Sweep, uri: str) -> None:
    shown = StoreOfSweeps(uri=uri, experiment="pictures")
    assert [line.name for line in shown.lines()] == ["tiny"]
    content = shown.content(["tiny"])
    assert content is shown.content(["tiny"]), "nothing is new"
    assert content["count"] == sum(record.trained for record in sweep.trials())
    (top,) = shown.progress(["tiny"])["sweeps"]
    asked = dict(top["asked"])
    assert asked["data"].startswith("digits: 200 images to train on")
    assert asked["search"].startswith("6 trials")
    assert "`" not in str(asked)
    assert top["running"] is None
    experiment = connect_store(uri).get_experiment_by_name("pictures")
    assert experiment is not None
    served = f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs"
    assert top["run_link"] == f"{served}/{{run}}?workflowType=machine_learning", "where the command serves it"
    assert top["sweep_link"].startswith(f"{served}?workflowType=machine_learning&compareRunsMode=TABLE")
    assert str(sweep.run_ids()[None]) in top["sweep_link"]
    assert "mlflow ui --backend-store-uri" in top["command"].replace("'", "")
    with pytest.raises(SweepError, match="no sweep 'tin'"):
        shown.content(["tin"])


class Written:
    """A sweep written into a store by hand, by whatever hand."""

    def __init__(self, uri: str, experiment: str) -> None:
        self.client: MlflowClient = connect_store(uri)
        self.experiment = self.client.create_experiment(experiment, artifact_location="file:///nowhere")
        self.parent = self._run({"convscape.sweep": "odd", "convscape.spool": experiment})

    def _run(self, tags: dict[str, str]) -> str:
        return self.client.create_run(self.experiment, tags=tags).info.run_id

    def trial(self, number: object, notation: str = NETWORK, **tags: str) -> str:
        named = {f"convscape.{key}": value for key, value in tags.items()}
        run = self._run({"mlflow.parentRunId": self.parent, "convscape.trial": str(number), **named})
        self.client.log_param(run, "notation", notation)
        self.client.log_metric(run, "accuracy", 0.5, step=1, timestamp=1_700_000_000_000)
        return run


@pytest.fixture
def odd(uri: str, request: pytest.FixtureRequest) -> Written:
    return Written(uri, request.node.name)


def test_what_is_no_trial_is_left_out_and_told(
    odd: Written, uri: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    odd.trial(0)
    for number in (-1, 10**30, "x", "", "0", "٣", "1_0"):
        odd.trial(number)
    odd.trial(1, role="boss")
    odd.trial(2, role="repeat")
    odd.trial(3, role="repeat", repeats="77")
    odd.trial(4, repeats="0")
    odd.trial(5, "INPUT[8x8x1] -> CONV")
    (tmp_path / "mine.json").write_text(json.dumps(parse_notation(NETWORK).to_json()))
    odd.trial(6, str(tmp_path / "mine.json"))  # a file of this machine is nobody's business
    odd.trial(7, "")
    found = stored_records(uri, request.node.name, "odd")
    assert [record.number for record in found.records] == [0]
    assert set(found.run_ids) == {None, 0}
    assert found.notes == ["14 runs are left out: they are no trial's of a sweep, or there twice."]


def test_odd_values_are_left_out_or_shown_as_text(odd: Written, uri: str, request: pytest.FixtureRequest) -> None:
    attack = "</script><script>alert(1)</script>\x1b[2J"
    run = odd.trial(0, reason=attack, events=attack, state="unheard", latency="nan", promoted_from="-9" * 40)
    for name, value in {"batch_size": "1e99", "flip": attack, "learning_rate": "0.25", "momentum": "9" * 5000}.items():
        odd.client.log_param(run, name, value)
    for step, value in ((-3, 0.5), (2**40, 0.5), (2, 1e300), (3, 0.75)):
        odd.client.log_metric(run, "accuracy", value, step=step, timestamp=0)
    odd.client.set_tag(odd.parent, "mlflow.note.content", attack)
    found = stored_records(uri, request.node.name, "odd")
    (record,) = found.records
    assert (record.accuracies, record.promoted_from, record.latency) == ({1: 0.5, 3: 0.75}, 0, None)
    assert "time" not in record.history[3]
    assert record.reason == record.events[0] == "</script><script>alert(1)</script>\\x1b[2J"
    assert (record.design.recipe.learning_rate, record.design.recipe.flip) == (0.25, False)
    page = page_html(page_content([stored_source(uri, request.node.name, "odd")]))
    assert attack[9:30] not in page
    assert "\x1b" not in page


def test_settings_that_cannot_be_are_left_out(odd: Written, uri: str, request: pytest.FixtureRequest) -> None:
    float_of = '{{"x":[{},"Float",{{"low":{},"high":{},"log":{}}}]}}'
    choice_of = '{{"learning_rate":[1,"Categorical",{{"choices":[1,2,{}]}}]}}'
    impossible = [
        *("", "[]", "7", '{"x":', "[" * 5000, '{"x":[1]}', '{"x":[1,"Float",{}]}', '{"x":[1,"Magic",{"low":0}]}'),
        *(float_of.format("1e400", 0, 1, "true"), float_of.format(2, 0, 1, "false"), float_of.format(0, 0, 1, "true")),
        *(float_of.format("NaN", 0, 1, "false"), float_of.format('"a"', 0, 1, "false"), float_of.format(0, 0, 1, 1)),
        '{"x":[1,"Int",{"low":0,"high":1e3}]}',
        '{"x":[1,"Int",{"low":0,"high":' + "9" * 4000 + "}]}",
        '{"x":[1,"Int",{"low":0,"high":2,"step":0}]}',
        '{"x":["b","Categorical",{"choices":["a"]}]}',
        '{"x":[["a"],"Categorical",{"choices":[["a"]]}]}',
        *(choice_of.format(each) for each in ("Infinity", "NaN", "1e400", "1e300", "9" * 400)),
    ]
    for number, text in enumerate(impossible):
        odd.trial(number, settings=text)
    for number in range(30, 60):
        odd.trial(number, settings=SETTING)
    odd.trial(60, settings='{"learning_rate":["a","Categorical",{"choices":["a"]}]}')
    found = stored_records(uri, request.node.name, "odd")
    assert [record.number for record in found.records if record.params] == list(range(30, 60))
    frames = sweep_frames(found.records, sweep="odd", run_ids=found.run_ids, objectives=found.objectives)
    assert len(frames.trials) == len(impossible) + 31


def test_trials_that_had_ended_are_not_read_again(
    odd: Written, uri: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.trial(0, state="completed")
    running = odd.trial(1)
    before = stored_records(uri, request.node.name, "odd")
    assert [record.state for record in before.records] == ["completed", "running"]
    odd.client.log_metric(running, "accuracy", 0.75, step=2)
    odd.trial(2)
    read: list[str] = []
    ask = curves.read_curves
    monkeypatch.setattr(
        "convscape.dashboards.queries.records.read_curves", lambda c, runs: (read.extend(runs), ask(c, runs))[1]
    )
    after = stored_records(uri, request.node.name, "odd", before)
    assert read == [after.run_ids[1], after.run_ids[2]]
    assert [record.accuracies for record in after.records] == [{1: 0.5}, {1: 0.5, 2: 0.75}, {1: 0.5}]
    odd.client.set_terminated(odd.parent, "KILLED")
    stopped = stored_records(uri, request.node.name, "odd", after)
    assert (stopped.state, stopped.records[1].state) == ("interrupted", "paused")


def test_a_sweep_that_runs_is_read_anew_after_a_while(
    odd: Written, uri: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.trial(0)
    shown = StoreOfSweeps(uri=uri, experiment=request.node.name)
    first = shown.content(["odd"])
    assert first["sweeps"][0]["running"]["line"].startswith("0 trials ended")
    odd.trial(1)
    assert shown.content(["odd"]) is first
    shown._kept.often, shown._listed = 0.0, None
    monkeypatch.setattr("convscape.dashboards.page.kept_content.SHARE", 0.0)
    monkeypatch.setattr("convscape.dashboards.page.store_of_sweeps.OFTEN", 1e-6)
    assert shown.progress(["odd"])["version"] != ""
    assert shown.content(["odd"])["count"] == 2
    odd.client.delete_run(odd.parent)
    shown._listed = None
    with pytest.raises(SweepError, match="no sweep of Convscape"):
        shown.progress(["odd"])


def test_what_is_not_there_is_told_with_what_to_do(
    odd: Written, uri: str, place: Path, request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    empty = odd.client.create_experiment(f"{name}-empty")
    odd.client.create_run(empty, tags={"convscape.sweep": "odd"})
    told = [
        (uri, name, "od", "no sweep 'od' in", "Did you mean 'odd'?"),
        (uri, name, "a'b\"c", "no sweep", "Known: odd"),
        (uri, name[:-1], "odd", "no experiment", f"Did you mean '{name}'?"),
        (uri, f"{name}-empty", "odd", "holds no sweep of Convscape", "tracking.experiment"),
        (f"sqlite:///{place}/none.db", name, "odd", "there is no store of MLflow at", "path of its file"),
        ("http://127.0.0.1:9", name, "odd", "does not answer", "Start it"),
        ("ftp://me", name, "odd", "is no store of MLflow", "tracking.uri"),
    ]
    for store, experiment, sweep, problem, remedy in told:
        with pytest.raises(SweepError) as caught:
            stored_records(store, experiment, sweep)
        assert problem in caught.value.message
        assert remedy in caught.value.remedy
    assert not (place / "none.db").exists()
    odd.client.delete_run(odd.parent)
    with pytest.raises(SweepError, match="was deleted from experiment") as caught:
        stored_records(uri, name, "odd")
    assert f"mlflow runs restore --run-id {odd.parent}" in caught.value.remedy


def test_a_sweep_of_an_earlier_version_has_no_settings(sweep: Sweep, uri: str, place: Path) -> None:
    client = connect_store(uri)
    found = client.get_experiment_by_name("pictures")
    assert found is not None
    runs = [run for run in search_runs(client, found.experiment_id, "") if "convscape.settings" in run.data.tags]
    new = ("convscape.settings", "convscape.promoted_from", "convscape.latency")
    former = {(run.info.run_id, key): run.data.tags[key] for run in runs for key in new if key in run.data.tags}
    for run, key in former:
        client.delete_tag(run, key)
    try:
        stored = stored_records(uri, "pictures", "tiny")
        assert [record.params for record in stored.records] == [{}] * len(stored.records)
        frames = sweep_frames(stored.records, sweep="tiny", run_ids=stored.run_ids, objectives=stored.objectives)
        assert len(frames.importance) == 0
        assert len(frames.trials) == len(stored.records)
    finally:
        for (run, key), value in former.items():
            client.set_tag(run, key, value)
