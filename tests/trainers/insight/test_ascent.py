"""Gradient ascent: along the weights of a linear score, within bounds, and by its own chance alone."""

from __future__ import annotations

import pytest
import torch
from convscape.trainers.insight.ascent import Ascent, _without_small, ascend

WEIGHTS = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))
PLAIN = Ascent(steps=8, blur=0, clip=0, jitter=0)


def linear(images: torch.Tensor) -> torch.Tensor:
    return (images * WEIGHTS).sum((1, 2, 3))


def test_a_linear_score_is_raised_along_its_weights() -> None:
    made = ascend(linear, (3, 2, 6, 6), PLAIN, seed=0)
    likeness = torch.nn.functional.cosine_similarity(made.flatten(1), WEIGHTS.flatten(1))
    assert likeness.tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_step_raises_the_score_of_the_image_as_it_was_shifted() -> None:
    seed, jitter = 1, 2
    shift = torch.randint(-jitter, jitter + 1, (2,), generator=torch.Generator().manual_seed(seed)).tolist()
    assert any(shift)
    made = ascend(linear, (3, 2, 6, 6), Ascent(steps=1, blur=0, clip=0, jitter=jitter), seed)
    likeness = torch.nn.functional.cosine_similarity(made.roll(shift, (2, 3)).flatten(1), WEIGHTS.flatten(1))
    assert likeness.tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_the_penalty_keeps_images_small() -> None:
    loose, tight = (ascend(linear, (3, 2, 6, 6), Ascent(steps=64, l2=l2, blur=0, clip=0), 0) for l2 in (0.05, 1.0))
    assert tight.norm() < 0.5 * loose.norm()


def test_blurred_images_are_smooth_and_clipped_ones_have_zeros() -> None:
    def roughness(images: torch.Tensor) -> float:
        return float(images.diff(dim=3).square().mean() / images.square().mean())

    shape = (3, 2, 6, 6)
    blurred = ascend(linear, shape, Ascent(steps=9, blur=1.0, clip=0, jitter=0), 0)
    assert roughness(blurred) < 0.7 * roughness(ascend(linear, shape, PLAIN, 0))
    images = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    clipped = _without_small(images, 0.5)
    kept = clipped.ne(0).any(1)
    assert (kept.sum((1, 2)) == 18).all(), "half of the pixels of each image"
    assert torch.equal(clipped, images * kept.unsqueeze(1)), "those that are left are as they were"
    sizes = images.norm(dim=1)
    assert all(sizes[n][kept[n]].min() > sizes[n][~kept[n]].max() for n in range(3)), "and the largest"


def test_equal_seeds_give_equal_images_and_torch_s_own_chance_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    one, again, other = (ascend(linear, (3, 2, 6, 6), Ascent(steps=6), seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_pixels_stay_within_their_bounds() -> None:
    bounds = torch.full((1, 2, 1, 1), -0.1), torch.full((1, 2, 1, 1), 0.2)
    made = ascend(linear, (3, 2, 6, 6), Ascent(steps=12), 0, bounds)
    assert made.min() == pytest.approx(-0.1)
    assert made.max() == pytest.approx(0.2)


def test_an_image_to_which_nothing_answers_is_moved_all_the_same() -> None:
    made = ascend(lambda images: linear(images.relu().square()), (3, 2, 6, 6), Ascent(steps=12), 0)
    assert made.abs().amax((1, 2, 3)).min() > 0
