"""Training: one network learning, an epoch at a time, that can stop after any epoch and go on elsewhere."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ..spaces.errors import CheckpointError, TrainingError, nearest
from . import checkpoint, transfer, trouble
from .balance import balanced_accuracy, balanced_weights
from .images import Images
from .network import build
from .optimization import learning_rate, optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ..spaces.architecture import Architecture
    from .data import Dataset
    from .recipe import Recipe

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
VALIDATION_BATCH = 500
STEPS_BETWEEN_CHECKS = 20
"""How often the loss is looked at while training: on an accelerator each look waits for the step to end."""


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to. Validation is by the averaged weights and without label smoothing."""

    epoch: int
    """Epochs done so far, from 1."""
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    """0..1"""
    balanced_accuracy: float
    """The mean over classes of the share of their validation images that is right, 0..1."""
    seconds: float
    """The whole epoch, validation included."""
    images_per_second: float
    """While training."""
    events: tuple[str, ...] = ()
    """All that a reader of the curve should know so far, such as a batch that had to be halved."""
    latency: float | None = None
    """Seconds that classifying one image takes, where that was measured with this epoch."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Training:
    """One network, its recipe and its data. Equal arguments give equal curves, on the CPU bit for bit.

    All chance comes from `seed` and the number of the epoch, so that a training restored after any epoch goes on as if
    it had never stopped, and torch's global random state is left alone.

    Args:
        architecture: the network.
        recipe: how to train it.
        dataset: what to train and validate it on; its test part is not looked at.
        seed: for weights, data order and dropout.
        epochs: how many the schedule is made for.
        device: as torch names it.
        precision: of the layers' arithmetic; weights and losses are float32 throughout.
        compile: let `torch.compile` make the training step's forward and backward pass, which takes it seconds to
            minutes; on a GPU in its mode "reduce-overhead", which records CUDA graphs. Rounding differs. Where the
            compiler fails training goes on without, which is told as an event.
    """

    def __init__(
        self,
        architecture: Architecture,
        recipe: Recipe,
        dataset: Dataset,
        *,
        seed: int,
        epochs: int,
        device: str = "cpu",
        precision: Precision = "float32",
        compile: bool = False,
    ) -> None:
        if precision not in PRECISIONS:
            raise TrainingError(f"precision (={precision!r}) is not known", nearest(str(precision), PRECISIONS))
        if architecture.input != dataset.input or architecture.classes != len(dataset.classes):
            raise TrainingError(
                f"a network for {architecture.input} and {architecture.classes} classes cannot learn {dataset.name}: "
                f"{dataset.input} and {len(dataset.classes)} classes",
                "Give the architecture the data set's `input` and number of classes.",
            )
        self.architecture, self.recipe, self.dataset = architecture, recipe, dataset
        self.seed, self.epochs, self.precision = seed, epochs, precision
        self.device = torch.device(device)
        self.epoch = 0
        self.network = build(architecture, seed)
        self._frozen: Sequence[nn.Module] = ()
        if recipe.weights is not None:
            weights, (mean, std) = transfer.read_weights(recipe.weights)
            transfer.start_from(self.network, weights)
            self._frozen = transfer.freeze(self.network, recipe.frozen)
            self.dataset = dataset = replace(dataset, mean=mean, std=std)
        self.network = self.network.to(self.device)
        self.network = self.network.to(memory_format=torch.channels_last)
        self._forward: Callable[[Tensor], Tensor] = self.network
        if compile:
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"
            self._forward = torch.compile(self.network, mode=mode)
        self.averaged = deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        self._weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        self._live, self._slow = _floats(self.network), _floats(self.averaged)
        self.optimizer = optimizer(self._weights, recipe)
        self._train = Images(dataset.train, dataset, self.device)
        self._validation = Images(dataset.validation, dataset, self.device)
        self._class_weights: Tensor | None = None
        if recipe.class_weights == "balanced":
            self._class_weights = balanced_weights(dataset.train.labels, len(dataset.classes)).to(self.device)
        self.events: list[str] = []
        """What is told with each epoch's result, and kept with the checkpoints."""
        self._parts, self._validation_batch = 1, VALIDATION_BATCH
        self.batch_size = min(recipe.batch_size, len(dataset.train))
        self.steps_per_epoch = len(dataset.train) // self.batch_size

    def run_epoch(self) -> EpochResult:
        """Learns from the training part once, then validates.

        Images that do not fill a last batch are left out; the order changes from epoch to epoch.

        Raises:
            TrainingError: the loss is no longer a number or has exploded, or the scores no longer depend on the
                images; says where.
        """
        start = time.perf_counter()
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(_mixed(self.seed, self.epoch, stream=1))
            train_loss = self._learn()
        learnt = time.perf_counter() - start
        validation_loss, accuracy, balanced_accuracy = self._validate()
        self.epoch += 1
        return EpochResult(
            epoch=self.epoch,
            train_loss=train_loss,
            validation_loss=validation_loss,
            validation_accuracy=accuracy,
            balanced_accuracy=balanced_accuracy,
            seconds=time.perf_counter() - start,
            images_per_second=self.steps_per_epoch * self.batch_size / learnt,
            events=tuple(self.events),
        )

    def save(self, folder: Path) -> None:
        """Writes all that `restore` needs to `folder`, whole or not at all."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items() if value is not None}
        values = {"epoch": self.epoch, "parts": self._parts, "events": self.events}
        values["normalisation"] = {"mean": self.dataset.mean, "std": self.dataset.std}
        checkpoint.write(folder, tensors, values | self._identity())

    def restore(self, folder: Path) -> None:
        """Goes on from where `save` was called.

        Raises:
            CheckpointError: absent, damaged, or of another architecture, recipe, seed, precision or data set.
        """
        tensors, values = checkpoint.read(folder)
        for name, ours in self._identity().items():
            if values.get(name) != ours:
                raise CheckpointError(f"checkpoint {folder}: its {name} is {values.get(name)!r:.80}, not {ours!r:.80}")
        try:
            self.network.load_state_dict(_under("network", tensors))
            self.averaged.load_state_dict(_under("averaged", tensors))
            self._restore_optimizer(_under("optimizer", tensors))
            self.epoch, self._parts, self.events = values["epoch"], values["parts"], values["events"]
        except (RuntimeError, ValueError, LookupError) as error:
            raise CheckpointError(f"checkpoint {folder}: its tensors or values do not fit: {error!s:.200}") from None

    def _restore_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes up the optimiser's state, named "INDEX.KEY"; where there is none it has none."""
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        self.optimizer.state.clear()
        for name, value in tensors.items():
            index, key = name.split(".", 1)
            weight = weights[int(index)]
            # The fused optimisers need a weight's state in its own memory format, and counts where it is.
            alike = value.shape == weight.shape and value.ndim
            state = torch.empty_like(weight) if alike else torch.empty_like(value, device=weight.device)
            self.optimizer.state[weight][key] = state.copy_(value)

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint and the training that reads it must agree in."""
        return {
            "architecture": self.architecture.digest,
            "recipe": self.recipe.to_json(),
            "seed": self.seed,
            "epochs": self.epochs,
            "precision": self.precision,
            "data": self.dataset.fingerprint,
        }

    def _learn(self) -> float:
        """One epoch of steps; the mean training loss."""
        self.network.train()
        for layer in self._frozen:
            layer.eval()
        first = self.epoch * self.steps_per_epoch
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.dataset.train))
        total = torch.zeros((), device=self.device)
        scores = total
        chunks = np.split(order, range(self.batch_size, len(order), self.batch_size))[: self.steps_per_epoch]
        for step, (images, labels) in enumerate(self._train.epoch(chunks, augment=self.recipe)):
            loss, scores = self._step(images, labels, first + step)
            total += loss
            if step % STEPS_BETWEEN_CHECKS == 0 or step == self.steps_per_epoch - 1:
                trouble.check_number(total.item(), f"at step {step + 1} of epoch {self.epoch + 1}", self.recipe)
        mean = total.item() / self.steps_per_epoch
        trouble.check_explosion(mean, len(self.dataset.classes), self.epoch + 1, self.recipe)
        trouble.check_life(scores, self.epoch + 1, self.recipe)
        return mean

    def _step(self, images: Tensor, labels: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """One step of the optimiser and of the averaged weights. `number` counts from 0 over all epochs.

        Returns:
            The loss, and the scores of the last images that went through the network together.
        """
        rate = learning_rate(self.recipe, number / self.steps_per_epoch, self.epochs, self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, scores = self._gradient(images, labels)
        if self.recipe.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._weights, self.recipe.gradient_clip, foreach=True)
        self.optimizer.step()
        decay = min(self.recipe.averaging, (1 + number) / (10 + number)) if self.recipe.averaging else 0.0
        with torch.no_grad():
            torch._foreach_lerp_(self._slow, self._live, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        return loss, scores

    def _gradient(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient of one batch, left in the weights; in as many parts as it takes to fit into memory."""
        while True:
            try:
                return self._gradient_in_parts(images, labels)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    self._without_compiler(error)
                    continue
            self._halve()  # here, since the error holds on to what the step had allocated

    def _without_compiler(self, error: RuntimeError) -> None:
        """Goes on without torch.compile where that was on; where it was not, the error is the network's."""
        if self._forward is self.network:
            raise error
        self._forward = self.network
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        self.events.append(f"epoch {self.epoch + 1}: torch.compile failed, training goes on without: {reason:.200}")

    def _gradient_in_parts(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.device)
        scores = total
        for part, wanted in zip(images.tensor_split(self._parts), labels.tensor_split(self._parts), strict=True):
            with self.autocast():
                scores = self._forward(part)
            loss = self._loss(scores.float(), wanted) * (len(wanted) / len(labels))
            loss.backward()
            total += loss.detach()
        return total, scores.detach()

    def _loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The mean training loss, weighted where the recipe says so."""
        if self._class_weights is None:
            return F.cross_entropy(scores, labels, label_smoothing=self.recipe.label_smoothing)
        losses = F.cross_entropy(scores, labels, label_smoothing=self.recipe.label_smoothing, reduction="none")
        return (losses * self._class_weights[labels]).mean()

    def _halve(self) -> None:
        """Sends batches through the network in twice as many parts from now on; gradients add up to the same."""
        if self.batch_size < 4 * self._parts:
            raise TrainingError(
                f"a step on {self.batch_size // self._parts} images does not fit into the memory of {self.device}",
                "Choose a smaller network, a smaller image (data.size) or a larger device.",
            )
        self._parts *= 2
        self._forward = self.network  # the graphs that torch.compile records do not take gradients in parts
        self._out_of_memory(
            f"batches of {self.batch_size} now go through the network in {self._parts} parts, and batch norms see one "
            "part at a time"
        )

    def _out_of_memory(self, remedy: str) -> None:
        self.events.append(f"epoch {self.epoch + 1}: out of memory; {remedy}")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _validate(self) -> tuple[float, float, float]:
        """Loss, accuracy and balanced accuracy of the averaged weights, in batches that fit into memory."""
        while True:
            try:
                return self._validate_in_batches()
            except RuntimeError as error:
                if not is_out_of_memory(error) or self._validation_batch == 1:
                    raise
            self._validation_batch //= 2
            self._out_of_memory(f"validation now takes {self._validation_batch} images at a time")

    @torch.inference_mode()
    def _validate_in_batches(self) -> tuple[float, float, float]:
        count = len(self.dataset.validation)
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        right = torch.zeros(len(self.dataset.classes), dtype=torch.int64, device=self.device)
        chunks = np.split(np.arange(count), range(self._validation_batch, count, self._validation_batch))
        for images, labels in self._validation.epoch(chunks):
            with self.autocast():
                scores = self.averaged(images)
            loss += F.cross_entropy(scores.float(), labels, reduction="sum")
            right.index_add_(0, labels, (scores.argmax(1) == labels).long())
        mean = loss.item() / count
        trouble.check_number(mean, f"in the validation of epoch {self.epoch + 1}", self.recipe)
        return mean, right.sum().item() / count, balanced_accuracy(right.cpu().numpy(), self.dataset.validation.labels)

    def autocast(self) -> torch.autocast:
        """The arithmetic of its layers, as a context."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device had no memory left. PyTorch has a class of its own for it, but not where the CPU's ran out."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error) or "alloc_cpu" in str(error)


def _floats(network: nn.Module) -> list[Tensor]:
    """What is averaged: all weights, and the statistics of batch norms."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def _mixed(seed: int, epoch: int, *, stream: int) -> int:
    """One 64-bit seed from several numbers."""
    return int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1, np.uint64)[0])
