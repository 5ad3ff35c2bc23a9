"""What PyTorch itself says a network costs; the oracle the arithmetic is held against."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import TYPE_CHECKING

import torch
from convscape.trainers.network import build_network
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from convscape.spaces.architecture import Architecture


def on_meta(architecture: Architecture):
    """The built network, taking no memory."""
    with torch.device("meta"):
        return build_network(architecture)


def macs(architecture: Architecture) -> int:
    """Half of what the FLOP counter counts for one image."""
    network = on_meta(architecture).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, *architecture.input, device="meta"))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


def shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The output of each layer, without the batch."""
    network = on_meta(architecture).eval()
    seen: dict[str, tuple[int, ...]] = {}
    for step in architecture.steps:
        network.get_submodule(step.path).register_forward_hook(
            lambda _module, _input, output, path=step.path: seen.__setitem__(path, tuple(output.shape[1:]))
        )
    with torch.no_grad():
        network(torch.empty(1, *architecture.input, device="meta"))
    return seen


def kept_bytes(architecture: Architecture, batch: int) -> int:
    """Bytes of all storages autograd keeps for backward, each once; parameters and buffers left out."""
    network = build_network(architecture).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in [*network.parameters(), *network.buffers()]}
    kept: dict[int, int] = {}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)  # a freed storage's address could come back
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        scores = network(torch.rand(batch, *architecture.input))
    del scores
    return sum(kept.values())


class _Watch(TorchDispatchMode):
    """Follows every storage made in it from its first tensor to its last."""

    def __init__(self, own: set[int]) -> None:
        super().__init__()
        self.own = own
        self.tensors: Counter[int] = Counter()
        self.sizes: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(output):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in self.own:
                    self.tensors[storage.data_ptr()] += 1
                    self.sizes[storage.data_ptr()] = storage.nbytes()
                    weakref.finalize(tensor, self._drop, storage.data_ptr())
        self.peak = max(self.peak, sum(self.sizes.values()))
        return output

    def _drop(self, address: int) -> None:
        self.tensors[address] -= 1
        if self.tensors[address] == 0:
            del self.tensors[address], self.sizes[address]


def held_bytes(architecture: Architecture, batch: int) -> int:
    """The most bytes of maps alive at once in a forward pass without gradients, the images included."""
    network = build_network(architecture).eval()
    images = torch.rand(batch, *architecture.input)
    own = {tensor.untyped_storage().data_ptr() for tensor in [*network.parameters(), *network.buffers(), images]}
    with torch.no_grad(), _Watch(own) as watch:
        network(images)
    return watch.peak + images.nbytes
