"""An exported bundle among the artifacts of its sweep's run, in a real MLflow store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from convscape.search.tracking import bundle_upload
from convscape.search.tracking.bundle_upload import files_of, log_bundle
from convscape.search.tracking.mlflow_store import connect_store
from convscape.spaces.errors import ExportError, SweepError
from servers import free_port

AGAIN = "Do it again."


def there(database: str, run_id: str, tmp_path: Path) -> dict[str, bytes]:
    """All that was exported, as MLflow gives it back, by path."""
    target = tmp_path / "downloaded"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    root = Path(connect_store(database).download_artifacts(run_id, "export", str(target)))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def copied(bundle: Path, tmp_path: Path) -> Path:
    """A bundle with a folder in it, which may be changed."""
    copied = tmp_path / "out"
    shutil.copytree(bundle, copied)
    (copied / "insight" / "maps").mkdir(parents=True)
    (copied / "insight" / "maps" / "filters.png").write_bytes(b"\x89PNG")
    (copied / "insight" / "index.html").write_text("<p>7</p>")
    return copied


def test_all_files_are_there_in_their_folders(database: str, run_id: str, copied: Path, tmp_path: Path) -> None:
    (copied / "__pycache__").mkdir()
    (copied / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"x")
    assert log_bundle(database, run_id, copied, trial=7, again=AGAIN) == "export/0007"
    found = there(database, run_id, tmp_path)
    assert found == {f"0007/{name}": path.read_bytes() for name, path in files_of(copied).items()}
    assert {"0007/model.py", "0007/insight/index.html", "0007/insight/maps/filters.png"} < set(found)
    assert not any("__pycache__" in name for name in found)


def test_another_export_of_a_trial_replaces_it_and_leaves_those_of_others(
    database: str, run_id: str, copied: Path, tmp_path: Path
) -> None:
    for trial in (7, 12):
        log_bundle(database, run_id, copied, trial=trial, again=AGAIN)
    shutil.rmtree(copied / "insight" / "maps")
    (copied / "model.py").write_text("changed")
    log_bundle(database, run_id, copied, trial=7, again=AGAIN)
    found = there(database, run_id, tmp_path)
    assert found["0007/model.py"] == b"changed"
    assert "0007/insight/maps/filters.png" not in found
    assert found["0012/insight/maps/filters.png"] == b"\x89PNG"
    assert found["0012/model.py"] != b"changed"


def test_a_run_that_is_not_there_says_how_to_send_it(database: str, run_id: str, bundle: Path) -> None:
    for unknown, said in ((None, AGAIN), ("0" * 32, f"with `--to URI`. {AGAIN}")):
        with pytest.raises(SweepError) as caught:
            log_bundle(database, unknown, bundle, trial=7, again=AGAIN)
        assert said in caught.value.remedy
    connect_store(database).delete_run(run_id)
    with pytest.raises(SweepError, match="was deleted in MLflow") as caught:
        log_bundle(database, run_id, bundle, trial=7, again=AGAIN)
    assert f"mlflow runs restore --run-id {run_id}" in caught.value.remedy


def test_a_store_that_does_not_answer_is_told_in_a_line_and_the_bundle_stays(bundle: Path) -> None:
    before = {name: path.read_bytes() for name, path in files_of(bundle).items()}
    with pytest.raises(SweepError) as caught:
        log_bundle(f"http://me:secret-word@127.0.0.1:{free_port()}", "0" * 32, bundle, trial=7, again=AGAIN)
    assert caught.value.message.startswith(f"{bundle} is not in MLflow: ConnectionRefusedError")
    assert "\n" not in caught.value.message
    assert "secret-word" not in str(caught.value)
    assert caught.value.remedy == AGAIN
    assert {name: path.read_bytes() for name, path in files_of(bundle).items()} == before


def test_nothing_is_written_where_a_store_says_that_a_link_is(
    database: str, run_id: str, bundle: Path, tmp_path: Path
) -> None:
    from mlflow.utils.file_utils import local_file_uri_to_path

    artifacts = Path(local_file_uri_to_path(connect_store(database).get_run(run_id).info.artifact_uri))
    (tmp_path / "elsewhere").mkdir()
    (artifacts / bundle_upload.PLACE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SweepError, match="which is no run's folder"):
        log_bundle(database, run_id, bundle, trial=7, again=AGAIN)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_folder_without_files_is_no_export(database: str, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match="holds no export"):
        log_bundle(database, run_id, tmp_path / "empty", trial=7, again=AGAIN)
