"""A network made ready to be looked into: no layer overwrites what another left, and nothing changes the original."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ...spaces import cost_table
from ..network import build_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn

    from ..predicting import Classifier

SMALL = 3 * 10**7
"""Multiply-accumulates of an image below which a network is looked at on one thread."""
MAC_BUDGET = 6 * 10**11
"""Multiply-accumulates that one kind of picture may take: about twenty seconds on two cores."""


def observable(classifier: Classifier) -> Classifier:
    """The classifier over a network of the same weights whose layers can be watched, in evaluation mode.

    No ReLU works in place, and the weights, which are shared and not copied, ask for no gradients. The network that was
    given is left as it is.

    Args:
        classifier: whose network it is.
    """
    with torch.device("meta"):
        network = build_network(classifier.architecture, inplace=False)
    weights = {name: value.detach() for name, value in classifier.network.state_dict().items()}
    network.load_state_dict(weights, assign=True)
    return replace(classifier, network=network.requires_grad_(False).eval())


@contextmanager
def watched(network: nn.Module, watchers: Mapping[str, Callable[[Tensor], None]]) -> Iterator[None]:
    """Lets each layer's output be looked at as it comes, by the layer's path.

    Args:
        network: is left as it was.
        watchers: are given the output (N, …) of the layer of that path.
    """
    hooks = [
        network.get_submodule(path).register_forward_hook(lambda *passed, watch=watch: watch(passed[2]))
        for path, watch in watchers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def watched_inputs(network: nn.Module, watchers: Mapping[str, Callable[[Tensor], None]]) -> Iterator[None]:
    """Lets what goes into each layer be looked at as it comes, by the layer's path.

    Args:
        network: is left as it was.
        watchers: are given the input (N, …) of the layer of that path.
    """
    hooks = [
        network.get_submodule(path).register_forward_pre_hook(lambda *passed, watch=watch: watch(passed[1][0]))
        for path, watch in watchers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def suited_threads(classifier: Classifier) -> Iterator[None]:
    """One thread of torch's for a small network, those that there are for a large one.

    Threads wait for one another at each operation: where other work has one of two CPUs, a pass of ten images of 8x8
    took 15 to 60 ms on two threads, and half a millisecond on one.

    Args:
        classifier: whose network it is.
    """
    before = torch.get_num_threads()
    try:
        if cost_table(classifier.architecture).totals.macs < SMALL:
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


def affordable(classifier: Classifier, most: int, least: int = 1, budget: float = MAC_BUDGET) -> int:
    """How many images may go through the network once, from `least` to `most`, within a budget.

    Args:
        classifier: whose network it is.
        most: images that are wanted.
        least: images that are taken whatever they cost.
        budget: multiply-accumulates.
    """
    return max(least, min(most, int(budget // max(cost_table(classifier.architecture).totals.macs, 1))))


def pixels_of(classifier: Classifier, images: Tensor) -> Tensor:
    """Prepared images as they are shown, the inverse of `Classifier.prepared`: (N, C, H, W) from 0 to 1."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (classifier.mean, classifier.std))
    return (images * std + mean).clamp(0, 1)
