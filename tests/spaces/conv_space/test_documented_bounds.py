"""What docs/sweep-file.md says of the space's keys is what the space does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from convscape.spaces.conv_space.settings import Settings
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.conv_space.stages import Stage
from convscape.spaces.errors import SpaceError
from convscape.spaces.layers import Activation, BatchNorm, Conv, LocalResponseNorm, Residual

PAGE = (Path(__file__).parents[3] / "docs" / "sweep-file.md").read_text()
BOUNDS = {
    "stages": (0, 12), "convolutions": (1, 16), "filters": (1, 4_096), "growth": (0.25, 4), "kernel": (1, 31),
    "dilation": (1, 16), "stride": (1, 8), "stage_dropout": (0, 0.9), "dropout": (0, 0.9), "hidden": (0, 65_536),
    "hidden_layers": (1, 4),
}  # fmt: skip


def meaning(key: str) -> str:
    row = re.search(rf"^\| `space\.{key}` \|[^|]*\| (.*) \|$", PAGE, re.MULTILINE)
    assert row
    return row[1]


@pytest.mark.parametrize(("key", "bounds"), BOUNDS.items())
def test_the_bounds_on_the_page_are_those_of_the_space(key: str, bounds: tuple[float, float]) -> None:
    low, high = bounds
    assert re.search(rf"\b{low:g}\b.*\bto {high:,}(?![\d.])", meaning(key))
    for value in bounds:
        Settings({key: value})
    for value in (low - 1, high + 1):
        with pytest.raises(SpaceError, match=f"space.{key}: "):
            Settings({key: value})


class Asked:
    """A trial that takes the first of everything and remembers the names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def suggest_categorical(self, name, choices):
        self.names.append(name)
        return choices[0]

    def suggest_int(self, name, low, *_, **__):
        self.names.append(name)
        return low

    suggest_float = suggest_int


def sampled(**settings):
    trial = Asked()
    fixed = {
        "stages": 1, "convolutions": 1, "filters": 8, "growth": 1, "kernel": 3, "large_filters": "single",
        "padding": "same", "downsampling": "none", "norm": "none", "dropout": 0.0, "head": "fc", "hidden": 0,
    }  # fmt: skip
    return ConvSpace(**fixed | settings).sample(trial, (1, 16, 16), 10), trial.names


@pytest.mark.parametrize(
    ("block", "kernel", "asked"),
    [("plain", 3, False), ("plain", 4, False), ("plain", 5, True), ("plain", 6, False), ("inception", 2, False),
     ("inception", 3, True), ("inception", 5, True), ("inception", 4, False)],
)  # fmt: skip
def test_a_large_filter_is_a_choice_where_f_is_odd(block: str, kernel: int, asked: bool) -> None:
    network, names = sampled(block=block, kernel=kernel, large_filters=["stack", "single"])
    assert ("stage1.large_filters" in names) is asked
    assert asked or (kernel, kernel) in {s.layer.kernel for s in network.steps if isinstance(s.layer, Conv)}


def test_strided_multiplies_the_last_stride_by_2() -> None:
    stage = Stage(
        convolutions=1,
        block="plain",
        kernel=3,
        form="single",
        dilation=1,
        stride=3,
        padding="same",
        downsampling="strided",
    )
    assert stage.strides == (6,)
    network, _ = sampled(stride=3, downsampling="strided", convolutions=2)
    assert [s.layer.stride[0] for s in network.steps if isinstance(s.layer, Conv)] == [3, 2]


def test_without_stages_the_head_is_fc() -> None:
    network, names = sampled(stages=0, head=["global_average", "convolution"])
    assert "head" not in names
    assert [step.layer.kind for step in network.steps] == ["flatten", "linear"]


def test_where_norm_and_activation_stand_in_a_residual_block() -> None:
    kinds = {norm: sampled(block="residual", norm=norm)[0].layers[:2] for norm in ("batch", "local_response")}
    for norm, (block, after) in kinds.items():
        assert isinstance(block, Residual)
        assert isinstance(after, Activation)
        between = [BatchNorm] if norm == "batch" else []
        following = [LocalResponseNorm] if norm == "local_response" else []
        body = [type(layer) for layer in block.body]
        assert body == [Conv, *between, Activation, *following, Conv, *between]


def test_what_is_chosen_for_each_stage_and_what_once() -> None:
    lists = {
        "convolutions": [1, 2], "block": ["plain", "separable"], "kernel": [5, 7], "dilation": [1, 2],
        "large_filters": ["single", "stack"], "downsampling": ["none", "max"], "stride": [1, 2],
        "norm": ["none", "batch"], "padding": ["same", "valid"], "activation": ["relu", "elu"],
    }  # fmt: skip
    _, names = sampled(stages=2, **lists)
    sentence = PAGE[PAGE.index("Where a list is given, ") : PAGE.index("are chosen anew for")]
    for key in lists:
        assert (f"stage2.{key}" in names) is (f"`{key}`" in sentence), key
    _, names = sampled(stages=2, stage2={"stride": [1, 2], "padding": ["same", "valid"]})
    assert {"stage2.stride", "stage2.padding"} <= set(names)
