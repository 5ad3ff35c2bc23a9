"""Images that are streamed give what images that are kept give, to the bit, and travel as names."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import DataError
from convscape.spaces.layers import Activation, BatchNorm, Conv, Dropout, Flatten, GlobalPool, Linear
from convscape.trainers.data.dataset import Dataset, load_dataset
from convscape.trainers.data.images import Images
from convscape.trainers.data.streaming import Streamed
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from exporting import export_checkpoint
from PIL import Image

SIZE = 10
RECIPE = Recipe(batch_size=16, crop=2, flip=True, cutout=3)


def write_images(root: Path, counts=(40, 32, 24), grey: int = 5, ending: str = "png") -> Path:
    """Noise of one brightness a class and of unlike sizes; the first of each class are grey."""
    random = np.random.default_rng(0)
    for label, count in enumerate(counts):
        folder = root / f"class {label}"
        folder.mkdir(parents=True)
        for number in range(count):
            shape = (int(random.integers(10, 30)), int(random.integers(10, 30)), 3)
            pixels = random.integers(0, 100, shape, dtype=np.uint8) + np.uint8(50 * label)
            image = Image.fromarray(pixels[..., 0] if number < grey else pixels)
            image.save(folder / f"{number:03d}.{ending}")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def both(folder) -> tuple[Dataset, Dataset]:
    """The same images, kept and streamed."""
    return load_dataset("folder", folder, size=SIZE), load_dataset("folder", folder, size=SIZE, memory=1)


def network(dataset: Dataset) -> Architecture:
    layers = (Conv(8), BatchNorm(), Activation(), Dropout(0.2), Conv(8), Activation(), GlobalPool(), Flatten())
    return Architecture(dataset.input, (*layers, Linear(len(dataset.classes))), len(dataset.classes))


def start(dataset: Dataset) -> Training:
    return Training(network(dataset), RECIPE, dataset, seed=0, epochs=3)


def curve(training: Training, epochs: int) -> list[tuple[float, float, float]]:
    results = [training.run_epoch() for _ in range(epochs)]
    return [(r.train_loss, r.validation_loss, r.validation_accuracy) for r in results]


def assert_equal(kept: Dataset, streamed: Dataset) -> None:
    """In everything, pixels included."""
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(kept, name), getattr(streamed, name)
        assert isinstance(ours.images, np.ndarray)
        assert isinstance(theirs.images, Streamed)
        assert ours.images.shape == theirs.images.shape
        assert np.array_equal(ours.images, theirs.images[:])
        assert np.array_equal(ours.labels, theirs.labels)
    parts = {"train": None, "validation": None, "test": None, "test_files": ()}
    assert replace(kept, **parts) == replace(streamed, **parts)
    assert [kept.test_name(i) for i in range(len(kept.test))] == [streamed.test_name(i) for i in range(len(kept.test))]
    assert kept.fingerprint == streamed.fingerprint


def test_the_same_images_labels_normalisation_and_fingerprint(both):
    assert_equal(*both)
    assert both[0].input == (3, SIZE, SIZE)


def test_a_refit_is_of_the_same_images(both):
    kept, streamed = (dataset.for_refit() for dataset in both)
    assert_equal(kept, streamed)
    assert len(kept.train) > len(both[0].train)


def test_one_channel_where_all_are_grey(tmp_path):
    write_images(tmp_path, grey=99)
    kept, streamed = (load_dataset("folder", tmp_path, size=SIZE, memory=memory) for memory in (None, 1))
    assert_equal(kept, streamed)
    assert streamed.input == (1, SIZE, SIZE)


def test_a_test_part_of_its_own(tmp_path):
    write_images(tmp_path / "train")
    write_images(tmp_path / "test", counts=(3, 0, 2), grey=9)
    kept, streamed = (load_dataset("folder", tmp_path, size=SIZE, memory=memory) for memory in (None, 1))
    assert_equal(kept, streamed)
    assert len(streamed.test) == 5


@pytest.mark.parametrize("threads", [1, 2])
def test_the_curve_is_that_of_kept_images_bit_for_bit(both, threads, monkeypatch):
    """However many processes read."""
    kept, streamed = (start(dataset) for dataset in both)
    wanted = curve(kept, 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert curve(streamed, 3) == wanted


def test_pausing_after_any_epoch_changes_nothing_even_where_others_are_kept(both, tmp_path):
    unbroken = curve(start(both[0]), 3)
    broken = []
    for epoch in range(3):
        training = start(both[(epoch + 1) % 2])
        if epoch:
            training.restore(tmp_path / str(epoch))
        broken += curve(training, 1)
        training.save(tmp_path / str(epoch + 1))
    assert broken == unbroken


def test_reading_leaves_the_global_random_state_alone(both):
    images = Images(both[1].train, both[1], torch.device("cpu"))
    before = torch.get_rng_state()
    list(images.epoch([np.arange(4), np.arange(4, 8)]))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_is_its_batches_in_order(both):
    chunks = [np.array([3, 1]), np.array([0]), np.array([7, 3, 5])]
    kept, streamed = (Images(dataset.train, dataset, torch.device("cpu")) for dataset in both)
    for chunk, one, two in zip(chunks, kept.epoch(chunks), streamed.epoch(chunks), strict=True):
        for ours, theirs, read_here in zip(one, two, streamed.batch(chunk), strict=True):
            assert torch.equal(ours, theirs)
            assert torch.equal(ours, read_here)


def test_an_epoch_left_half_way_does_not_trouble_the_next(both):
    images = Images(both[1].train, both[1], torch.device("cpu"))
    chunks = [np.arange(start, start + 4) for start in range(0, 40, 4)]
    wanted = [labels.tolist() for _, labels in images.epoch(chunks)]
    next(iter(images.epoch(chunks)))
    assert [labels.tolist() for _, labels in images.epoch(chunks)] == wanted


def test_it_is_exported_as_any_other(both, tmp_path):
    results = []
    for name, dataset in zip(("kept", "streamed"), both, strict=True):
        training = start(dataset)
        training.run_epoch()
        training.save(tmp_path / name)
        results.append(
            export_checkpoint(network(dataset), tmp_path / name, dataset, tmp_path / f"{name} export", name=name)
        )
    assert results[0].test_accuracy == results[1].test_accuracy


def test_it_travels_as_names(tmp_path):
    write_images(tmp_path, counts=(200, 200))
    streamed = load_dataset("folder", tmp_path, size=64, memory=1_000_000)
    pixels = 400 * 3 * 64 * 64
    assert len(pickle.dumps(streamed)) < pixels / 50
    again = pickle.loads(pickle.dumps(streamed))  # noqa: S301
    assert np.array_equal(again.train.images[:5], streamed.train.images[:5])


def test_what_is_kept_is_decided_by_number_and_size(tmp_path):
    """Before anything is decoded; at the limit it is kept."""
    write_images(tmp_path, counts=(10, 10))
    needed = 20 * 3 * SIZE * SIZE
    for most, kind in ((needed, np.ndarray), (needed - 1, Streamed)):
        assert isinstance(load_dataset("folder", tmp_path, size=SIZE, memory=most).train.images, kind)


def test_damaged_images_are_skipped_and_named(tmp_path):
    write_images(tmp_path)
    whole = (tmp_path / "class 0" / "000.png").read_bytes()
    (tmp_path / "class 0" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "class 1" / "text.jpg").write_text("no image")
    kept, streamed = (load_dataset("folder", tmp_path, size=SIZE, memory=memory) for memory in (None, 1))
    assert_equal(kept, streamed)
    assert [Path(entry.split(": ")[0]).name for entry in streamed.skipped] == ["cut.png", "text.jpg"]


def test_unlike_sizes_need_a_size(folder):
    with pytest.raises(DataError, match=r"class 0/000.png is \d+x\d+ and .* is \d+x\d+[^\0]*Set data.size"):
        load_dataset("folder", folder, memory=1)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, r"\.png: .*No such file.*\n  It could be read when the sweep started"),
        (lambda file: Image.new("RGB", (5, 4)).save(file), r"\.png is \(3, 4, 5\) \(C, H, W\) and was \(3, 10, 10\)"),
    ],
    ids=["gone", "changed"],
)
def test_a_file_that_changes_under_way_is_named(tmp_path, harm, message):
    for label in range(2):
        (tmp_path / str(label)).mkdir()
        for number in range(20):
            Image.new("RGB", (SIZE, SIZE), (label, number, 0)).save(tmp_path / str(label) / f"{number}.png")
    training = start(load_dataset("folder", tmp_path, memory=1))
    for file in tmp_path.glob("*/*.png"):
        harm(file)
    with pytest.raises(DataError, match=message):
        training.run_epoch()
