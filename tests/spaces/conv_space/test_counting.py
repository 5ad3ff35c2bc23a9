"""The size of a space against every network it can give, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convscape.spaces.conv_space import counting as sizes
from convscape.spaces.conv_space.blocks import BLOCKS
from convscape.spaces.conv_space.counting import Size
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.conv_space.stages import DOWNSAMPLING
from convscape.spaces.errors import SpaceError
from convscape.spaces.geometry import FITS
from hypothesis import example, given, settings, strategies as st
from scripts import every_answer, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from convscape.spaces.architecture import Architecture

SMALL = {
    "stages": 2, "convolutions": 1, "filters": 4, "growth": 1, "kernel": 3, "large_filters": "single",
    "padding": "same", "downsampling": "none", "norm": "none", "dropout": 0.0, "head": "fc", "hidden": 0,
}  # fmt: skip


def every_network(space: ConvSpace, image: Any, most: int = 400) -> Iterator[Architecture]:
    return (space.sample(trial, image, 10) for trial in every_answer(most))


OF_A_STAGE: dict[str, st.SearchStrategy[Any]] = {
    "convolutions": some(1, 2),
    "block": some(*BLOCKS),
    "filters": some(1, 2, 4),
    "growth": some(0.5, 1, 2)
    | st.sampled_from([{"low": 1, "high": 2.0}, {"low": 1, "high": 2}, {"low": 1, "high": 2, "step": 0.5}]),
    "kernel": some(1, 2, 3, 5),
    "large_filters": some("single", "stack"),
    "dilation": some(1, 2),
    "padding": some("same", "valid"),
    "downsampling": some(*DOWNSAMPLING),
    "stride": some(1, 2),
    "norm": some("batch", "none", "local_response"),
    "activation": some("relu", "tanh"),
    "stage_dropout": some(0.0, 0.1) | st.just({"low": 0.0, "high": 0.5}),
    "dropout_kind": some("spatial", "plain"),
}
OF_ALL: dict[str, st.SearchStrategy[Any]] = OF_A_STAGE | {
    "dropout": some(0, 0.0, 0.1, 0.1001)
    | st.sampled_from([{"low": 0.0, "high": 0.5}, {"low": 0, "high": 0.5, "step": 0.2}]),
    "head": some("fc", "global_average", "convolution"),
    "hidden": some(0, 3),
    "hidden_layers": some(1, 2),
    "fit": some(*FITS),
}


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    """A few keys open, so that every network can be looked at; maybe some of a single stage."""
    chosen: dict[str, Any] = {"stages": draw(some(0, 1, 2, 3))}
    for key in draw(st.lists(st.sampled_from(sorted(OF_ALL)), max_size=5, unique=True)):
        chosen[key] = draw(OF_ALL[key])
    most = max(chosen["stages"])
    for stage in draw(st.lists(st.integers(1, most), max_size=2, unique=True)) if most else []:
        keys = sorted(set(OF_A_STAGE) - ({"growth"} if stage == 1 else set()))
        own = draw(st.lists(st.sampled_from(keys), max_size=2, unique=True))
        chosen[f"stage{stage}"] = {key: draw(OF_A_STAGE[key]) for key in own}
    return chosen


@settings(max_examples=150, deadline=None)
@given(spaces(), st.sampled_from([(1, 8, 8), (1, 6, 9)]))
@example(
    {"stages": [1, 2], "convolutions": [1, 2], "kernel": [3, 5], "downsampling": ["none", "convolution"]}, (1, 8, 8)
)
@example(
    {"stages": [0, 2], "growth": [0.5, 1], "filters": [1, 2], "fit": ["crop", "pad"], "padding": ["same", "valid"]},
    (1, 9, 8),
)
def test_the_size_is_the_number_of_distinct_digests(chosen: dict[str, Any], image: Any) -> None:
    space = ConvSpace(**(SMALL | chosen))
    try:
        space.check(image)
    except SpaceError:  # nothing to count
        return
    try:
        digests = {network.digest for network in every_network(space, image)}
    except TimeoutError:  # too much
        return
    size = space.size(image)
    assert size.exact
    assert size.networks == len(digests)


def test_choices_that_give_one_network_count_once() -> None:
    two_ways = {"stages": [1, 2], "convolutions": [1, 2]}  # a stage of two, or two of one: 1, 2, 3 or 4 convolutions
    assert ConvSpace(**(SMALL | two_ways)).size((1, 8, 8)).networks == 4


def test_a_range_counts_as_one_and_is_named() -> None:
    space = ConvSpace(**(SMALL | {"growth": {"low": 1, "high": 2.0}, "dropout": {"low": 0.0, "high": 0.5}}))
    assert space.size((1, 8, 8)) == Size(1, True, ("growth", "dropout"))
    assert str(space.size((1, 8, 8))) == "1 distinct network, counting a range as one value (growth, dropout)"


def test_a_space_too_large_to_count_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    space = ConvSpace(**(SMALL | {"stages": [1, 2], "convolutions": [1, 2]}))
    monkeypatch.setattr(sizes, "MOST_STEPS", 2)
    assert space.size((1, 8, 8)) == Size(6, False, ())
    assert str(space.size((1, 8, 8))) == "at most 6 distinct networks"


def test_the_default_space_is_counted() -> None:
    size = ConvSpace().size((3, 512, 512))
    assert size.exact
    assert size.networks > 10**6


def test_an_average_over_one_cell_is_no_other_network() -> None:
    space = ConvSpace(**(SMALL | {"stages": 1, "kernel": 7, "padding": "valid", "head": ["fc", "global_average"]}))
    assert space.size((1, 7, 7)).networks == 1
    assert space.size((1, 8, 8)).networks == 2


def test_a_range_that_no_stage_asks_for_is_not_named() -> None:
    own = {"stage1": {"stage_dropout": 0.1}, "stage2": {"filters": 8, "stage_dropout": 0.2}}
    ranges = {"growth": {"low": 1.0, "high": 2.0}, "stage_dropout": {"low": 0.0, "high": 0.5}}
    assert ConvSpace(**(SMALL | ranges | own)).size((1, 8, 8)).ranges == ()


def test_the_widest_space_is_bounded_not_waited_for() -> None:
    space = ConvSpace(
        stages=[1, 2, 3, 4], convolutions=[1, 2, 3], block=list(BLOCKS), kernel=[1, 3, 5],
        filters=[8, 16, 32, 64],
        growth={"low": 1.0, "high": 4.0}, dilation=[1, 2], downsampling=list(DOWNSAMPLING),
        norm=["batch", "local_response", "none"], fit=list(FITS),
    )  # fmt: skip
    size = space.size((3, 4096, 4096))
    assert not size.exact
    assert size.networks > 10**12
