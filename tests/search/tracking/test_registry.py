"""An exported bundle as a version of a registered model in a real MLflow store, loaded as anybody would load it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
import pytest
from convscape.search.tracking.mlflow_store import connect_store, whole_uri
from convscape.search.tracking.pyfunc_model import SERVING
from convscape.search.tracking.registry import register_bundle
from convscape.spaces.errors import ConfigError, ExportError, SweepError
from mlflow.exceptions import MlflowException
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN = "Register it again."


@pytest.fixture
def name() -> str:
    return f"digits-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def load(database: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Loads a model from the store by its URI, as a program of somebody else's would."""
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(variable, whole_uri(database))  # `mlflow.set_tracking_uri` would leave it set for good
    return mlflow.pyfunc.load_model


@pytest.mark.parametrize("kind", ["bundle", "colour_bundle"])
def test_pictures_are_classified_as_by_the_exported_file(
    kind: str, request: Any, database: str, run_id: str, name: str, load: Any, pictures: Any, as_its_file_says: Any,
    agree: Any,
) -> None:  # fmt: skip
    bundle = request.getfixturevalue(kind)
    registered = register_bundle(database, run_id, bundle, name=name, alias="champion", again=AGAIN)
    assert registered.uri == f"models:/{name}@champion"
    model = load(registered.uri)
    answered = model.predict(pd.DataFrame({"image": list(pictures.values())})).to_dict("records")
    assert agree(answered, as_its_file_says(bundle, pictures))
    example = model.input_example
    assert example["image"][0].startswith(b"\x89PNG")
    [first] = model.predict(example).to_dict("records")
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert first["probability"] == first["probabilities"][first["label"]]


def test_what_mlflow_knows_of_the_model(database: str, run_id: str, name: str, bundle: Path) -> None:
    registered = register_bundle(database, run_id, bundle, name=name, again=AGAIN)
    assert (registered.version, registered.alias, registered.uri) == (1, None, f"models:/{name}/1")
    client = connect_store(database)
    version = client.get_model_version(name, "1")
    assert (version.run_id, version.status) == (run_id, "READY")
    assert version.tags["convscape.trial"] == "7"
    [output] = client.get_run(run_id).outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": name, "version": 1}]
    assert (logged.status, logged.name, logged.source_run_id) == ("READY", "digits-0012", run_id)
    files = Path(logged.artifact_location.removeprefix("file://"))
    model = mlflow.models.Model.load(str(files))
    assert model.metadata["classes"] == [str(digit) for digit in range(10)]
    assert (model.metadata["sweep"], model.metadata["trial"], model.metadata["run"]) == ("digits", 7, 12)
    assert model.metadata["architecture"] == json.loads((bundle / "proof.json").read_text())["architecture"]
    assert model.signature.inputs.to_dict() == [{"type": "binary", "name": "image", "required": True}]
    assert model.signature.outputs.input_names() == ["label", "probability", "probabilities"]
    required = {line.partition("==")[0] for line in (files / "requirements.txt").read_text().split()}
    assert {"mlflow", "torch", "pillow"} <= required <= {"mlflow", "torch", "pillow", "pillow-heif"}
    assert "+" not in (files / "requirements.txt").read_text()
    kinds = {path.suffix for path in files.rglob("*") if path.is_file()}
    assert kinds == {"", ".json", ".md", ".py", ".safetensors", ".txt", ".yaml"}, "nothing is pickled"
    said = (files / "MLmodel").read_text()
    assert not [place for place in (bundle.parent, SERVING.parent, "convscape-") if str(place) in said], "whose machine"
    assert "convscape" not in (files / "picture_model.py").read_text()


def test_an_alias_moves_to_the_newest_version(database: str, run_id: str, name: str, bundle: Path) -> None:
    registered = [register_bundle(database, run_id, bundle, name=name, alias="champion", again=AGAIN) for _ in range(2)]
    assert [(each.version, each.former) for each in registered] == [(1, None), (2, 1)]
    client = connect_store(database)
    assert int(client.get_model_version_by_alias(name, "champion").version) == 2
    another = register_bundle(database, run_id, bundle, name=name, alias="challenger", again=AGAIN)
    assert (another.version, another.former) == (3, None)
    assert int(client.get_model_version_by_alias(name, "champion").version) == 2


def test_pictures_that_cannot_be_read_are_named(
    database: str, run_id: str, name: str, load: Any, bundle: Path, pictures: dict[str, bytes]
) -> None:
    model = load(register_bundle(database, run_id, bundle, name=name, again=AGAIN).uri)
    good = pictures["a.png"]
    with pytest.raises(MlflowException) as caught:
        model.predict(pd.DataFrame({"image": [good, b"no picture", good[:50], b"", good]}))
    assert "rows counted from 0: row 1: cannot identify image file; row 2: " in caught.value.message
    assert "; row 3: cannot" in caught.value.message
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert caught.value.get_http_status_code() == 400
    with pytest.raises(MlflowException, match=r"row 9: cannot identify image file; and 1,990 more\. `image` holds"):
        model.predict(pd.DataFrame({"image": [b"no"] * 2000}))
    assert list(model.predict(pd.DataFrame({"image": []}, dtype=object)).columns) == [
        "label",
        "probability",
        "probabilities",
    ]


def test_more_pictures_than_are_classified_at_a_time_keep_their_order(
    database: str, run_id: str, name: str, load: Any, bundle: Path, pictures: dict[str, bytes], agree: Any
) -> None:
    model = load(register_bundle(database, run_id, bundle, name=name, again=AGAIN).uri)
    some = list(pictures.values())
    once = model.predict(pd.DataFrame({"image": some})).to_dict("records")
    assert len({row["probability"] for row in once}) > 2
    many = model.predict(pd.DataFrame({"image": some * 20})).to_dict("records")
    assert agree(many, once * 20)


def test_what_the_process_does_with_mlflow_itself_stays_as_it_was(
    database: str, run_id: str, name: str, bundle: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    connect_store(database)  # which settles how often requests are repeated
    (tmp_path / "uv.lock").write_text("version = 1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'theirs'\n")
    monkeypatch.chdir(tmp_path)
    elsewhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    environment, path, active = dict(os.environ), list(sys.path), mlflow.get_active_model_id()
    registered = register_bundle(database, run_id, bundle, name=name, alias="champion", again=AGAIN)
    assert mlflow.get_tracking_uri() == elsewhere
    assert (mlflow.active_run(), mlflow.get_active_model_id()) == (None, active)
    assert dict(os.environ) == environment
    assert sys.path == path
    assert capfd.readouterr() == ("", "")
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["pyproject.toml", "uv.lock"]
    files = Path(connect_store(database).get_model_version(registered.name, "1").source.removeprefix("file://"))
    assert (files / "MLmodel").is_file()
    assert not (files / "uv.lock").exists(), "a project that lies in the current folder has nothing to do with it"


def test_a_registry_that_does_not_answer_is_told_in_a_line(bundle: Path) -> None:
    with pytest.raises(SweepError) as caught:
        register_bundle(f"http://127.0.0.1:{free_port()}", "0" * 32, bundle, name="digits", again=AGAIN)
    assert caught.value.message.startswith(f"{bundle} is not registered in MLflow as digits: ConnectionRefusedError")
    assert "\n" not in caught.value.message
    assert caught.value.remedy == AGAIN


def test_an_alias_that_could_not_be_set_says_what_is_there(
    database: str, run_id: str, name: str, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise ConnectionError("no answer")

    monkeypatch.setattr(mlflow.MlflowClient, "set_registered_model_alias", gone)
    with pytest.raises(SweepError, match=f"version 1 of {name} is registered in MLflow, but the alias") as caught:
        register_bundle(database, run_id, bundle, name=name, alias="champion", again=AGAIN)
    assert f"set_registered_model_alias('{name}', 'champion', 1)" in caught.value.remedy


def test_a_prompt_is_no_model(database: str, run_id: str, name: str, bundle: Path) -> None:
    client = connect_store(database)
    client.register_prompt(name, "Say {{word}}")
    with pytest.raises(SweepError, match="is a prompt in MLflow's registry"):
        register_bundle(database, run_id, bundle, name=name, again=AGAIN)


def test_what_cannot_be_registered_leaves_nothing_in_mlflow(
    database: str, run_id: str, name: str, bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="registered as 'a/b'"):
        register_bundle(database, run_id, bundle, name="a/b", again=AGAIN)
    with pytest.raises(ConfigError, match="the alias 'v1'"):
        register_bundle(database, run_id, bundle, name=name, alias="v1", again=AGAIN)
    with pytest.raises(SweepError, match="has not reached MLflow at sqlite"):
        register_bundle(database, None, bundle, name=name, again=AGAIN)
    copied = tmp_path / "out"
    shutil.copytree(bundle, copied)
    architecture = json.loads((copied / "architecture.json").read_text())
    (copied / "architecture.json").write_text(json.dumps(architecture | {"input": [4, 8, 8]}))
    with pytest.raises(ExportError, match="takes images of 4 channels"):
        register_bundle(database, run_id, copied, name=name, again=AGAIN)
    (copied / "architecture.json").write_text(json.dumps(architecture))
    (copied / "model.py").write_text((copied / "model.py").read_text() + "\ndef load(folder):\n    raise OSError(7)\n")
    with pytest.raises(ExportError, match=r"does not run: .*7"):
        register_bundle(database, run_id, copied, name=name, again=AGAIN)
    (copied / "model.safetensors").unlink()
    with pytest.raises(ExportError, match=r"model\.safetensors is not there"):
        register_bundle(database, run_id, copied, name=name, again=AGAIN)
    client = connect_store(database)
    experiment = client.get_run(run_id).info.experiment_id
    assert not client.search_logged_models([experiment])
    assert not client.search_registered_models(f"name = '{name}'")
