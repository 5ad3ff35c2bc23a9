"""One training step on the device: loss and gradients against the CPU's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gpu.networks import PLAIN, STRIDED, block_network
from gpu.steps import smooth_seed, step

if TYPE_CHECKING:
    from convscape.spaces import Architecture

pytestmark = pytest.mark.gpu("correctness")

RELATIVE = 1e-3
ROUNDING = 2.0**-8
"""The largest relative error of a number rounded to bfloat16, which has 8 bits of mantissa."""
NETWORKS: dict[str, Architecture] = {
    "plain": PLAIN,
    "batch norm": STRIDED,
    "residual": block_network("residual", "batch", "max"),
    "inception": block_network("inception", "none", "average"),
    "separable": block_network("separable", "batch", "strided"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_in_float32_has_the_loss_and_the_gradients_of_the_cpu(name: str, device: str, figure) -> None:
    network = NETWORKS[name]
    seed = smooth_seed(network)
    exact, cpu = step(network, "cpu", double=True, seed=seed), step(network, "cpu", seed=seed)
    found = step(network, device, seed=seed)
    worst, weight = cpu.worst(found)
    figure("largest difference", worst)
    assert found.loss == pytest.approx(cpu.loss, rel=RELATIVE)
    assert worst <= RELATIVE, weight
    assert exact.apart(found) <= RELATIVE  # and both are what the formulas say


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_in_bfloat16_is_as_near_to_float32_as_the_cpus(name: str, device: str, figure) -> None:
    """Rounding alone moves a gradient by ROUNDING times the root of how often a value on its way is rounded.

    Besides, each ReLU and max pooling switches where rounding moves a value past another, by far the larger part. How
    often is the network's property, so the CPU in bfloat16 shows it; other kernels may do twice as badly.
    """
    network = NETWORKS[name]
    seed = smooth_seed(network)
    exact = step(network, "cpu", double=True, seed=seed)
    cpu, found = (step(network, where, precision="bfloat16", seed=seed) for where in ("cpu", device))
    allowed = 2 * max(exact.apart(cpu), ROUNDING * (4 * len(network.steps)) ** 0.5)
    figure("difference from float64", exact.apart(found))
    assert found.finite
    assert exact.apart(found) <= allowed
    assert abs(found.loss - exact.loss) <= 2 * abs(cpu.loss - exact.loss) + 4 * ROUNDING * exact.loss
