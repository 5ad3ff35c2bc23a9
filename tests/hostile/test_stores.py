"""Stores that keep nothing: refused before anything trains."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from convscape import cli
from convscape.dashboards.queries import runs
from convscape.search import Sweep, launch, resume
from convscape.search.files import SPOOL, UPLOADED, Spool
from convscape.search.tracking import Tracker, UploadProgress, sync
from convscape.search.tracking.datasets import FIELDS
from convscape.search.tracking.mlflow_store import connect_store, refuse_place, search_runs
from convscape.spaces import ConfigError, SweepError
from convscape.tests.tiny_sweep import TINY, tiny


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///~nobody-of-that-name/x.db",
        "http://[::1",
        "http://host:99999",
        "http://",
        "http://host/#token",
    ],
)
@pytest.mark.usefixtures("quiet")
def test_a_store_that_cannot_be_kept_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.uri: "):
        launch(tiny(tmp_path, f"tracking.uri={uri}"), progress=False)
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("file", ["/proc/nope/x.db", "/dev/null/x.db", "{}/file/x.db", "{}/new/file", "{}"])
@pytest.mark.parametrize("command", [[], ["--dry-run"]])
def test_a_store_that_cannot_be_written_is_refused_before_the_images_are_read(
    tmp_path: Path,
    file: str,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("convscape.search.driver.launching.load_data", lambda _: pytest.fail("images were read"))
    monkeypatch.setattr("convscape.search.config.load_data", lambda _: pytest.fail("images were read"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "sweep.yaml").write_text(TINY)
    if file == "{}/new/file":
        (tmp_path / "new").symlink_to("/proc/nope")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as caught:
        cli.main(["launch", "sweep.yaml", *command, "--set", f"tracking.uri=sqlite:///{file.format(tmp_path)}"])
    assert caught.value.code == 4
    assert "tracking.uri: " in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_look_at_a_store_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sweep.yaml").write_text(TINY)
    database = tmp_path / "a" / "b" / "mlflow.db"
    with pytest.raises(SystemExit) as caught:
        cli.main(["launch", str(tmp_path / "sweep.yaml"), "--dry-run", "--set", f"tracking.uri=sqlite:///{database}"])
    assert not caught.value.code
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


@pytest.mark.usefixtures("quiet")
def test_a_tilde_in_a_store_s_path_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    sweep = launch(tiny(tmp_path, "tracking.uri=sqlite:///~/runs/mlflow.db", "search.trials=1"), progress=False)
    assert sync(sweep.folder) == 0
    assert (tmp_path / "home" / "runs" / "mlflow.db").is_file()
    assert sweep.tracking_uri == f"sqlite:///{tmp_path}/home/runs/mlflow.db"


@pytest.mark.usefixtures("quiet")
def test_results_whose_store_never_worked_go_to_another_whole_and_once(tmp_path: Path) -> None:
    sweep = launch(tiny(tmp_path, "tracking.uri=http://127.0.0.1:9"), progress=False)
    with pytest.raises(SweepError, match="did not take"):
        sync(sweep.folder)
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    for _ in range(2):
        assert sync(sweep.folder, to=uri) == 0
    assert sync(sweep.folder) == 0
    client = connect_store(uri)
    experiment = client.get_experiment_by_name("convscape")
    assert experiment
    found = {run.data.tags.get("convscape.trial"): run for run in search_runs(client, experiment.experiment_id, "")}
    assert len(list(search_runs(client, experiment.experiment_id, ""))) == len(found), "no run is there twice"
    trained = [record for record in sweep.trials() if record.trained]
    assert found.keys() == {None, *(str(record.number) for record in trained)}
    assert len(found[None].inputs.dataset_inputs) == 2
    for record in trained:
        run = found[str(record.number)]
        points = client.get_metric_history(run.info.run_id, "accuracy")
        assert [(point.step, point.value) for point in points] == list(record.accuracies.items())
        assert run.data.tags["convscape.state"] == record.state


@pytest.mark.usefixtures("quiet")
def test_a_sweep_named_as_the_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name: "):
        launch(tiny(tmp_path, "name=mlflow.db"), progress=False)


@pytest.mark.slow
def test_a_store_that_has_gone_is_told_and_another_gets_all(tmp_path: Path) -> None:
    sweep = launch(tiny(tmp_path, "search.trials=2"), progress=False)
    sync(sweep.folder)
    (tmp_path / "mlflow.db").unlink()
    with pytest.raises(SweepError, match=r"has them no longer.*\n.*--to URI"):
        sync(sweep.folder)
    assert not (tmp_path / "mlflow.db").exists()
    assert sync(sweep.folder, to=f"sqlite:///{tmp_path / 'other.db'}") == 0
    assert sync(sweep.folder) == 0
    found = runs(sweep.tracking_uri, "convscape", "tiny")
    assert sweep.tracking_uri.endswith("other.db")
    assert len(found) == len(sweep.trials())


@pytest.mark.slow
def test_a_copy_of_a_sweep_that_goes_on_leaves_the_runs_of_the_first(tmp_path: Path) -> None:
    first = launch(tiny(tmp_path, "search.trials=1"), progress=False)
    sync(first.folder)
    shutil.copytree(first.folder, tmp_path / "copies" / "tiny")
    for folder in (tmp_path / "copies", tmp_path):
        config = folder / "tiny" / "config.json"
        config.write_text(config.read_text().replace('"trials": 1', '"trials": 3'))
        resume("tiny", folder, progress=False)
        sync(folder / "tiny")
    ids = [{*Sweep.open("tiny", folder).run_ids().values()} for folder in (tmp_path, tmp_path / "copies")]
    assert not ids[0] & ids[1]
    client = connect_store(first.tracking_uri)
    assert all(client.get_run(run).info.lifecycle_stage == "active" for run in ids[0] | ids[1])
    assert len(ids[0]) == len(ids[1]) == len(first.trials()) + 1


@pytest.mark.parametrize("how", ["moved", "moved, a link left behind", "another spelling", "looked at"])
def test_a_sweep_keeps_its_runs(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, there = spool(tmp_path / "sweep", f"sqlite:///{tmp_path}/mlflow.db"), tmp_path / "there"
    assert sync(folder) == 0
    run = UploadProgress(folder).refresh().runs[None]
    if how.startswith("moved"):
        folder.rename(there)
    if "link" in how:
        folder.symlink_to(there)
    if how == "another spelling":
        monkeypatch.chdir(tmp_path)
        there = Path("..", tmp_path.name, "sweep")
    if how == "looked at":
        shutil.copytree(folder, there)
    else:
        file = Spool(there / SPOOL)
        file.append({"event": "note", "time": 3, "tags": {"a": "b"}})
        file.close()
    assert sync(there) == 0
    assert UploadProgress(there).refresh().runs[None] == run


def spool(folder: Path, uri: str, **values: Any) -> Path:
    """A sweep's folder whose spool a stranger wrote, with an entry of these `values`."""
    file = Spool(folder / SPOOL)
    file.append({"event": "spool", "version": 1, "id": "x", "uri": uri, "experiment": "e", "sweep": "s", "time": 1})
    if values:
        file.append({"event": "start", "time": 1} | values)
    file.close()
    return folder


def somebodys(database: Path) -> bytes:
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("CREATE TABLE photos (name TEXT)")
        opened.commit()
    return database.read_bytes()


@pytest.mark.parametrize("name", ["{}/note", "../../note", "a/../../note", "a//b", "..", "", "note\0"])
def test_no_file_is_written_by_the_names_in_a_spool(tmp_path: Path, name: str) -> None:
    (tmp_path / "note").write_text("mine")
    name = name.format(tmp_path)
    folder = spool(tmp_path / "sweep", f"sqlite:///{tmp_path}/mlflow.db", artifacts={name: "x"})
    with pytest.raises(SweepError, match=r"spool\.jsonl: artifacts: .* is no file's name"):
        sync(folder)
    assert (tmp_path / "note").read_text() == "mine"
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"time": "soon"},
        {"params": [1]},
        {"tags": {"a": 1}},
        {"metrics": {"a": "b"}},
        {"step": True},
        {"datasets": {}},
        {"datasets": ["x"]},
        {"datasets": [{"name": "x"}]},
        {"datasets": [dict.fromkeys(FIELDS, 1)]},
    ],
)
@pytest.mark.usefixtures("quiet")
def test_an_entry_that_no_sweep_wrote_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    folder = spool(tmp_path / "sweep", uri, **values)
    with pytest.raises(SweepError, match=r"spool\.jsonl: .* which no sweep wrote"):
        sync(folder)
    with pytest.raises(SweepError, match=r"spool\.jsonl: .* which no sweep wrote"):
        Tracker(folder, uri=uri, experiment="e", sweep="s")


@pytest.mark.parametrize(
    "uri", ["file:///somewhere", "/somewhere", "sqlite://", "sqlite:///:memory:", "sqlite+pysqlite:////x.db", "ftp://h",
            "http://evil/?x=${HOME}", 5, None]
)  # fmt: skip
def test_a_spool_names_no_other_kind_of_store(tmp_path: Path, uri: Any) -> None:
    with pytest.raises(SweepError, match=r"spool\.jsonl: line 1"):
        sync(spool(tmp_path / "sweep", uri))


def test_somebodys_own_database_gets_no_tables_of_mlflow(tmp_path: Path) -> None:
    database = tmp_path / "photos.db"
    before = somebodys(database)
    uri = f"sqlite:///{database}"
    with pytest.raises(SweepError, match="no database of MLflow's"):
        sync(spool(tmp_path / "sweep", uri))
    with pytest.raises(SweepError, match="no database of MLflow's"):
        sync(tmp_path / "sweep", to=uri)
    with pytest.raises(SweepError, match="no database of MLflow's"):
        runs(uri, "e", "s")
    with pytest.raises(SweepError, match=r"tracking\.uri: .* no database of MLflow's"):
        launch(tiny(tmp_path, f"tracking.uri={uri}"), progress=False)
    assert database.read_bytes() == before
    database.write_text("Dear diary")
    with pytest.raises(SweepError, match="no database of MLflow's"):
        sync(tmp_path / "sweep")
    assert database.read_text() == "Dear diary"


def test_results_wait_where_the_store_has_gone(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    folder = spool(tmp_path / "sweep", f"sqlite:///{database}")
    sent = Spool(folder / UPLOADED)
    sent.append({"trial": None, "run": "a" * 32})
    sent.close()
    with pytest.raises(SweepError, match=r"has them no longer.*\n.*--to URI"):
        sync(folder)
    assert not database.exists()


@pytest.mark.parametrize(
    "to", ["htp://typo", "http://127.0.0.1:9", "sqlite:////proc/nope/x.db", "sqlite:///{}/sweep/x.db"]
)
def test_another_store_is_looked_at_before_it_is_kept(tmp_path: Path, to: str) -> None:
    folder = spool(tmp_path / "sweep", "http://127.0.0.1:9")
    sent = Spool(folder / UPLOADED)
    sent.append({"trial": None, "run": "a" * 32})
    sent.close()
    with pytest.raises(SweepError, match=r"--to|did not take"):
        sync(folder, to=to.format(tmp_path))
    known = UploadProgress(folder).refresh()
    assert (known.store, known.runs) == (None, {None: "a" * 32})


def test_a_spool_without_its_first_line_can_be_sent_elsewhere(tmp_path: Path) -> None:
    folder = spool(tmp_path / "sweep", "http://127.0.0.1:9", params={"a": "b"})
    lines = (folder / SPOOL).read_bytes().splitlines(keepends=True)
    (folder / SPOOL).write_bytes(b"".join(lines[1:]))
    with pytest.raises(SweepError, match=r"line 1.*was changed or is gone"):
        sync(folder)
    with pytest.raises(SweepError, match=r"1 line was changed, or lines before it are gone: MLflow has the rest"):
        sync(folder, to=f"sqlite:///{tmp_path}/other.db")
    known = UploadProgress(folder).refresh()
    assert known.left() == 0
    assert known.runs


def test_files_go_into_a_run_s_folder_alone(tmp_path: Path) -> None:
    """A store says where, and a store may be anybody's."""
    run = "a" * 32
    place = tmp_path / "1" / run / "artifacts"
    refuse_place(place.as_uri(), run, ["layers.txt"])
    refuse_place((tmp_path / "mlruns" / f"m-{run}" / "artifacts").as_uri(), f"m-{run}", ["MLmodel"])
    refuse_place("s3://bucket/anything", run, ["layers.txt"])
    refuse_place("mlflow-artifacts:/1", run, ["layers.txt"])
    for elsewhere in (
        tmp_path.as_uri(),
        str(tmp_path),
        (tmp_path / run).as_uri(),
        (tmp_path / "b" / "artifacts").as_uri(),
    ):
        with pytest.raises(SweepError, match="is no run's folder"):
            refuse_place(elsewhere, run, ["layers.txt"])
    with pytest.raises(SweepError, match="is no run's folder"):
        refuse_place((tmp_path / "site-packages" / "artifacts").as_uri(), "site-packages", [])
    place.mkdir(parents=True)
    (place / "layers.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SweepError, match="is no run's folder"):
        refuse_place(place.as_uri(), run, ["layers.txt"])


@pytest.mark.usefixtures("quiet")
def test_a_forged_store_writes_nothing_elsewhere(tmp_path: Path) -> None:
    folder, victim = launch(tiny(tmp_path, "search.trials=1"), progress=False).folder, tmp_path / "victim"
    victim.mkdir()
    sync(folder)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("update runs set artifact_uri = ?", (victim.as_uri(),))
        database.commit()
    entry = {"event": "start", "time": 1, "artifacts": {"config.json": "theirs"}}
    spooled = Spool(folder / SPOOL)
    spooled.append(entry)
    spooled.close()
    with pytest.raises(SweepError, match="is no run's folder"):
        sync(folder)
    assert not list(victim.iterdir())


def test_a_store_s_folder_is_not_made_for_it(tmp_path: Path) -> None:
    folder = spool(tmp_path / "sweep", f"sqlite:///{tmp_path}/former/mlflow.db")
    with pytest.raises(SweepError, match="former, where MLflow's store was, is not there"):
        sync(folder)
    assert not (tmp_path / "former").exists()


def test_a_name_with_wildcards_deletes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".notes.new").touch()
    connect_store(f"sqlite:///{tmp_path}/*")
    assert (tmp_path / ".notes.new").exists()
    assert (tmp_path / "*").exists()


def test_replace_replaces_sweeps_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SweepError, match="is no sweep's"):
        launch(tiny(tmp_path), replace=True, progress=False)
    assert (folder / "config.json").exists()
