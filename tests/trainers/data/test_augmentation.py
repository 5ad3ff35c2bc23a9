from __future__ import annotations

import numpy as np
import pytest
import torch
from convscape.trainers.data.augmentation import cut_out, gathered, mixed
from convscape.trainers.data.dataset import Dataset, Part
from convscape.trainers.data.images import Images
from convscape.trainers.recipe import Recipe
from hypothesis import given, settings, strategies as st


def numbered(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Every cell with a value of its own."""
    cells = count * channels * height * width
    return torch.arange(cells, dtype=torch.int32).view(count, channels, height, width)


def shifts_and_flips(image: np.ndarray, crop: int, *, flip: bool) -> list[np.ndarray]:
    """All that may become of (C, H, W): numpy's own reflection, every window of it, and the mirror images."""
    _, height, width = image.shape
    found = []
    for source in [image, image[:, :, ::-1]] if flip else [image]:
        around = np.pad(source, ((0, 0), (crop, crop), (crop, crop)), mode="reflect")
        found += [
            around[:, top : top + height, left : left + width]
            for top in range(2 * crop + 1)
            for left in range(2 * crop + 1)
        ]
    return found


@given(
    channels=st.sampled_from([1, 3]), height=st.integers(3, 6), width=st.integers(3, 6), crop=st.integers(0, 4),
    flip=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_every_image_is_one_of_its_shifts(channels, height, width, crop, flip, seed):
    pixels = numbered(5, channels, height, width)
    where = torch.tensor([3, 0, 3])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        drawn = gathered(pixels, where, crop=crop, flip=flip)
    assert drawn.shape == (3, channels, height, width)
    assert drawn.is_contiguous(memory_format=torch.channels_last)
    for image, index in zip(drawn.numpy(), where, strict=True):
        possible = shifts_and_flips(pixels[index].numpy(), crop, flip=flip)
        assert any(np.array_equal(image, candidate) for candidate in possible)


def test_every_shift_comes_up_about_as_often():
    pixels = numbered(1, 1, 4, 4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = gathered(pixels, torch.zeros(1800, dtype=torch.int64), crop=1, flip=True)
    _, counts = np.unique(drawn.flatten(1).numpy(), axis=0, return_counts=True)
    assert len(counts) == 18
    assert counts.min() > 60


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_cutout_zeroes_one_square(size):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images = cut_out(torch.ones(200, 3, 5, 6), size)
    holes = images[:, 0] == 0
    assert torch.equal(images == 0, holes[:, None].expand_as(images))
    for hole in holes:
        rows, columns = hole.any(1), hole.any(0)
        assert torch.equal(hole, rows[:, None] & columns)
        assert 1 <= rows.sum() <= size
        assert 1 <= columns.sum() <= size
    assert holes.any(0).all()
    assert holes.sum((1, 2)).max() == min(size, 5) * min(size, 6)


def one_image_often(image: np.ndarray) -> Images:
    """`image` (C, H, W) with a mean that none of its values is."""
    part = Part(image[None], np.zeros(1, dtype=np.int64))
    dataset = Dataset(
        name="one", train=part, validation=part, test=part, classes=("only",), mean=(1 / 500,), std=(1 / 255,)
    )
    return Images(part, dataset, torch.device("cpu"))


def outcomes(images: Images, recipe: Recipe) -> set[bytes]:
    """All that becomes of the image by chance, as pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn, _ = images.batch(np.zeros(2_000, dtype=np.int64), augment=recipe)
    return {image.tobytes() for image in (drawn + 0.51).round().byte().numpy()}


@pytest.mark.parametrize(("crop", "flip"), [(0, True), (1, False), (2, False), (1, True)])
def test_images_are_shifted_and_mirrored_as_the_recipe_says_and_not_more(crop, flip):
    image = np.arange(20, dtype=np.uint8).reshape(1, 4, 5) * 2
    possible = {each.tobytes() for each in shifts_and_flips(image, crop, flip=flip)}
    assert len(possible) == (2 * crop + 1) ** 2 * (1 + flip)
    assert outcomes(one_image_often(image), Recipe(crop=crop, flip=flip)) == possible


@pytest.mark.parametrize("size", [2, 3])
def test_the_square_cut_out_is_as_large_as_the_recipe_says(size):
    images = one_image_often(np.full((1, 5, 6), 200, dtype=np.uint8))
    drawn, _ = images.batch(np.zeros(200, dtype=np.int64), augment=Recipe(cutout=size))
    holes = (drawn == 0).sum((1, 2, 3))
    assert holes.max() == size**2
    assert holes.min() >= 1
    assert len(drawn.unique()) == 2


def test_without_a_recipe_images_are_as_they_are():
    image = np.arange(20, dtype=np.uint8).reshape(1, 4, 5)
    images, labels = one_image_often(image).batch(np.zeros(3, dtype=np.int64))
    expected = (image / 255 - 1 / 500) * 255
    np.testing.assert_allclose(images.numpy(), np.broadcast_to(expected, (3, 1, 4, 5)), rtol=1e-5, atol=1e-5)
    assert labels.tolist() == [0, 0, 0]


@given(
    count=st.integers(2, 9), height=st.integers(2, 9), width=st.integers(2, 9), seed=st.integers(0, 999),
    kind=st.sampled_from([(0.2, 0.0), (0.0, 1.0), (0.4, 0.5)]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_mixed_image_is_of_two_in_the_share_that_its_labels_have(count, height, width, seed, kind):
    """Every image has one value of its own, so the mean of a mixed one says how much of which is in it."""
    values = torch.arange(1.0, count + 1)
    images, labels = values.view(count, 1, 1, 1).expand(count, 2, height, width).contiguous(), torch.arange(count)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = mixed(images, labels, mixup=kind[0], cutmix=kind[1])
    assert sorted(made.others.tolist()) == labels.tolist(), "each is the second of one"
    assert 0 <= made.share <= 1
    wanted = made.share * values + (1 - made.share) * values[made.others]
    assert torch.allclose(made.images.mean((1, 2, 3)), wanted, atol=1e-4)
    assert torch.equal(images, values.view(count, 1, 1, 1).expand_as(images)), "the batch itself is left as it is"
    if not kind[0]:
        assert all(image.unique().numel() <= 2 for image in made.images), "cut, not blended"


def test_both_kinds_of_mixing_come_up_and_shares_have_the_means_of_their_distributions():
    """Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1))."""
    images, labels = torch.rand(9, 1, 9, 9), torch.arange(9)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        blends = [mixed(images, labels, mixup=0.2, cutmix=0.0).share for _ in range(2000)]
        both = [mixed(images, labels, mixup=1.0, cutmix=1.0).images for _ in range(400)]
    assert np.mean(blends) == pytest.approx(0.5, abs=0.03)
    assert np.var(blends) == pytest.approx(1 / (4 * 1.4), abs=0.01)
    cut = sum(bool(torch.isin(image, images).all()) for image in both)
    assert 140 < cut < 260
