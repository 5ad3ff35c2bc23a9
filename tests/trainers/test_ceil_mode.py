"""`fit=pad` beside PyTorch's `ceil_mode`: equal but for windows that see nothing, which stay and give 0."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from convscape.spaces import GeometryError
from convscape.spaces.architecture import Architecture
from convscape.spaces.geometry import output_size
from convscape.spaces.layers import Conv, Flatten, Linear, Parallel, Pool
from convscape.trainers.network import build_network

WINDOWS = [
    (size, kernel, stride, padding)
    for size, kernel, stride in itertools.product(range(1, 9), range(1, 5), range(1, 5))
    for padding in range(kernel // 2 + 1)
    if kernel <= size + 2 * padding
]
"""Cells of the input, F, S and P, as far as PyTorch pools so."""


@pytest.mark.parametrize("mode", ["max", "average"])
def test_pad_pools_as_ceil_mode_and_gives_zero_where_a_window_sees_nothing(mode):
    differ = 0
    for size, kernel, stride, padding in WINDOWS:
        images = torch.rand(2, 1, size, size) + 1
        layer = Pool(mode, kernel, stride, padding, fit="pad")
        network = build_network(Architecture((1, size, size), (layer, Flatten(), Linear(1)), 1))
        ours = network[0](images)
        theirs = F.max_pool2d(images, kernel, stride, padding, ceil_mode=True)
        seen = theirs.shape[2]
        began_outside = (ours.shape[2] - 1) * stride >= size + padding
        assert (ours.shape[2] == seen + 1) == began_outside
        assert ours.shape[2] - seen in (0, 1)
        assert (ours[:, :, seen:] == 0).all()
        assert (ours[:, :, :, seen:] == 0).all()
        if mode == "max":
            assert torch.equal(ours[:, :, :seen, :seen], theirs)
        differ += began_outside
    assert differ > 20


def test_a_convolution_and_a_pooling_of_one_window_give_maps_of_one_size():
    for size, kernel, stride, padding in WINDOWS:
        branches = ((Conv(2, kernel, stride, padding),), (Pool("max", kernel, stride, padding),))
        network = Architecture((1, size, size), (Parallel(branches), Flatten(), Linear(1)), 1, fit="pad")
        cells = output_size(size, kernel, stride, padding, fit="pad")
        assert network.steps[-3].output == (3, cells, cells)


def test_only_padding_or_a_stride_beyond_the_window_makes_such_a_window():
    for size, kernel, stride in itertools.product(range(1, 12), range(1, 6), range(1, 6)):
        try:
            windows = output_size(size, kernel, stride, fit="pad")
        except GeometryError:
            continue
        assert (windows - 1) * stride < size or stride > kernel
