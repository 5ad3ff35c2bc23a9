from __future__ import annotations

import math
import pickle
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from convscape.spaces.errors import DataError
from convscape.trainers.data.dataset import load_dataset, split, stratified
from convscape.trainers.data.images import Images
from convscape.trainers.data.names import DATA_SETS
from convscape.trainers.data.sources import TORCHVISION, Source
from hypothesis import given, settings, strategies as st


def source(count: int = 200, classes: int = 4, seed: int = 0, test=None) -> Source:
    """Images whose pixels are their own number, so that a test can follow each one; classes of unlike sizes."""
    images = np.zeros((count, 1, 2, 2), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(count) // 256, np.arange(count) % 256
    shares = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    labels = np.random.default_rng(seed).choice(classes, count, p=shares).astype(np.int64)
    return Source(images, labels, tuple(f"class {number}" for number in range(classes)), test=test)


def numbers(part) -> list[int]:
    return (part.images[:, 0, 0, 0].astype(int) * 256 + part.images[:, 0, 0, 1]).tolist()


def test_digits_as_they_come():
    digits = load_dataset("digits")
    assert digits.input == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1150, 288, 359)
    assert digits.train.images.dtype == np.uint8
    assert digits.train.labels.dtype == np.int64
    assert digits.train.images.max() == 255


@given(
    train=st.none() | st.integers(10, 80) | st.floats(0.1, 0.5),
    validation=st.none() | st.integers(1, 60) | st.floats(0.05, 0.4),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_parts_share_nothing_and_keep_the_classes(train, validation, seed):
    whole = source()
    data = split("mine", whole, train=train, validation=validation, seed=seed)
    seen = [number for part in (data.train, data.validation, data.test) for number in numbers(part)]
    assert len(seen) == len(set(seen))
    assert len(data.test) == 40
    shares = np.bincount(whole.labels, minlength=4) / len(whole.labels)
    for part in (data.train, data.validation, data.test):
        assert part.labels.tolist() == whole.labels[numbers(part)].tolist()
        assert np.abs(np.bincount(part.labels, minlength=4) - shares * len(part)).max() < 2.5
    if isinstance(train, int):
        assert len(data.train) == train
    if isinstance(train, float):
        assert len(data.train) == round(train * 160)
    if isinstance(validation, int):
        assert len(data.validation) == validation
    if train is None:
        assert len(seen) == 200


def test_the_seed_moves_train_and_validation_but_not_the_test():
    first, again, other = (split("mine", source(), seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert numbers(first.test) == numbers(other.test)
    assert numbers(first.validation) != numbers(other.validation)


def test_a_limit_on_train_leaves_validation_as_it_is():
    few, many = (split("mine", source(), train=train, validation=30) for train in (40, 80))
    assert numbers(few.validation) == numbers(many.validation)


def test_an_official_test_part_stays_whole():
    test = (np.full((7, 1, 2, 2), 9, dtype=np.uint8), np.zeros(7, dtype=np.int64))
    data = split("mine", source(test=test))
    assert len(data.test) == 7
    assert (len(data.train), len(data.validation)) == (160, 40)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_stratified_takes_each_class_in_proportion(sizes, data):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    count = data.draw(st.integers(0, len(labels)))
    chosen = stratified(labels, np.arange(len(labels)), count, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == count
    expected = np.array(sizes) * count / len(labels)
    assert np.abs(np.bincount(labels[chosen], minlength=len(sizes)) - expected).max() <= 1


def test_normalisation_is_that_of_the_training_part():
    data = load_dataset("digits", train=200)
    pixels = data.train.images.astype(np.float64) / 255
    assert data.mean == pytest.approx((pixels.mean(),))
    assert data.std == pytest.approx((pixels.std(),))


def test_normalisation_copies_no_image_into_wider_numbers() -> None:
    """The parts are a copy of the images; what is counted beside them is less than another."""
    images = np.random.default_rng(0).integers(0, 256, (4_096, 3, 32, 32), dtype=np.uint8)
    tracemalloc.start()
    data = split("mine", Source(images, np.arange(len(images)) % 2, ("a", "b")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * images.nbytes
    learnt = data.train.images.astype(np.int64)
    cells = learnt[:, 0].size
    sums, squares = learnt.sum(axis=(0, 2, 3)).tolist(), (learnt**2).sum(axis=(0, 2, 3)).tolist()
    assert data.mean == tuple(first / (255 * cells) for first in sums)
    wanted = zip(sums, squares, strict=True)
    assert data.std == tuple(math.sqrt((cells * second - first**2) / (255 * cells) ** 2) for first, second in wanted)


def test_a_channel_without_spread_is_not_divided_by_zero():
    images = np.full((50, 2, 2, 2), 7, dtype=np.uint8)
    images[::2, 1] = 9
    std = split("mine", Source(images, np.arange(50) % 2, ("a", "b"))).std
    assert std[0] == 1.0
    assert std[1] == pytest.approx(1 / 255)


def test_images_that_are_all_the_same_are_refused():
    images = np.full((50, 1, 2, 2), 7, dtype=np.uint8)
    with pytest.raises(DataError, match="mine: all 32 images to train on are the same"):
        split("mine", Source(images, np.arange(50) % 2, ("a", "b")))


def test_the_fingerprint_sees_one_pixel_and_survives_pickling():
    whole = source()
    before = split("mine", whole)
    assert pickle.loads(pickle.dumps(before)).fingerprint == before.fingerprint  # noqa: S301
    whole.images[3, 0, 1, 1] = 1
    assert split("mine", whole).fingerprint != before.fingerprint


def test_images_travel_beside_the_pickle_and_are_not_copied():
    """Ray hands such buffers to the workers of a node as one piece of shared memory, read-only."""
    images = np.zeros((60, 5, 7, 3), dtype=np.uint8).transpose(0, 3, 1, 2)  # not in one piece
    images[:, 0, 0, 0] = range(60)
    data = split("mine", Source(images, np.arange(60) % 3, ("a", "b", "c"), test=(images[:9], np.arange(9) % 3)))
    buffers: list[pickle.PickleBuffer] = []
    inside = pickle.dumps(data, protocol=5, buffer_callback=buffers.append)
    assert len(inside) < 2_000
    shared = [memoryview(buffer.raw().tobytes()) for buffer in buffers]
    arrived = pickle.loads(inside, buffers=shared)  # noqa: S301
    memory = [np.frombuffer(buffer, dtype=np.uint8) for buffer in shared]
    for part in (arrived.train, arrived.validation, arrived.test):
        assert not part.images.flags.writeable
        assert any(np.shares_memory(part.images, buffer) for buffer in memory)
        pixels, _, _ = Images(part, arrived, torch.device("cpu"))._store.batch(np.arange(2))
        assert pixels.data_ptr() == part.images.ctypes.data


def test_images_resized_beyond_the_memory_are_refused():
    with pytest.raises(DataError, match=r"data.size \(=100\): resized, the images need 17,970,000 bytes and 1,000,000"):
        load_dataset("digits", size=100, memory=1_000_000)


def test_images_are_resized():
    data = load_dataset("digits", train=20, validation=10, size=12)
    assert data.input == (1, 12, 12)
    assert len(data.test) == 359


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "fashon-mnist"}, "Did you mean 'fashion-mnist'"),
        ({"name": "cifar10"}, "data.root is not set"),
        ({"name": "folder", "root": "/nowhere"}, "there is no folder /nowhere"),
        ({"name": "digits", "train": 2000}, r"data.train \(=2,000\) is more than the 1,438 images"),
        ({"name": "digits", "train": 1400, "validation": 100}, "ask for 1,400 . 100 images and 1,438 are not test"),
        ({"name": "digits", "train": 5}, "too few for 10 classes"),
        ({"name": "digits", "train": 0}, r"data.train \(=0\)"),
        ({"name": "digits", "validation": 1.5}, r"data.validation \(=1.5\)"),
        ({"name": "digits", "validation": True}, r"data.validation \(=True\)"),
        ({"name": "digits", "size": 0}, r"data.size \(=0\)"),
    ],
)
def test_bad_input_says_what_and_where(arguments, message):
    with pytest.raises(DataError, match=message):
        load_dataset(**arguments)


@pytest.mark.parametrize("name", ["Digits", "DIGITS"])
def test_names_are_read_leniently(name):
    assert load_dataset(name, train=20, validation=10).name == "digits"


def test_known_names():
    assert ("digits", *TORCHVISION, "folder") == DATA_SETS


@given(st.integers(20, 400), st.integers(1, 300))
def test_a_refit_learns_from_validation_images_but_a_fifth(train, validation):
    digits = load_dataset("digits", train=train, validation=validation)
    refit = digits.for_refit()
    kept = max(1, round(0.2 * validation))
    assert (len(refit.train), len(refit.validation)) == (train + validation - kept, kept)
    both = np.concatenate([refit.train.images[train:], refit.validation.images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, digits.validation.images)), "each is in one of the two"
    assert np.array_equal(refit.train.images[:train], digits.train.images)
    counts = np.bincount(digits.validation.labels, minlength=10) * kept / validation
    assert np.all(np.abs(np.bincount(refit.validation.labels, minlength=10) - counts) < 1 + 1e-9), "every class's share"
    assert (refit.mean, refit.std, refit.test) == (digits.mean, digits.std, digits.test)
    assert (refit.fingerprint == digits.fingerprint) == (kept == validation)
    assert refit.fingerprint == digits.for_refit().fingerprint


@given(st.integers(20, 800), st.integers(5, 300), st.integers(0, 9))
def test_a_fold_is_another_split_of_the_same_images(train, validation, number):
    digits = load_dataset("digits", train=train, validation=validation)
    fold = digits.fold(number)
    if not number or train < validation:
        assert fold is digits
        return
    assert (len(fold.train), len(fold.validation)) == (train, validation)
    assert pairs(fold.train, fold.validation) == pairs(digits.train, digits.validation), "each image, with its label"
    assert set(fold.train.labels) >= set(digits.train.labels)
    assert (fold.mean, fold.std, fold.test, fold.fingerprint) == (
        digits.mean, digits.std, digits.test, digits.fold(number).fingerprint,
    )  # fmt: skip


def test_the_first_folds_validate_on_images_of_their_own():
    digits = load_dataset("digits", train=1000, validation=250)
    parts = [pairs(digits.fold(number).validation) for number in range(6)]
    own, later = parts[:5], parts[5]
    assert sum(own, Counter()) == pairs(digits.train, digits.validation), "five folds hold each image once"
    assert len({*map(str, parts)}) == 6
    assert any(later & part for part in own)
    counts = np.bincount(digits.train.labels, minlength=10) / 4
    assert np.all(np.abs(np.bincount(digits.fold(1).validation.labels, minlength=10) - counts) < 1), "a class's share"


def test_many_validation_images_or_a_part_of_their_own_are_kept():
    few, many = load_dataset("digits", train=438, validation=400), load_dataset("digits", train=400, validation=410)
    assert few.splits_again
    assert few.fold(1) is not few
    assert many.fold(1) is many, "there are too few others"
    assert replace(few, own=("validation",)).fold(1).validation is few.validation


def pairs(*parts):
    return sum((Counter(zip(map(bytes, part.images), part.labels.tolist(), strict=True)) for part in parts), Counter())
