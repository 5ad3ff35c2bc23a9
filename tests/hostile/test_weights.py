"""Checkpoints and weights that lie, have no end, or hold more than they weigh."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from convscape.search import Sweep
from convscape.search.config import load_data
from convscape.spaces import (
    CheckpointError,
    ConfigError,
    DataError,
    ExportError,
    TrainingError,
    read_plain,
)
from convscape.tests.tiny_sweep import tiny
from convscape.trainers import Training, checkpoint, checkpoint_files, weights_digest
from convscape.trainers.transfer import network_for, read_weights
from hypothesis import given, settings, strategies as st

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "3", '{"best": 3}', '{"best": "../../x"}', '{"best": []}'])
def test_the_mark_of_the_best_checkpoint_may_be_anything(prepared: Path, text: str, tmp_path: Path) -> None:
    (prepared / "trials" / "00000" / "best.json").write_text(text)
    Sweep.open("tiny", prepared.parent).export(tmp_path / "out", formats=(), insight=False)


@pytest.mark.parametrize("epoch", [float("inf"), float("nan"), -1, "1", None, True, 10**400, [1]])
def test_a_checkpoint_sealed_anew_over_a_lie_is_none(prepared: Path, epoch: Any) -> None:
    folder = prepared / "trials" / "00000" / "epoch-0001"
    values = {**json.loads((folder / "checkpoint.json").read_text())["values"], "epoch": epoch}
    digest = checkpoint_files._sha256((folder / "tensors.safetensors").read_bytes(), values)
    record = {"format": checkpoint_files.FORMAT, "sha256": digest, "values": values}
    (folder / "checkpoint.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="epoch is"):
        checkpoint.read_checkpoint(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda values, _: values.clear(),
        lambda values, _: values.pop("epoch"),
        lambda values, _: values.pop("normalisation"),
        lambda values, _: values["normalisation"].update(std=["x"]),
        lambda values, _: values["normalisation"].update(mean=[0.5, 0.5]),
        lambda values, _: values["normalisation"].update(std=[float("nan")]),
        lambda _, tensors: tensors.clear(),
        lambda _, tensors: tensors.update({name: value[:1] for name, value in tensors.items() if value.ndim}),
        lambda _, tensors: tensors.update({name: value.double() for name, value in tensors.items()}),
    ],
)
def test_a_checkpoint_sealed_anew_is_not_exported(prepared: Path, change: Any, tmp_path: Path) -> None:
    folder = prepared / "trials" / "00000" / "epoch-0001"
    tensors, values = checkpoint.read_checkpoint(folder)
    change(values, tensors)
    checkpoint.write(folder, tensors, values)
    if values.get("normalisation") and "epoch" not in values:  # it is only told
        Sweep.open("tiny", prepared.parent).export(tmp_path / "out", formats=(), insight=False)
        return
    with pytest.raises((CheckpointError, ExportError), match=r"checkpoint .*epoch-0001: "):
        Sweep.open("tiny", prepared.parent).export(tmp_path / "out", formats=(), insight=False)


@pytest.fixture(params=["pipe", "device", "link to a device", "huge"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that is none, or has more in it than anybody wants to read."""
    file = tmp_path / "net.json"
    if request.param == "pipe":
        os.mkfifo(file)
    elif request.param == "link to a device":
        file.symlink_to("/dev/zero")
    elif request.param == "huge":
        with file.open("wb") as sparse:
            sparse.truncate(2**40)
    else:
        return Path("/dev/zero")
    return file


def test_a_file_without_an_end_is_refused_before_it_is_read(endless: Path) -> None:
    with pytest.raises(OSError, match=r"No plain file|bytes"):
        read_plain(endless, 2**20)
    for call in (read_weights, weights_digest):
        with pytest.raises(DataError, match=r"No plain file|bytes"):
            call(str(endless))
    if endless.suffix == ".json":
        with pytest.raises(ConfigError, match=r"search.start\[0\].*(No plain file|bytes)"):
            tiny(endless.parent, f"search.start=[{endless}]")


@pytest.mark.parametrize("name", ["proof.json", "architecture.json", "model.safetensors"])
def test_an_export_with_a_pipe_in_it_is_nothing_to_start_from(exported_digits: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(exported_digits, tmp_path / "out")
    (tmp_path / "out" / name).unlink()
    os.mkfifo(tmp_path / "out" / name)
    with pytest.raises((DataError, TrainingError), match=r"No plain file"):
        _ = network_for(str(tmp_path / "out"), (1, 8, 8), 10), read_weights(str(tmp_path / "out"))
    with pytest.raises(DataError, match=r"No plain file"):
        weights_digest(str(tmp_path / "out"))


@pytest.mark.parametrize("mean", [[10**400], [float("nan")], [float("inf")], ["0.5"], [True], [], None, 3, [[1]]])
def test_weights_of_an_export_with_a_forged_mean_are_refused(exported_digits: Path, tmp_path: Path, mean: Any) -> None:
    shutil.copytree(exported_digits, tmp_path / "out")
    proof = json.loads((tmp_path / "out" / "proof.json").read_text())
    proof["normalisation"]["std"] = mean
    (tmp_path / "out" / "proof.json").write_text(json.dumps(proof))
    if mean == []:  # it is refused where it is used
        assert read_weights(str(tmp_path / "out"))[1][1] == ()
        return
    with pytest.raises(DataError, match=r"proof\.json"):
        read_weights(str(tmp_path / "out"))


@pytest.mark.parametrize("source", ["~nosuchuser/x", "x" * 5_000, "a\0b", "", "/dev/null", "/"])
def test_weights_that_are_nowhere(source: str) -> None:
    with pytest.raises(DataError, match=r"recipe\.weights"):
        read_weights(source)
    with pytest.raises(TrainingError, match=r"recipe\.weights"):
        network_for(source, (1, 8, 8), 10)


@pytest.mark.parametrize("legacy", [False, True])
@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_file_of_weights_is_a_data_error(tmp_path_factory: Any, data: st.DataObject, legacy: bool) -> None:
    path = tmp_path_factory.mktemp("weights") / "w.pt"
    torch.save({"a.weight": torch.ones(3, 3)}, path, _use_new_zipfile_serialization=not legacy)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(DataError):
        read_weights(str(path))


def test_weights_in_a_compressed_archive_are_not_unpacked(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.pt", tmp_path / "packed.pt"
    torch.save({"a.weight": torch.zeros(1_000_000)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for file in source.infolist():
            target.writestr(file.filename, source.read(file))
    assert packed.stat().st_size < plain.stat().st_size / 100
    assert read_weights(str(plain))
    with pytest.raises(DataError, match="it is compressed"):
        read_weights(str(packed))


@pytest.mark.parametrize("tensor", [torch.ones(2, 2).to_sparse(), torch.empty(2, device="meta")])
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path: Path, tensor: torch.Tensor) -> None:
    torch.save({"a.weight": tensor}, tmp_path / "w.pt")
    with pytest.raises(DataError, match=r"recipe\.weights"):
        read_weights(str(tmp_path / "w.pt"))


def test_memory_that_is_out_is_no_damage_of_a_checkpoint(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = Sweep.open("tiny", prepared.parent)
    (record,) = sweep.trials()
    design, data = record.design, load_data(sweep.config)
    training = Training(design.architecture, design.recipe, data, seed=0, epochs=1)
    training.run_epoch()
    training.save(tmp_path / "one")

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("full")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "empty_like", full)  # as a device does
        with pytest.raises(torch.OutOfMemoryError):
            training.restore(tmp_path / "one")
    tensors, values = checkpoint.read_checkpoint(tmp_path / "one")
    tensors = {name: value.double() if name.startswith("optimizer") else value for name, value in tensors.items()}
    checkpoint.write(tmp_path / "one", tensors, values)
    with pytest.raises(CheckpointError, match="do not fit: optimizer"):
        training.restore(tmp_path / "one")
