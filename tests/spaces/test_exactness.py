"""Exact against PyTorch: a thousand distinct networks of a space as wide as can be, and all classics as published.

Parameters, shapes and MACs are equal; the activation bytes kept for backward are those of `saved_tensors_hooks`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.conv_space.blocks import BLOCKS, NORMS
from convscape.spaces.conv_space.settings import KEYS
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.conv_space.stages import DOWNSAMPLING
from convscape.spaces.cost import cost_table
from convscape.spaces.geometry import FITS
from oracles import kept_bytes, macs, on_meta, shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convscape.spaces.architecture import Architecture

BATCH = 2
NETWORKS = 1_000
IMAGES = ((1, 8, 8), (3, 17, 13), (2, 20, 32), (3, 32, 32))
"""(C, H, W)."""
WIDE: dict[str, Any] = {
    "stages": {"low": 0, "high": 3},
    "convolutions": [1, 2],
    "block": list(BLOCKS),
    "filters": [4, 6, 8],
    "growth": [0.5, 1, 1.5, 2],
    "kernel": {"low": 1, "high": 7},
    "large_filters": ["single", "stack"],
    "dilation": [1, 2],
    "stride": [1, 2, 3],
    "padding": ["same", "valid"],
    "downsampling": list(DOWNSAMPLING),
    "norm": list(NORMS),
    "activation": ["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"],
    "stage_dropout": [0.0, 0.2],
    "dropout_kind": ["spatial", "plain"],
    "dropout": [0.0, 0.3],
    "head": ["fc", "global_average", "convolution"],
    "hidden": [0, 16],
    "hidden_layers": [1, 2],
    "fit": list(FITS),
}


class RandomTrial:
    """The part of an Optuna trial a space asks."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def suggest_int(self, _name: str, low: int, high: int, *, step: int = 1, **_: Any) -> int:
        return self.source.randrange(low, high + 1, step)

    def suggest_float(self, _name: str, low: float, high: float, **_: Any) -> float:
        return self.source.uniform(low, high)

    def suggest_categorical(self, _name: str, choices: Sequence[Any]) -> Any:
        return self.source.choice(choices)


def sampled(count: int) -> Iterator[Architecture]:
    """Distinct networks of the wide space, the same each time."""
    space, source = ConvSpace(**WIDE), random.Random(0)  # noqa: S311
    seen: set[str] = set()
    while len(seen) < count:
        architecture = space.sample(RandomTrial(source), source.choice(IMAGES), 10)
        if architecture.digest not in seen:
            seen.add(architecture.digest)
            yield architecture


def check(architecture: Architecture) -> None:
    costs = cost_table(architecture)
    network = on_meta(architecture)
    for row in costs.rows[1:]:
        own = network.get_submodule(row.path).parameters(recurse=False)
        assert row.parameters == sum(parameter.numel() for parameter in own), row.path
    assert costs.totals.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert {row.path: row.output for row in costs.rows[1:]} == shapes(architecture)
    assert costs.totals.macs == macs(architecture)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as these are faster so."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def some() -> list[Architecture]:
    return list(sampled(100))


def test_the_wide_space_leaves_no_choice_out(some: list[Architecture]) -> None:
    assert set(WIDE) == set(KEYS)
    kinds = {step.layer.kind for architecture in some for step in architecture.steps}
    assert kinds == {
        "conv", "pool", "batch_norm", "local_response_norm", "activation", "dropout", "global_pool", "flatten",
        "linear", "residual", "parallel",
    }  # fmt: skip


def test_sampled_networks_cost_what_pytorch_says(some: list[Architecture]) -> None:
    for architecture in some[:10]:
        check(architecture)
        assert cost_table(architecture).kept_bytes(BATCH) == pytest.approx(kept_bytes(architecture, BATCH), rel=0.01)


@pytest.mark.slow
def test_a_thousand_sampled_networks_cost_what_pytorch_says() -> None:
    for architecture in sampled(NETWORKS):
        check(architecture)
        assert cost_table(architecture).kept_bytes(BATCH) == pytest.approx(kept_bytes(architecture, BATCH), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSICS)
def test_every_classic_as_published_costs_what_pytorch_says(name: str) -> None:
    architecture = classic(name)
    check(architecture)
    assert cost_table(architecture).kept_bytes(1) == pytest.approx(kept_bytes(architecture, 1), rel=0.01)
