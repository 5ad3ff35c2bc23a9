"""Training: one network learns, an epoch at a time; it can stop after any epoch and go on elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..spaces import CheckpointError, ForeignCheckpointError, MemoryFullError, TrainingError, nearest
from . import checkpoint, divergence, transfer
from .balance import balanced_weights
from .data import Images, bytes_on, mixed
from .device import (
    PRECISIONS,
    USABLE,
    batch_bytes,
    device_memory,
    oom_as_training_error,
    parts_that_fit,
    validated_at_once,
)
from .epoch_result import EpochResult
from .network import build_network
from .optimization import mixes, same_so_far
from .recipe import Recipe
from .recording import cuda_graph
from .step import TrainingStep, in_parts
from .validation import Validation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from ..spaces import Architecture
    from .checkpoint_files import PackedCheckpoint
    from .data import Dataset
    from .device import Precision

STEPS_BETWEEN_CHECKS = 20
"""How often the loss is looked at while training: on an accelerator each look waits for the step to end."""


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
        graphs: record the whole training step, the optimiser's too, as one CUDA graph after the first few steps; of a
            step that cannot be recorded an event tells. On the CPU it changes nothing.
        memory: bytes of the device that this training may take, None for all it has for trainings. Where the network's
            cost says that a step takes more, batches go through the network in parts from the first one on.
        splits: whether batches may go through the network in parts. Where not, memory that does not hold one whole, as
            planned or while training, is a MemoryFullError.

    Raises:
        TrainingError: an unknown precision, data of other shape or classes, weights that do not fit the network, or
            parts of a batch that do not fit into `memory` however small.
        MemoryFullError: a batch does not fit into `memory`, and may not be split.
        DataError: the recipe's `weights` cannot be read.
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
        graphs: bool = False,
        memory: int | None = None,
        splits: bool = True,
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
        self.seed, self.epochs = seed, epochs
        self.precision: Precision = precision
        self.device = torch.device(device)
        self.epoch = 0
        self.step_peak: int | None = None
        """Bytes of a GPU that this process held at once, at most, until its first epoch's steps were done; validation,
        which takes what there is, is not counted. None before, and on a CPU."""
        self._splits = splits
        self.batch_size = min(recipe.batch_size, len(dataset.train))
        self.steps_per_epoch = len(dataset.train) // self.batch_size
        self.events: list[str] = []
        """What is told with each epoch's result, and kept with the checkpoints."""
        memory = device_memory(self.device) if memory is None else memory
        for_images = bytes_on(dataset, self.device, memory)
        graphs = graphs and self.device.type == "cuda"
        free = memory - for_images - (batch_bytes(architecture, self.batch_size) if graphs else 0)
        parts = self._parts_within(free)
        with oom_as_training_error(self.device):
            self._set_up(
                resident=for_images > 0 or self.device.type == "cpu",
                validated=validated_at_once(
                    architecture,
                    free,
                    precision=precision,
                    optimizer=recipe.optimizer,
                    kept=self.batch_size if graphs and parts == 1 else 0,
                ),
                compile=compile,
                graphs=graphs,
            )
        if parts > 1:
            self._step.split(parts)

    def _set_up(self, *, resident: bool, validated: int, compile: bool, graphs: bool) -> None:
        """Network, images, step and validation, on the device.

        Args:
            resident: keep all images there.
            validated: images that are validated at a time.
            compile: see `Training`.
            graphs: record the training step.
        """
        recipe, dataset = self.recipe, self.dataset
        self.network = build_network(self.architecture, self.seed)
        self.network.pool_first = True
        self._frozen: Sequence[nn.Module] = ()
        if recipe.weights is not None:
            weights, (mean, std) = transfer.read_weights(recipe.weights)
            transfer.start_from(self.network, weights)
            self._frozen = transfer.freeze(self.network, recipe.frozen)
            self.dataset = dataset = replace(dataset, mean=mean, std=std)
        self.network = self.network.to(self.device)
        self.network = self.network.to(memory_format=torch.channels_last)
        self._train = Images(dataset.train, dataset, self.device, resident=resident)
        self._validation = Validation(
            dataset,
            recipe,
            device=self.device,
            precision=self.precision,
            resident=resident,
            batch=validated,
            events=self.events,
        )
        class_weights: Tensor | None = None
        if recipe.class_weights == "balanced":
            class_weights = balanced_weights(dataset.train.labels, len(dataset.classes)).to(self.device)
        self._step = TrainingStep(
            self.network,
            recipe,
            batch_size=self.batch_size,
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.epochs,
            precision=self.precision,
            compile=compile,
            record=cuda_graph if graphs else None,
            class_weights=class_weights,
            splits=self._splits,
            events=self.events,
        )
        self.averaged, self.optimizer = self._step.averaged, self._step.optimizer

    def _parts_within(self, memory: int) -> int:
        """Parts that batches go through the network in, so that a step is known beforehand to fit into `memory`."""
        if self.recipe.weights is not None and self.recipe.frozen:
            return 1  # what layers that do not learn save is not counted: there the device decides
        parts, needed = parts_that_fit(
            self.architecture, self.batch_size, memory, precision=self.precision, optimizer=self.recipe.optimizer
        )
        if parts > 1 and not self._splits:
            raise MemoryFullError(
                f"a step takes {needed / 2**20:,.0f} MB and may take {USABLE * memory / 2**20:,.0f} MB",
                "Give it more memory.",
            )
        if parts > 1:
            self.events.append(
                f"epoch 1: a step takes {needed / 2**20:,.0f} MB and may take {USABLE * memory / 2**20:,.0f} MB; "
                f"{in_parts(self.batch_size, parts)}"
            )
        return parts

    @property
    def parts(self) -> int:
        """In how many parts a batch goes through the network, 1 where memory holds it whole."""
        return self._step.parts

    def run_epoch(self) -> EpochResult:
        """Trains for one epoch, then validates: every training image is learnt from once.

        Images that do not fill a last batch are left out; the order changes from epoch to epoch.

        Raises:
            TrainingError: the loss is no longer a number or has exploded, the scores no longer depend on the images, or
                the device has no memory left; says where.
        """
        start = time.perf_counter()
        cuda = [self.device] if self.device.type == "cuda" else []
        with oom_as_training_error(self.device):
            with torch.random.fork_rng(devices=cuda):
                torch.manual_seed(_mixed(self.seed, self.epoch, stream=1))
                train_loss = self._learn()
                if self.step_peak is None and self.device.type == "cuda":
                    self.step_peak = torch.cuda.max_memory_allocated()
            learnt = time.perf_counter() - start
            validated = self._validation(self.averaged, self.epoch + 1)
            if validated.constant and self._validation(self.network.eval(), self.epoch + 1).constant:
                raise divergence.collapsed(self.epoch + 1, self.recipe)
        self.epoch += 1
        return EpochResult(
            epoch=self.epoch,
            train_loss=train_loss,
            validation_loss=validated.loss,
            validation_accuracy=validated.accuracy,
            balanced_accuracy=validated.balanced_accuracy,
            seconds=time.perf_counter() - start,
            images_per_second=self.steps_per_epoch * self.batch_size / learnt,
            events=tuple(self.events),
        )

    def save(self, folder: Path, notes: Mapping[str, Any] | None = None) -> None:
        """Writes a checkpoint, all that `restore` needs, whole or not at all.

        Args:
            folder: where the checkpoint shall stand; one that is there is replaced.
            notes: what else to keep with it: anything JSON can hold.
        """
        checkpoint.write(folder, *self._state(notes))

    def pack(self, notes: Mapping[str, Any] | None = None) -> PackedCheckpoint:
        """The checkpoint that `save` would write, in memory, to be sent elsewhere.

        Args:
            notes: what else to keep with it: anything JSON can hold.
        """
        return checkpoint.pack(*self._state(notes))

    def _state(self, notes: Mapping[str, Any] | None) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and values of a checkpoint."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items() if value is not None}
        values = {"epoch": self.epoch, "parts": self._step.parts, "events": self.events, "notes": dict(notes or {})}
        return tensors, values | self._identity()

    def restore(self, folder: Path) -> None:
        """Goes on from a checkpoint that `save` wrote. Where that cannot be, nothing has changed.

        Args:
            folder: of the checkpoint.

        Raises:
            CheckpointError: absent or damaged, or as `take_up` does.
        """
        self.take_up(*checkpoint.read_checkpoint(folder), folder)

    def take_up(self, tensors: Mapping[str, Tensor], values: dict[str, Any], folder: Path) -> None:
        """Goes on from what a checkpoint holds. Where that cannot be, nothing has changed.

        Args:
            tensors: of the checkpoint.
            values: of the checkpoint.
            folder: names the checkpoint in errors.

        Raises:
            ForeignCheckpointError: of another architecture, recipe, seed, precision, data set or normalisation.
            CheckpointError: its tensors do not fit, or it is of another number of epochs with other learning rates so
                far.
        """
        if isinstance(values.get("recipe"), dict):  # an earlier version's has fewer settings
            values["recipe"] = {**Recipe().to_json(), **values["recipe"]}
        for name, ours in self._identity().items():
            if values.get(name) != ours and name != "epochs":
                raise ForeignCheckpointError(
                    f"checkpoint {folder}: its {name} is {values.get(name)!r:.80}, not {ours!r:.80}"
                )
        if not self._goes_on_alike(values):  # its rate went down at another time: an earlier one may do
            raise CheckpointError(
                f"checkpoint {folder}: its learning rates so far are not those of a training of {self.epochs} epochs"
            )
        network, averaged, optimizer = (_under(prefix, tensors) for prefix in ("network", "averaged", "optimizer"))
        try:
            epoch, events, parts = int(values["epoch"]), list(values["events"]), int(values["parts"])
            checkpoint.check_alike(network, self.network.state_dict())
            checkpoint.check_alike(averaged, self.averaged.state_dict())
            state = self._optimizer_state(optimizer)
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise CheckpointError(f"checkpoint {folder}: its tensors or values do not fit: {error!s:.200}") from None
        self.network.load_state_dict(network)
        self.averaged.load_state_dict(averaged)
        self.optimizer.state.clear()
        self.optimizer.state.update(state)
        self._step.forget_recording()
        self.epoch, self.events[:] = epoch, events
        if parts != self._step.parts:
            self._step.split(parts)

    def _goes_on_alike(self, values: Mapping[str, Any]) -> bool:
        """Whether a checkpoint of a training of another length is what this one would be there."""
        epoch, epochs = values.get("epoch"), values.get("epochs")
        if epochs == self.epochs:
            return True
        return (
            isinstance(epoch, int) and isinstance(epochs, int) and same_so_far(self.recipe, epoch, epochs, self.epochs)
        )

    def _optimizer_state(self, tensors: Mapping[str, Tensor]) -> dict[Tensor, dict[str, Tensor]]:
        """The optimiser's state by weight, of tensors named "INDEX.KEY"; a weight without tensors has none.

        Raises:
            ValueError, LookupError: there is no such weight, or it has another shape or kind of number.
        """
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        state: dict[Tensor, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            index, key = name.split(".", 1)
            weight = weights[int(index)]
            if value.ndim and value.shape != weight.shape:
                raise ValueError(f"optimizer.{name} has the shape {tuple(value.shape)}, not {tuple(weight.shape)}")
            if value.dtype != weight.dtype:
                raise ValueError(f"optimizer.{name} holds {value.dtype}, not {weight.dtype}")
            # The fused optimisers need a weight's state in its own memory format, and counts where it is.
            empty = torch.empty_like(weight) if value.ndim else torch.empty_like(value, device=weight.device)
            state.setdefault(weight, {})[key] = empty.copy_(value)
        return state

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint and the training that reads it must agree in."""
        return {
            "architecture": self.architecture.digest,
            "recipe": self.recipe.to_json(),
            "seed": self.seed,
            "epochs": self.epochs,
            "precision": self.precision,
            "data": self.dataset.fingerprint,
            # After a transfer that of the weights, which are read anew at every start.
            "normalisation": {"mean": list(self.dataset.mean), "std": list(self.dataset.std)},
        }

    def _learn(self) -> float:
        """One epoch of steps; the mean training loss."""
        self.network.train()
        for layer in self._frozen:
            layer.eval()
        first = self.epoch * self.steps_per_epoch
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.dataset.train))
        total = torch.zeros((), device=self.device)
        chunks = np.split(order, range(self.batch_size, len(order), self.batch_size))[: self.steps_per_epoch]
        mixing = mixes(self.recipe, self.epoch, self.epochs)
        for step, (images, labels) in enumerate(self._train.epoch(chunks, augment=self.recipe)):
            others, share = None, 1.0
            if mixing:
                images, others, share = mixed(images, labels, mixup=self.recipe.mixup, cutmix=self.recipe.cutmix)
            total += self._step(images, labels, first + step, others, share)
            if step % STEPS_BETWEEN_CHECKS == 0 or step == self.steps_per_epoch - 1:
                divergence.check_number(total.item(), f"at step {step + 1} of epoch {self.epoch + 1}", self.recipe)
        mean = total.item() / self.steps_per_epoch
        divergence.check_explosion(mean, len(self.dataset.classes), self.epoch + 1, self.recipe)
        return mean


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def _mixed(seed: int, epoch: int, *, stream: int) -> int:
    """One 64-bit seed from several numbers."""
    return int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1, np.uint64)[0])
