"""Forms beside the Python file: what is in them, and what is not handed over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import onnx
import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import ExportError
from convscape.spaces.layers import Activation, Conv, GlobalPool, Pool
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.export import Trained, agreement, bundle, export_bundle, forms
from convscape.trainers.export.agreement import batches, compare
from convscape.trainers.network import build_network

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = Architecture((1, 8, 8), (Conv(8), Activation(), Pool("l2"), GlobalPool(), Conv(10, 1)), 10)


@pytest.fixture(scope="module")
def trained() -> Trained:
    data = load_dataset("digits", train=320, validation=100)
    return Trained(network=build_network(NETWORK).eval(), architecture=NETWORK, dataset=data)


def test_each_form_agrees_and_says_what_its_scores_mean(trained: Trained, tmp_path: Path) -> None:
    done = export_bundle(trained, tmp_path / "out", name="n", insight=False)
    assert list(done.agreements) == ["source", "pt2", "onnx"]
    assert done.largest_difference < 1e-5
    assert all(list(each.differences) == [1, 2, 64] for each in done.agreements.values())
    extra = {"metadata.json": ""}
    torch.export.load(tmp_path / "out" / "model.pt2", extra_files=extra)
    told = {each.key: json.loads(each.value) for each in onnx.load(tmp_path / "out" / "model.onnx").metadata_props}
    for metadata in (json.loads(extra["metadata.json"]), told):
        assert metadata["labels"] == [str(digit) for digit in range(10)]
        assert (metadata["mean"], metadata["std"]) == (list(trained.dataset.mean), list(trained.dataset.std))
    proof = json.loads((tmp_path / "out" / "proof.json").read_text())
    assert set(proof["agreement"]["forms"]) == {"source", "pt2", "onnx"}
    assert {"model.pt2", "model.onnx", "MODEL_CARD.md"} < proof["sha256"].keys()
    assert set(proof["speed"]["seconds"]) == {"eager", "onnx"}


def test_a_form_that_disagrees_is_left_out_and_told(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = forms.load_form
    monkeypatch.setattr(bundle, "load_form", lambda form, file: lambda images: load(form, file)(images) * 1.001)
    done = export_bundle(trained, tmp_path / "out", name="n", formats=("pt2",), insight=False)
    assert "scores differ by 0.001 of the largest score at batch size 1" in done.refused["pt2"]
    assert not (tmp_path / "out" / "model.pt2").exists()
    assert "model.pt2" not in done.files
    assert "pt2 is not here: its scores differ" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def test_a_form_that_cannot_be_written_is_left_out_and_told(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(bundle, "write_form", fail)
    done = export_bundle(trained, tmp_path / "out", name="n", formats=("pt2",), insight=False)
    assert done.refused == {"pt2": "it cannot be written: RuntimeError: no such operator"}


def test_another_class_that_is_no_near_tie_is_refused_though_scores_are_near() -> None:
    wanted, found = torch.tensor([[1.0, 1.00015, 0.0]]), torch.tensor([[1.00009, 1.00006, 0.0]])
    with pytest.raises(ExportError, match=r"another class, 0\.00015 of the largest score apart"):
        compare(lambda *_: wanted, lambda *_: found, {1: 1})


def test_without_its_packages_onnx_is_left_out_and_said_how_to_get(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "find_spec", lambda name: None if name.startswith("onnx") else object())
    done = export_bundle(trained, tmp_path / "out", name="n", formats=("onnx",), insight=False)
    assert done.absent == {"onnx": "not installed: onnx, onnxscript, onnxruntime. pip install 'convscape[export]'"}
    assert not done.refused
    assert (tmp_path / "out" / "model.py").exists()


def scored(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)


def test_another_class_is_forgiven_near_a_tie_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = scored([1.0, 1.00004, 0.0])
    tie, apart = scored([1.00005, 1.0, 0.0]), scored([1.0, 0.9995, 0.0])
    assert compare(lambda *_: wanted, lambda *_: tie, {1: 1}).same_top1 == 0
    monkeypatch.setattr(agreement, "TOLERANCE", 1e-3)
    assert compare(lambda *_: wanted, lambda *_: apart, {1: 1}).images == 1
    monkeypatch.setattr(agreement, "TOLERANCE", 2e-5)
    with pytest.raises(ExportError, match="scores differ"):
        compare(lambda *_: wanted, lambda *_: apart, {1: 1})


def test_what_is_no_number_agrees_with_nothing() -> None:
    with pytest.raises(ExportError, match="differ by nan"):
        compare(lambda *_: scored([1.0, 0.0]), lambda *_: scored([float("nan"), 0.0]), {1: 1})


def test_batches_fit_the_images_and_the_memory() -> None:
    assert batches(359, 64) == {1: 4, 2: 4, 64: 64}
    assert batches(3, 64) == {1: 3, 2: 2, 3: 3}
    assert batches(100, 1) == {1: 64}
