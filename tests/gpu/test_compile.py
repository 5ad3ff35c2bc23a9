"""The training step as `torch.compile` makes it, against the step as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from gpu.curves import SGD, apart, curve, start
from gpu.networks import STRIDED
from torch._dynamo.utils import counters

if TYPE_CHECKING:
    from convscape.trainers.device import Precision

pytestmark = pytest.mark.gpu("compile")

NEARLY = {"float32": 0.02, "bfloat16": 0.05}
"""Compiled kernels round at other places than PyTorch's own."""
LACKING = re.compile(r"(C|C\+\+|CXX) compiler|Python\.h|working triton|nvcc", re.IGNORECASE)
"""Words of the compiler where the machine lacks what it needs."""


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_a_compiled_step_gives_the_curve_of_a_step_as_it_is(precision: Precision, device: str, figure) -> None:
    plain = curve(start(STRIDED, SGD, device, precision=precision), 2)
    compiled = start(STRIDED, SGD, device, precision=precision, compile=True)
    found = curve(compiled, 2)
    assert apart(plain, found) <= NEARLY[precision]
    if compiled.events and LACKING.search(compiled.events[0]):
        pytest.skip(compiled.events[0])  # the training went on without, as it should
    figure("largest difference", apart(plain, found))
    figure("graphs that the compiler left out", counters["inductor"]["cudagraph_skips"])
    assert compiled.events == []
