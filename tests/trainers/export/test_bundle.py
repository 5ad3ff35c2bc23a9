from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from convscape.dashboards.text import export_json
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import CheckpointError, ExportError
from convscape.spaces.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocallyConnected,
    LocalResponseNorm,
    Parallel,
    Pool,
    Residual,
)
from convscape.trainers.export import bundle as exporting, trained as trained_network
from convscape.trainers.export.bundle_folder import CARD, EXAMPLES, PROOF, SOURCE, WEIGHTS
from convscape.trainers.export.pytorch_source import source
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from exporting import export_checkpoint
from PIL import Image

IMAGE = (1, 8, 8)
EVERYTHING = Architecture(
    IMAGE,
    (
        Conv(8, 4, dilation=1), BatchNorm(), Activation(), LocalResponseNorm(), Dropout(0.1, spatial=True),
        Pool("max", 3, 2), Residual((Activation("silu"), Conv(8, 3, bias=False), BatchNorm())),
        Activation("leaky_relu"),
        Parallel(((Conv(4, 1),), (Pool("max", 3, 1, "same"), Conv(4, (1, 3), groups=2)), ())), Pool("average", 2, 2),
        Residual((Conv(8),), (Conv(8, 1),)), Pool("l2", 2, 1), Conv(8, 2, dilation=2, padding=2),
        LocallyConnected(4, 2, bias=False), Pool("average", 2, 1, padding=(0, 1, 0, 1)), GlobalPool("max"), Flatten(),
        BatchNorm(), LocalResponseNorm(3, k=1.0), Dropout(0.2), Linear(12), Activation("tanh"), Linear(10, bias=False),
    ),
    10,
    fit="pad",
)  # fmt: skip
SMALL = Architecture(IMAGE, (Conv(8), Activation(), GlobalPool(), Conv(10, 1)), 10)


@pytest.fixture
def trained(digits, tmp_path):
    """A network after one epoch, with its checkpoint."""

    def train(architecture):
        training = Training(architecture, Recipe(batch_size=32), digits, seed=0, epochs=2)
        training.run_epoch()
        training.save(tmp_path / "checkpoint")
        return training

    return train


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("architecture", [EVERYTHING, SMALL], ids=["everything", "small"])
def test_the_export_runs_alone_and_agrees(digits, trained, tmp_path, architecture):
    training = trained(architecture)
    done = export_checkpoint(architecture, tmp_path / "checkpoint", digits, tmp_path / "out", name="The winner")
    assert done.files == ("architecture.json", EXAMPLES, SOURCE, WEIGHTS, CARD, PROOF)
    assert done.largest_difference < 1e-5
    alone = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("convscape", "safetensors", "torchvision", "numpy", "PIL"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
sys.path.insert(0, {str(tmp_path / "out")!r})
import torch, model
pixels = torch.arange(64 * 3, dtype=torch.uint8).view(3, 1, 8, 8)
print([round(p, 5) for p in model.predict(model.load(), pixels).flatten().tolist()], model.check() < 1e-5)
"""
    run = subprocess.run([sys.executable, "-I", "-c", alone], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    pixels = torch.arange(64 * 3, dtype=torch.uint8).view(3, 1, 8, 8)
    with torch.no_grad():
        scores = training.averaged((pixels.float() / 255 - digits.mean[0]) / digits.std[0])
    probabilities, agrees = run.stdout.rsplit("]", 1)
    assert agrees.strip() == "True"
    np.testing.assert_allclose(json.loads(probabilities + "]"), scores.softmax(1).flatten(), atol=2e-5)


@pytest.mark.parametrize(("fit", "sizes"), [(1, {1}), (3, {1, 2, 3}), (64, {1, 2, 64})])
def test_test_images_that_take_much_memory_are_classified_fewer_at_a_time(
    digits, trained, tmp_path, monkeypatch, fit, sizes
):
    trained(SMALL)
    monkeypatch.setattr(trained_network, "pictures_at_a_time", lambda _: fit)
    seen = []

    def counted(*arguments, **options):
        text = source(*arguments, **options)
        return text + "\n_prepare = prepare\ndef prepare(images):\n    SEEN(len(images))\n    return _prepare(images)\n"

    monkeypatch.setattr(exporting, "source", counted)
    monkeypatch.setitem(vars(builtins), "SEEN", seen.append)
    done = export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="The winner")
    assert max(seen) <= fit
    assert done.test_images == len(digits.test)
    proof = json.loads((tmp_path / "out" / PROOF).read_text())
    assert set(map(int, proof["agreement"]["forms"]["source"]["largest_difference_at_batch_size"])) == sizes


def test_the_file_is_a_program(digits, trained, tmp_path):
    trained(SMALL)
    export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="The winner")
    Image.fromarray(np.full((20, 10), 99, dtype=np.uint8)).save(tmp_path / "picture.png")
    for arguments, expected in (
        ([], "agree with the recorded ones"),
        ([str(tmp_path / "picture.png")], "picture.png: "),
    ):
        run = subprocess.run(
            [sys.executable, "-W", "error", str(tmp_path / "out" / SOURCE), *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert expected in run.stdout, run.stderr
        assert run.returncode == 0
    weights = tmp_path / "out" / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 0x40  # of the last number its exponent
    weights.write_bytes(content)
    spoilt = subprocess.run([sys.executable, tmp_path / "out" / SOURCE], capture_output=True, text=True, check=False)
    assert "scores DIFFER from the recorded ones" in spoilt.stdout, spoilt.stderr
    assert spoilt.returncode == 1
    weights.write_bytes(content[: len(content) // 2])
    spoilt = subprocess.run([sys.executable, tmp_path / "out" / SOURCE], capture_output=True, text=True, check=False)
    assert spoilt.stderr.startswith("the weights or the recorded scores cannot be read: ")
    assert (spoilt.returncode, len(spoilt.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_a_class_whose_name_no_terminal_shows_is_written_out(digits, trained, tmp_path, encoding):
    """A folder's name is bytes, which Latin-1 made of an accent and UTF-8 cannot read."""
    trained(SMALL)
    export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="The winner")
    named = source(SMALL, replace(digits, classes=("ch\udce2teau 雪",) * 10), "The winner")
    (tmp_path / "out" / SOURCE).write_text(named, encoding="utf-8")
    Image.fromarray(np.full((20, 10), 99, dtype=np.uint8)).save(tmp_path / "a.png")
    run = subprocess.run(
        [sys.executable, str(tmp_path / "out" / SOURCE), str(tmp_path / "a.png")],
        capture_output=True, text=True, check=True, encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    shown = "雪" if encoding[0] == "u" else r"\u96ea"
    assert rf"a.png: ch\udce2teau {shown} " in run.stdout


def test_the_test_part_is_measured_once_and_counted(digits, trained, tmp_path):
    training = trained(SMALL)
    counted = {"details": {"trial": 3}, "count_look": lambda: 1}
    done = export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="n", **counted)
    images = (torch.tensor(digits.test.images).float() / 255 - digits.mean[0]) / digits.std[0]
    with torch.no_grad():
        right = training.averaged(images).argmax(1).numpy() == digits.test.labels
    assert (done.test_accuracy, done.test_images) == (right.mean(), 359)
    proof = json.loads((done.folder / PROOF).read_text())
    low, high = proof["test"]["interval_95"]
    assert low < proof["test"]["accuracy"] == right.mean() < high
    assert proof["test"]["looks"] == done.looks == 1
    assert sum(each["right"] for each in proof["test"]["classes"]) == round(right.mean() * 359)
    assert proof["classes"] == list(digits.classes)
    assert proof["details"] == {"trial": 3}
    assert proof["agreement"]["forms"]["source"]["largest_difference_at_batch_size"].keys() == {"1", "2", "64"}


def test_names_of_files_are_told_and_not_handed_on(digits, trained, tmp_path):
    trained(SMALL)
    private = replace(digits, test_files=tuple(f"ward/patient-{number}.png" for number in range(359)))
    done = export_checkpoint(SMALL, tmp_path / "checkpoint", private, tmp_path / "out", name="n")
    told, written = done.test.mistakes, json.loads((done.folder / PROOF).read_text())["test"]["mistakes"]
    assert [each.image for each in told] == [f"ward/patient-{each.index}.png" for each in told]
    assert [each["image"] for each in export_json(done)["test"]["mistakes"]] == [each.image for each in told]
    assert len(told) == 20
    for file in done.files:
        assert b"patient" not in (done.folder / file).read_bytes(), file
    for each, its in zip(told, written, strict=True):
        assert its == {key: getattr(each, key) for key in ("index", "actual", "predicted", "probability")}
        assert digits.classes[digits.test.labels[each.index]] == each.actual != each.predicted


@pytest.mark.parametrize(
    ("line", "wrong"), [("nn.ReLU()", "nn.GELU()"), ("MEAN = (", "MEAN = (0.1 + "), (".eval()", ".train()")]
)
def test_a_network_that_disagrees_is_not_handed_over(digits, trained, tmp_path, monkeypatch, line, wrong):
    design = Architecture(IMAGE, (Conv(8), Activation(), Dropout(0.5), GlobalPool(), Conv(10, 1)), 10)
    trained(design)

    def altered(*arguments, **options):
        text = source(*arguments, **options)
        assert line in text
        return text.replace(line, wrong)

    monkeypatch.setattr(exporting, "source", altered)
    before = files(tmp_path)
    with pytest.raises(ExportError, match="differ by"):
        export_checkpoint(design, tmp_path / "checkpoint", digits, tmp_path / "out", name="n")
    assert files(tmp_path) == before


def test_a_file_that_does_not_run_is_not_handed_over(digits, trained, tmp_path, monkeypatch):
    trained(SMALL)
    misspelt = lambda *arguments, **options: source(*arguments, **options).replace("nn.ReLU()", "nn.Relu()")  # noqa: E731
    monkeypatch.setattr(exporting, "source", misspelt)
    with pytest.raises(ExportError, match=r"does not run: .*Relu"):
        export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="n")
    assert not (tmp_path / "out").exists()


def test_an_earlier_export_is_replaced(digits, trained, tmp_path):
    trained(SMALL)
    first = export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="first")
    (tmp_path / "out" / "__pycache__").mkdir()
    second = export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="second")
    assert sorted(first.files) == sorted(second.files) == files(tmp_path / "out")
    assert "second" in (tmp_path / "out" / SOURCE).read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "out"]


@pytest.mark.parametrize("earlier", [True, False])
def test_what_the_user_had_is_left_alone(digits, trained, tmp_path, earlier):
    trained(SMALL)
    if earlier:
        export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="first")
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    before = files(tmp_path)
    with pytest.raises(ExportError, match=r"out holds notes.txt"):
        export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="second")
    assert files(tmp_path) == before


def test_an_empty_folder_may_be_there(digits, trained, tmp_path):
    trained(SMALL)
    (tmp_path / "out").mkdir()
    assert (
        export_checkpoint(SMALL, tmp_path / "checkpoint", digits, tmp_path / "out", name="n").folder == tmp_path / "out"
    )


def test_other_designs_and_other_data_are_refused(digits, trained, tmp_path):
    trained(SMALL)
    other = replace(digits, validation=digits.train)
    for architecture, dataset, what in ((EVERYTHING, digits, "architecture"), (SMALL, other, "data")):
        with pytest.raises(ExportError, match=f"trained with {what}"):
            export_checkpoint(architecture, tmp_path / "checkpoint", dataset, tmp_path / "out", name="n")
    with pytest.raises(CheckpointError):
        export_checkpoint(SMALL, tmp_path / "nothing", digits, tmp_path / "out", name="n")
    assert not (tmp_path / "out").exists()


def test_a_padded_1x1_convolution_with_a_stride_is_written_with_its_class(digits):
    layers = (Conv(4, 1, 2, padding=(0, 1, 0, 1)), Flatten(), Linear(10))
    text = source(Architecture((1, 8, 8), layers, 10), digits, "n")
    assert "class PaddedConv2d(" in text
    assert "Pointwise" not in text


def test_names_cannot_break_the_file(digits):
    odd = replace(digits, classes=('a"b', "c'd", "e\\f", 'g"""h', "é\n", *"56789"))
    text = source(SMALL, odd, 'quotes """ and \\ and\nlines {braces}')
    namespace = {"__name__": "exported", "__file__": "model.py"}
    exec(compile(text, "model.py", "exec"), namespace)  # noqa: S102
    assert tuple(namespace["CLASSES"]) == odd.classes


def test_one_line_a_layer_with_its_size(digits):
    lines = [line.strip() for line in source(EVERYTHING, digits, "n").splitlines()]
    assert "nn.Conv2d(8, 4, 1),  # 4 x 4 x 4" in lines
    assert "nn.Linear(12, 10, bias=False),  # 10" in lines
    assert "class PaddedMaxPool2d(nn.MaxPool2d):" in lines
    assert not [line for line in source(SMALL, digits, "n").splitlines() if line.startswith("class Padded")]
