"""A picture is classified as the exported file does it, whatever its mode; of an export nothing runs."""

from __future__ import annotations

import json
import runpy
import shutil

import numpy as np
import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import ConvscapeError, DataError
from convscape.spaces.layers import Activation, BatchNorm, Conv, Flatten, GlobalPool, Linear, LocallyConnected
from convscape.trainers import (
    Classifier,
    Recipe,
    Training,
    build_network,
    exported_classifier,
    predicting,
    trained_network,
)
from convscape.trainers.data.dataset import split
from convscape.trainers.data.sources import Source
from exporting import export_checkpoint
from PIL import Image
from safetensors.torch import load_file, save_file

RANDOM = np.random.default_rng(0)


def exported(folder, channels: int, size: tuple[int, int]):
    """A network of two classes, after one epoch on noise, exported."""
    images = RANDOM.integers(0, 256, (60, channels, *size), dtype=np.uint8)
    data = split("noise", Source(images, np.arange(60) % 2, ("cat", 'd"og')))
    layers = (Conv(4), BatchNorm(), Activation(), LocallyConnected(2, 3), GlobalPool(), Flatten(), Linear(2))
    network = Architecture((channels, *size), layers, 2)
    training = Training(network, Recipe(batch_size=16), data, seed=0, epochs=1)
    training.run_epoch()
    training.save(folder / "checkpoint")
    return network, export_checkpoint(network, folder / "checkpoint", data, folder / "out", name="noise").folder


@pytest.fixture(scope="module", params=[(1, (8, 8)), (3, (6, 9))], ids=["grey", "colour, not square"])
def bundle(request, tmp_path_factory):
    return exported(tmp_path_factory.mktemp("bundle"), *request.param)


def pictures(folder):
    """One of each of the modes in which pictures come, none of them of the network's shape, one of them lying."""
    noise = RANDOM.integers(0, 256, (31, 20, 4), dtype=np.uint8)
    colour = Image.fromarray(noise[..., :3])
    made = {
        "rgb.png": colour,
        "rgba.png": Image.fromarray(noise),
        "grey.png": Image.fromarray(noise[..., 0]),
        "grey-alpha.png": Image.fromarray(noise).convert("LA"),
        "palette.png": colour.convert("P"),
        "bits.png": colour.convert("1"),
        "sixteen.png": Image.fromarray(noise[..., 0].astype(np.uint16) * 257),
        "cmyk.tif": colour.convert("CMYK"),
        "lossy.webp": colour,
        "bmp.bmp": colour,
    }
    for name, picture in made.items():
        picture.save(folder / name)
    lying = Image.Exif()
    lying[274] = 6
    colour.save(folder / "lying.jpg", exif=lying)
    return sorted(folder.iterdir())


def test_answers_are_the_exported_file_s_own(bundle, tmp_path):
    _, folder = bundle
    module = runpy.run_path(str(folder / "model.py"), run_name="exported")
    network, files = module["load"](), pictures(tmp_path)
    answers = dict(exported_classifier(folder).predict(files))
    assert list(answers) == files
    for file, answer in answers.items():
        wanted = module["predict"](network, module["read_image"](str(file)))[0]
        assert answer.probabilities == pytest.approx(wanted.tolist(), abs=1e-5), file.name


def test_a_checkpoint_gives_the_same_network(bundle):
    architecture, folder = bundle
    network, normalisation = trained_network(architecture, folder.parent / "checkpoint")
    classifier = exported_classifier(folder)
    assert not network.training
    assert normalisation == {"mean": classifier.mean, "std": classifier.std}
    images = torch.rand(3, *architecture.input)
    with torch.inference_mode():
        assert torch.equal(network(images).flatten(1), classifier.network(images).flatten(1))


def test_what_cannot_be_read_is_told_in_its_place(bundle, tmp_path):
    _, folder = bundle
    files = pictures(tmp_path)[:2]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    answers = list(exported_classifier(folder).predict([files[0], tmp_path / "broken.png", files[1], tmp_path / "no"]))
    assert [bool(answer.problem) for _, answer in answers] == [False, True, False, True]
    assert list(exported_classifier(folder).predict([])) == []


def test_more_pictures_than_are_classified_together_come_in_their_order(bundle, tmp_path):
    _, folder = bundle
    file = pictures(tmp_path)[0]
    assert len(list(exported_classifier(folder).predict([file] * 150))) == 150


def test_pictures_that_take_much_memory_are_classified_fewer_at_a_time(bundle, tmp_path, monkeypatch):
    architecture, folder = bundle
    classifier, files = exported_classifier(folder), pictures(tmp_path)
    together, wanted = [], dict(classifier.predict(files))
    classifier.network.register_forward_pre_hook(lambda _, given: together.append(len(given[0])))
    one = cost_table(architecture).inference_memory().activations
    for memory, expected in ((3 * one, [3, 3, 3, 2]), (one - 1, [1] * 11), (100 * one, [11])):
        monkeypatch.setattr(predicting, "MEMORY_TOGETHER", memory)
        together.clear()
        for file, answer in classifier.predict(files):
            assert answer.probabilities == pytest.approx(wanted[file].probabilities, abs=1e-5)
        assert together == expected


@pytest.mark.parametrize(("size", "at_a_time"), [(32, 64), (1024, 3), (4096, 1)])
def test_two_gib_hold_what_is_classified_together(size, at_a_time):
    large = Architecture((3, size, size), (Conv(64), Conv(64), GlobalPool(), Flatten(), Linear(2)), 2)
    with torch.device("meta"):
        network = build_network(large)
    classifier = Classifier(network=network, architecture=large, classes=("a", "b"), mean=(0,) * 3, std=(1,) * 3)
    assert (classifier.input, classifier.at_a_time) == ((3, size, size), at_a_time)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (torch.zeros(2, 1, 8, 8), r"`pixels` \(=float32 \(2, 1, 8, 8\)\) must be uint8 \(N, 1, 8, 8\), 0 to 255"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), r"\(=uint8 \(1, 8, 8\)\) must be .*\n  Of one image: pixels\[None\]"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), r"\(=uint8 \(2, 3, 8, 8\)\) must be uint8 \(N, 1, 8, 8\)"),
    ],
)
def test_pixels_of_another_type_or_shape_are_refused(pixels, said):
    network = Architecture((1, 8, 8), (Conv(4), GlobalPool(), Flatten(), Linear(2)), 2)
    classifier = Classifier(
        network=build_network(network).eval(), architecture=network, classes=("a", "b"), mean=(0.0,), std=(1.0,)
    )
    with pytest.raises(DataError, match=said):
        classifier.probabilities(pixels)
    assert classifier.probabilities(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)).shape == (3, 2)


def test_no_code_of_an_export_runs(bundle, tmp_path):
    folder = shutil.copytree(bundle[1], tmp_path / "out")
    (folder / "model.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    list(exported_classifier(folder).predict(pictures(bundle[1].parent)[:0]))
    assert not (tmp_path / "ran").exists()


def changed(folder, name: str, **values) -> None:
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | values))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read: No such file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x08" * 40), "does not fit"),
        (lambda folder: save_file({"a": torch.zeros(1)}, folder / "model.safetensors"), "does not fit"),
        (lambda folder: save_file(
            {k: v.double() if v.is_floating_point() else v for k, v in load_file(folder / "model.safetensors").items()},
            folder / "model.safetensors"), "float64"),
        (lambda folder: (folder / "proof.json").write_text("[" * 100_000), "no export that can be read"),
        (lambda folder: (folder / "proof.json").write_text("[]"), "does not say classes"),
        (lambda folder: changed(folder, "proof.json", classes=["one"]), "1 classes, and the network has 2"),
        (lambda folder: changed(folder, "proof.json", normalisation={"mean": [0], "std": [float("nan")]}), "nan"),
        (lambda folder: changed(folder, "architecture.json", input=[1, 65536, 65536]), "bytes for a picture"),
        (lambda folder: (folder / "architecture.json").write_text("{}"), "format"),
    ],
)  # fmt: skip
def test_a_stranger_s_export_is_refused_where_it_does_not_fit(bundle, tmp_path, spoil, said):
    folder = shutil.copytree(bundle[1], tmp_path / "out")
    spoil(folder)
    with pytest.raises(ConvscapeError, match=said):
        exported_classifier(folder)
