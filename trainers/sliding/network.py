"""Makes the fully convolutional form of a trained network, with the network's own weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...spaces import CheckpointError, SlidingNetwork, fully_convolutional, sliding_paths
from ..network import build_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...spaces import Architecture


class FullyConvolutional(nn.Sequential):
    """Layers in order, (N, C, H, W) -> a map of class scores (N, classes, H', W'), in evaluation mode.

    On images of the network's own size the map has one place; a network whose head is a global pooling gives one for
    images of any size. Made by `sliding_network`.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(*build_network(architecture))
        self.architecture = architecture
        """The network as `fully_convolutional` makes it, at its own size."""
        self.eval()

    def over(self, images: Tensor) -> SlidingNetwork:
        """The network at work on images (N, C, H, W): where its scores lie, and what each layer gives.

        Raises:
            ArchitectureError: the network cannot slide over images of this size; says what sizes there are.
        """
        channels, height, width = images.shape[1:]
        return SlidingNetwork(self.architecture, (channels, height, width))


def sliding_network(architecture: Architecture, state: Mapping[str, Tensor]) -> FullyConvolutional:
    """The fully convolutional form of a trained network. It shares the memory of the weights that it is given.

    Args:
        architecture: of the trained network.
        state: the trained network's `state_dict()`.

    Raises:
        ArchitectureError: the network cannot slide (see `fully_convolutional`).
        CheckpointError: `state` is of another network.
    """
    with torch.device("meta"):
        network = FullyConvolutional(fully_convolutional(architecture))
    network.load_state_dict(convert_weights(architecture, state), assign=True)
    return network


def convert_weights(architecture: Architecture, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network, named and shaped as in its fully convolutional form; views, no copies.

    A Linear's matrix [out, C·H·W] on a flattened map of (C, H, W) becomes the filters [out, C, H, W]: a row of it is a
    filter, flattened as the map was. All else keeps its shape, and changes its name where a Flatten before it goes.

    Args:
        architecture: of the trained network.
        state: the trained network's `state_dict()`.

    Returns:
        The `state_dict()` of `build_network(fully_convolutional(architecture))`.

    Raises:
        ArchitectureError: the network cannot slide (see `fully_convolutional`).
        CheckpointError: `state` is of another network: a tensor is missing, left over or of another size.
    """
    with torch.device("meta"):
        wanted = build_network(fully_convolutional(architecture)).state_dict()
    former = {new: path for path, new in sliding_paths(architecture).items()}
    converted: dict[str, Tensor] = {}
    for name, like in wanted.items():
        path, _, tensor = name.rpartition(".")
        said = f"{former[path]}.{tensor}"
        if said not in state:
            raise CheckpointError(f"the weights lack {said}", "Give those of this very network.")
        if state[said].numel() != like.numel():
            sizes = f"{tuple(state[said].shape)}, and the network has {like.numel():,} numbers there"
            raise CheckpointError(f"the weights do not fit: {said} is {sizes}", "Give those of this very network.")
        converted[name] = state[said].reshape(like.shape)
    if len(state) > len(wanted):
        used = {f"{former[path]}.{tensor}" for path, _, tensor in (name.rpartition(".") for name in wanted)}
        more = next(name for name in state if name not in used)
        raise CheckpointError(f"the weights hold {more:.100}, which the network has not", "Give its own.")
    return converted
