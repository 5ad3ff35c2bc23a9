"""Every layer and block of the spaces, and the classics: forward and backward on the device, against the CPU."""

from __future__ import annotations

import pytest
import torch
from convscape.spaces import CLASSICS, Architecture
from convscape.spaces.layers import LAYERS as KINDS
from convscape.trainers import build_network, modules
from gpu.networks import BLOCK_CASES, LAYERS, block_network, small_classic
from gpu.steps import smooth_seed, step
from torch import nn

pytestmark = pytest.mark.gpu("correctness")

RELATIVE = 1e-3
WORSE = 10
"""In a deep network rounding adds up, and switches ReLUs: how many times further from float64 than the CPU's float32 a
device may be."""


def check(network: Architecture, device: str, figure) -> None:
    """Both precisions forward and backward, float32 as near to float64 as it should be."""
    seed = smooth_seed(network)
    exact, cpu = step(network, "cpu", double=True, seed=seed), step(network, "cpu", seed=seed)
    found = step(network, device, seed=seed)
    figure("largest difference", exact.apart(found))
    assert found.finite
    assert found.loss == pytest.approx(exact.loss, rel=RELATIVE)
    assert exact.apart(found) <= max(RELATIVE, WORSE * exact.apart(cpu))
    half = step(network, device, precision="bfloat16", seed=seed)
    assert half.finite
    assert half.loss == pytest.approx(exact.loss, rel=0.1)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_goes_forward_and_backward_as_on_the_cpu(name: str, device: str, figure) -> None:
    check(LAYERS[name], device, figure)


def test_every_kind_of_layer_and_module_is_among_them(device: str) -> None:
    kinds = {each.layer.kind for network in LAYERS.values() for each in network.steps}
    assert kinds == set(KINDS)
    with torch.device("meta"):
        built = {type(module) for network in LAYERS.values() for module in build_network(network).modules()}
    own = {each for each in vars(modules).values() if isinstance(each, type) and issubclass(each, nn.Module)}
    assert {each.__name__ for each in own - built} == set()


@pytest.mark.parametrize(("block", "norm", "downsampling"), BLOCK_CASES)
def test_every_block_goes_forward_and_backward_as_on_the_cpu(
    block: str, norm: str, downsampling: str, device: str, figure
) -> None:
    check(block_network(block, norm, downsampling), device, figure)


@pytest.mark.gpu("rest")
@pytest.mark.parametrize("name", CLASSICS)
def test_every_classic_goes_forward_and_backward_as_on_the_cpu(name: str, device: str, figure) -> None:
    network = small_classic(name)
    exact, cpu = step(network, "cpu", double=True), step(network, "cpu")
    found = step(network, device)
    figure("largest difference", exact.apart(found))
    assert found.finite
    assert found.loss == pytest.approx(exact.loss, rel=RELATIVE)
    assert exact.apart(found) <= max(RELATIVE, WORSE * exact.apart(cpu))
