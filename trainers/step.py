"""One training step: the gradient of a batch, in parts where memory is short; the optimiser; the averaged weights."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..spaces import MemoryFullError
from .device import autocast, empty_cache, is_out_of_memory
from .optimization import learning_rate, optimizer
from .recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .device import Precision
    from .recipe import Recipe
    from .recording import Recorder


class TrainingStep:
    """The training step of a network, with what it remembers: the optimiser's state and the averaged weights.

    A batch goes through the network in `parts`, one after the other, where the device's memory does not hold it whole.

    Args:
        network: on its device; weights that do not ask for a gradient stay as they are.
        recipe: how the network is trained.
        batch_size: images of each step.
        steps_per_epoch: steps in an epoch, for the schedule.
        epochs: how many the schedule is made for.
        precision: of the layers' arithmetic.
        compile: let `torch.compile` make the forward and backward pass; where it fails, training goes on without.
        record: records the whole step, as `cuda_graph` does, to do it again; None to do each step as it is.
        class_weights: what an image of each class counts in the loss, (classes,); None for one each.
        splits: let a batch go through the network in parts where memory runs out; else the step fails.
        events: what a reader of the curve should know is appended to this list.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        *,
        batch_size: int,
        steps_per_epoch: int,
        epochs: int,
        precision: Precision,
        compile: bool,
        record: Recorder | None = None,
        class_weights: Tensor | None,
        splits: bool = True,
        events: list[str],
    ) -> None:
        self.network, self.recipe, self.events, self._splits = network, recipe, events, splits
        self.averaged = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.parts = 1
        self._batch_size, self._steps_per_epoch, self._epochs = batch_size, steps_per_epoch, epochs
        self._device = next(network.parameters()).device
        self._precision: Precision = precision
        self._class_weights = class_weights
        self.forward: Callable[[Tensor], Tensor] = network
        if compile:
            mode = "reduce-overhead" if self._device.type == "cuda" and record is None else "default"
            torch.compiler.reset()  # the compiler gives up after eight networks of one process
            self.forward = torch.compile(network, mode=mode)
        self._weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.optimizer = optimizer(network, recipe)
        self._live, self._slow = _floats(network), _floats(self.averaged)
        # Apart by kind: copied together, floats and counts would go one by one.
        kinds = {buffer.dtype for buffer in network.buffers()}
        self._statistics = [[buffer for buffer in network.buffers() if buffer.dtype == kind] for kind in kinds]
        self._former = [[statistic.clone() for statistic in alike] for alike in self._statistics]
        self._recording = None if record is None else Recording(record)
        self._epoch = 0

    def __call__(
        self, images: Tensor, labels: Tensor, number: int, others: Tensor | None = None, share: float = 1.0
    ) -> Tensor:
        """Learns from a batch: one step of the optimiser and of the averaged weights.

        Args:
            images: normalised, (N, C, H, W), on the network's device.
            labels: classes of the images, (N,).
            number: of the step, from 0 over all epochs.
            others: classes of the images that each is mixed with, (N,); None where they are not mixed.
            share: what the image's own class counts in the loss, 0 to 1; the other counts the rest.

        Returns:
            The mean loss of the batch, a tensor without shape on the device.

        Raises:
            MemoryFullError: the device's memory does not hold the batch, which may not be split, or parts of two to
                four images, which cannot be halved again.
        """
        rate = learning_rate(self.recipe, number / self._steps_per_epoch, self._epochs, self._steps_per_epoch)
        self._epoch = number // self._steps_per_epoch + 1
        tensors = (images, labels) if others is None else (images, labels, others)
        if self._recording is None or self.parts > 1:
            loss = self.plain(tensors, (rate, share))
        else:
            loss = self._recording(self, tensors, (rate, share))
        decay = min(self.recipe.averaging, (1 + number) / (10 + number)) if self.recipe.averaging else 0.0
        with torch.no_grad():
            torch._foreach_lerp_(self._slow, self._live, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        return loss

    def forget_recording(self) -> None:
        """To be called where the optimiser's state has been replaced: a recorded step would go on with the former."""
        if self._recording is not None:
            self._recording.forget()
            self.optimizer.zero_grad()  # gradients lie in the recording's memory

    def plain(self, tensors: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """The optimiser's step, tried again in more parts or without the compiler where that is what it takes.

        Args:
            tensors: images (N, C, H, W), their classes (N,) and, where they are mixed, the others' classes (N,).
            numbers: the learning rate, and what the image's own class counts in the loss.

        Returns:
            The mean loss, without shape.
        """
        loss = self._gradient(tensors[0], _targets(tensors, numbers[1]))
        self._descend(numbers[0])
        return loss

    def recordable(self, tensors: Sequence[Tensor], numbers: Sequence[Tensor]) -> Tensor:
        """The optimiser's step as one piece of work for the device, into which nothing looks.

        Args:
            tensors: as those of `plain`.
            numbers: as those of `plain`, each a tensor without shape on the device.

        Returns:
            The mean loss, without shape.
        """
        for group in self.optimizer.param_groups:
            group["capturable"] = True  # what AdamW asks for; SGD is so in any case
        try:
            loss = self._gradient_in_parts(tensors[0], _targets(tensors, numbers[1]))
            self._descend(numbers[0])
        finally:
            for group in self.optimizer.param_groups:
                group["capturable"] = False
        return loss

    def unrecorded(self, error: RuntimeError) -> None:
        """Tells, as an event, why the step is not recorded.

        Args:
            error: of the attempt.
        """
        self.optimizer.zero_grad()
        self._tell(f"the step could not be recorded as a CUDA graph, training goes on without: {_first_line(error)}")

    def _tell(self, event: str) -> None:
        self.events.append(f"epoch {self._epoch}: {event}")

    def _descend(self, rate: float | Tensor) -> None:
        """One step of the optimiser, by the gradient that is in the weights."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.recipe.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._weights, self.recipe.gradient_clip, foreach=True)
        self.optimizer.step()

    def _gradient(self, images: Tensor, targets: Sequence[tuple[Tensor, float | Tensor]]) -> Tensor:
        """The loss of one batch, its gradient left in the weights; in as many parts as it takes to fit into memory."""
        chance = self._remembered()
        while True:
            try:
                return self._gradient_in_parts(images, targets)
            except RuntimeError as error:
                full = is_out_of_memory(error)
                if not full:
                    self._without_compiler(error)
            if full:  # here, since the error holds on to what the step had allocated
                self._halve()
            self._as_before(chance)

    def _gradient_in_parts(self, images: Tensor, targets: Sequence[tuple[Tensor, float | Tensor]]) -> Tensor:
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self._device)
        labels = [[(part, share) for part in wanted.tensor_split(self.parts)] for wanted, share in targets]
        for part, wanted in zip(images.tensor_split(self.parts), zip(*labels, strict=True), strict=True):
            with autocast(self._device, self._precision):
                scores = self.forward(part).float()
            losses = torch.stack([share * self._loss(scores, classes) for classes, share in wanted])
            loss = losses.sum() * (len(part) / len(images))
            loss.backward()
            total += loss.detach()
        return total

    def _loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The mean training loss, weighted where the recipe says so."""
        if self._class_weights is None:
            return F.cross_entropy(scores, labels, label_smoothing=self.recipe.label_smoothing)
        losses = F.cross_entropy(scores, labels, label_smoothing=self.recipe.label_smoothing, reduction="none")
        return (losses * self._class_weights[labels]).mean()

    def _remembered(self) -> Tensor:
        """The state of chance before a step, the network's statistics being set aside: a step may be tried again."""
        for statistics, former in zip(self._statistics, self._former, strict=True):
            torch._foreach_copy_(former, statistics)  # pyright: ignore[reportPrivateImportUsage]
        return torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else torch.get_rng_state()

    def _as_before(self, chance: Tensor) -> None:
        """Dropout draws the same again, and batch norms forget the images of the step that failed."""
        for statistics, former in zip(self._statistics, self._former, strict=True):
            torch._foreach_copy_(statistics, former)  # pyright: ignore[reportPrivateImportUsage]
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(chance, self._device)
        else:
            torch.set_rng_state(chance)

    def _without_compiler(self, error: RuntimeError) -> None:
        """Goes on without torch.compile where that was on; where it was not, the error is the network's."""
        if self.forward is self.network:
            raise error
        self.forward = self.network
        self._tell(f"torch.compile failed, training goes on without: {_first_line(error)}")

    def _halve(self) -> None:
        """Sends batches through the network in twice as many parts from now on; gradients add up to the same."""
        if not self._splits or self._batch_size < 4 * self.parts:
            raise MemoryFullError(
                f"a step on {self._batch_size // self.parts} images does not fit into the memory of {self._device}",
                "Choose a smaller network, a smaller image (data.size) or a larger device.",
            )
        self.split(2 * self.parts)
        self._tell(f"out of memory; {in_parts(self._batch_size, self.parts)}")
        empty_cache(self._device)

    def split(self, parts: int) -> None:
        """Sends batches through the network in so many parts from now on, without `torch.compile` or a recording."""
        self.parts = parts
        self.forward = self.network  # the graphs that torch.compile records do not take gradients in parts
        self.forget_recording()


def in_parts(batch_size: int, parts: int) -> str:
    """An event, for a reader of the curve, that batches go through the network in parts.

    Args:
        batch_size: images of a step.
        parts: into how many parts they are split.
    """
    return (
        f"batches of {batch_size} now go through the network in {parts} parts, and batch norms see one part at a time"
    )


def _targets(tensors: Sequence[Tensor], share: float | Tensor) -> list[tuple[Tensor, float | Tensor]]:
    """Classes of the images of a step, once or, where they are mixed, twice, and what each counts in the loss."""
    _, labels, *others = tensors
    return [(labels, share), *((classes, 1 - share) for classes in others)]


def _first_line(error: RuntimeError) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _floats(network: nn.Module) -> list[Tensor]:
    """What is averaged: all weights, and the statistics of batch norms."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]
