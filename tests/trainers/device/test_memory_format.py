"""How images and weights lie in memory when they meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Activation, BatchNorm, Conv, Flatten, GlobalPool, Linear
from convscape.trainers.data.dataset import Dataset, split
from convscape.trainers.data.sources import Source
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from torch import nn

COLOURED = np.random.default_rng(0).integers(0, 256, (60, 3, 8, 8), dtype=np.uint8)
NETWORK = Architecture((3, 8, 8), (Conv(8), BatchNorm(), Activation(), Conv(6), GlobalPool(), Flatten(), Linear(2)), 2)


def coloured() -> Dataset:
    return split("noise", Source(COLOURED, np.arange(60) % 2, ("a", "b")))


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(crop=1), Recipe(cutout=3)], ids=["plain", "crop", "cutout"])
def test_weights_and_images_are_channels_last_all_the_way(recipe):
    training = Training(NETWORK, replace(recipe, batch_size=16), coloured(), seed=0, epochs=1)
    seen = []
    for network in (training.network, training.averaged):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_pre_hook(lambda layer, inputs: seen.extend((inputs[0], layer.weight)))
    training.run_epoch()
    assert len(seen) == 4 * (2 + 1)  # two batches and the validation's, two convolutions and their weights
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in seen)
    assert not any(tensor.is_contiguous() for tensor in seen)  # which both are where there is one channel or one cell
