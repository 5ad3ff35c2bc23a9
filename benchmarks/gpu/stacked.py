"""Several networks of one shape trained as one, each on its own: horizontally fused arrays (HFTA, Wang et al. 2021).

`torch.func.stack_module_state` puts the weights of K networks into one tensor a weight, (K, …), and `vmap` runs one
network's forward pass over all of them: a convolution becomes one with K groups. So there are as many launches as for
one network. Each has its weights, its learning rate, its batch and its batch norms' statistics, which `vmap` updates in
place since they are stacked, too.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from convscape.trainers.device import autocast
from torch.func import functional_call, stack_module_state, vmap

from .steps import DECAY, MOMENTUM, repeat
from .timing import seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convscape.trainers.device import Precision
    from torch import Tensor, nn


class StackedStep:
    """The training step of K networks of one shape at once: forward, backward and SGD with Nesterov momentum.

    Args:
        networks: K of one shape, on their device, in training mode; they stay as they are.
        rates: a learning rate for each.
        images: normalised, (K, N, C, H, W), a batch for each; or (N, C, H, W), one for all.
        labels: (K, N), or (N,).
        precision: of the layers' arithmetic; weights are float32.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        rates: Sequence[float],
        images: Tensor,
        labels: Tensor,
        precision: Precision = "float32",
    ) -> None:
        self.images, self.labels = images, labels
        self._device = images.device
        self._precision: Precision = precision
        self._one = deepcopy(networks[0]).to("meta")
        self.weights, self.buffers = stack_module_state(list(networks))
        own = 0 if images.dim() == 5 else None
        # Dropout, where there is any, draws for each network anew.
        self._losses = vmap(self._loss, in_dims=(0, 0, own, own), randomness="different")
        self._values = list(self.weights.values())
        self._momenta = [torch.zeros_like(weight) for weight in self._values]
        # As large as the weights, so that one launch multiplies all: there is none that spreads K numbers.
        spread = torch.tensor(rates, device=images.device)
        self._rates = [spread.view(-1, *[1] * (w.dim() - 1)).expand_as(w).contiguous() for w in self._values]

    @property
    def trained(self) -> int:
        """Images that all networks together learn from in a step."""
        each = self.labels.numel()
        return each if self.images.dim() == 5 else each * len(self._values[0])

    def __call__(self) -> Tensor:
        """One step of all networks; the loss of each, (K,), on the device, which may not be done yet."""
        for weight in self._values:
            weight.grad = None
        losses = self._losses(self.weights, self.buffers, self.images, self.labels)
        losses.sum().backward()  # no loss depends on another's weights, so each gets its own gradient
        self._descend()
        return losses.detach()

    def speed(self, steps: int) -> float:
        """Images a second of so many steps, those of all networks together."""
        return steps * self.trained / seconds_of(repeat(self, steps), self._device)

    def _loss(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        with autocast(self._device, self._precision):
            scores = functional_call(self._one, (weights, buffers), (images,))
        return F.cross_entropy(scores.float(), labels)

    @torch.no_grad()
    def _descend(self) -> None:
        """SGD as `torch.optim.SGD` has it, with a learning rate for each network."""
        gradients = [weight.grad for weight in self._values]
        steps = torch._foreach_add(gradients, self._values, alpha=DECAY)  # noqa: SLF001 # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_mul_(self._momenta, MOMENTUM)  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_add_(self._momenta, steps)  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_add_(steps, self._momenta, alpha=MOMENTUM)  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_addcmul_(self._values, self._rates, steps, value=-1.0)  # pyright: ignore[reportPrivateImportUsage]
