"""Images on a device, kept there or sent a batch at a time: the same batches. PyTorch's "meta" stands for a GPU."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from convscape.trainers.data import images as module
from convscape.trainers.data.dataset import Dataset, load_dataset
from convscape.trainers.data.images import Images, bytes_on
from convscape.trainers.recipe import Recipe

CPU, GPU = torch.device("cpu"), torch.device("meta")
CHUNKS = np.split(np.random.default_rng(0).permutation(320), 10)


@pytest.mark.parametrize("recipe", [None, Recipe(crop=2, flip=True, cutout=3)])
def test_images_sent_by_the_batch_are_the_same(digits: Dataset, recipe: Recipe | None) -> None:
    found: list[list[torch.Tensor]] = []
    for resident in (True, False):
        torch.manual_seed(1)
        batches = Images(digits.train, digits, CPU, resident=resident).epoch(CHUNKS, recipe)
        found.append([tensor for batch in batches for tensor in batch])
    assert len(found[0]) == 20
    assert all(torch.equal(kept, sent) for kept, sent in zip(*found, strict=True))


def test_trainings_in_one_process_share_what_was_sent(digits: Dataset) -> None:
    first, second = (Images(digits.train, digits, GPU)._store for _ in range(2))
    assert first._images.device == GPU  # pyright: ignore[reportAttributeAccessIssue]
    assert first._images is second._images  # pyright: ignore[reportAttributeAccessIssue]


def test_what_was_sent_goes_with_the_data_set() -> None:
    other = load_dataset("digits", train=20, validation=10)
    Images(other.train, other, GPU)
    assert len(module._SENT) == 1
    del other
    gc.collect()
    assert len(module._SENT) == 0


def test_one_data_set_lies_on_a_gpu_at_a_time(digits: Dataset) -> None:
    """A training's memory is planned with its own images: those of a fold and those it was cut from are too many."""
    for part in (digits.train, digits.validation):
        Images(part, digits, GPU)
    assert set(module._SENT) == {digits.train, digits.validation}
    fold = digits.fold(1)
    Images(fold.train, fold, GPU)
    assert set(module._SENT) == {fold.train}


def test_only_what_fits_is_kept_on_a_gpu(digits: Dataset) -> None:
    needed = 420 * 64
    assert bytes_on(digits, GPU, 4 * needed) == needed
    assert bytes_on(digits, GPU, 4 * needed - 1) == 0
    assert bytes_on(digits, CPU, 4 * needed) == 0
    sent = Images(digits.train, digits, GPU, resident=False)
    images, labels = sent.batch(np.arange(5))
    assert (images.device, labels.device, images.shape) == (GPU, GPU, (5, 1, 8, 8))
