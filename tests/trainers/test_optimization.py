"""Learning rates: what a schedule gives when, and which trainings of two lengths have had the same so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from convscape.spaces import CheckpointError, parse_notation
from convscape.trainers import Recipe, Training, load_dataset
from convscape.trainers.optimization import DECAY, NEARLY, UNMIXED, learning_rate, mixes, same_so_far
from hypothesis import given, strategies as st

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 10
schedules = st.sampled_from(["constant", "cosine", "wsd"])
NETWORK = parse_notation("INPUT[8x8x1] -> CONV3-4 -> BN -> RELU -> FC-10")


def rates(recipe: Recipe, epoch: int, epochs: int) -> list[float]:
    """The rate of each step of the first `epoch` epochs."""
    return [learning_rate(recipe, step / STEPS, epochs, STEPS) for step in range(epoch * STEPS)]


@given(schedules, st.integers(0, 40), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.0, 0.5, 3.0]))
def test_what_is_said_to_be_the_same_is_the_same(
    schedule: Literal["constant", "cosine", "wsd"], epoch: int, one: int, other: int, warmup: float
) -> None:
    recipe, epoch = Recipe(schedule=schedule, warmup=warmup), min(epoch, one, other)
    if same_so_far(recipe, epoch, one, other):
        off = NEARLY * recipe.learning_rate if schedule == "cosine" else 0.0
        assert rates(recipe, epoch, one) == pytest.approx(rates(recipe, epoch, other), rel=0, abs=1.01 * off)


@given(schedules, st.integers(0, 40), st.integers(1, 40), st.integers(1, 40))
def test_nor_does_mixing_differ_in_what_is_the_same(
    schedule: Literal["constant", "cosine", "wsd"], epoch: int, one: int, other: int
) -> None:
    recipe, epoch = Recipe(schedule=schedule, cutmix=1.0), min(epoch, one, other)
    if same_so_far(recipe, epoch, one, other):
        assert [mixes(recipe, at, one) for at in range(epoch)] == [mixes(recipe, at, other) for at in range(epoch)]
    assert not mixes(recipe, one - 1, one) or one < 1 / UNMIXED, "it ends on images as they are"


@given(st.integers(5, 100))
def test_wsd_is_constant_and_then_falls_to_nearly_nothing(epochs: int) -> None:
    recipe = Recipe(schedule="wsd", warmup=0)
    found = rates(recipe, epochs, epochs)
    stable = int((1 - DECAY) * epochs * STEPS)
    assert set(found[:stable]) == {recipe.learning_rate}
    falling = found[stable + 1 :]
    assert falling == sorted(falling, reverse=True)
    assert 0 < falling[-1] < recipe.learning_rate / 10


def test_a_training_goes_on_to_another_length_as_if_it_had_been_its_own(tmp_path: Path) -> None:
    """Hu et al. 2024: a training of warm-up, stable, decay can be cut, or lengthened, anywhere before its decay."""
    digits, recipe = load_dataset("digits", train=100, validation=50), Recipe(schedule="wsd", batch_size=32)
    first = Training(NETWORK, recipe, digits, seed=0, epochs=1_000_000)
    first.run_epoch()
    first.save(tmp_path / "1")
    whole, longer = (Training(NETWORK, recipe, digits, seed=0, epochs=4) for _ in range(2))
    longer.restore(tmp_path / "1")
    curve = [whole.run_epoch().train_loss for _ in range(4)]
    assert [longer.run_epoch().train_loss for _ in range(3)] == curve[1:]
    whole.save(tmp_path / "4")
    with pytest.raises(CheckpointError, match="not those of a training of 9 epochs"):
        Training(NETWORK, recipe, digits, seed=0, epochs=9).restore(tmp_path / "4")
