"""A trained network as it is exported: its weights, the data it was trained for, and what is known of its training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from ...spaces import DataError, ExportError
from .. import checkpoint as checkpoints
from ..data import Images
from ..network import build_network
from ..predicting import pictures_at_a_time
from .named_weights import read_named_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ...spaces import Architecture
    from ..data import Dataset, Part


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network, and the data set whose test images are to show how it does."""

    network: nn.Module
    """Prepared images (N, C, H, W) -> scores (N, classes), in evaluation mode; tensors named by the paths of steps."""
    architecture: Architecture
    """Of the network."""
    dataset: Dataset
    """The images, with the mean and deviation that the weights were learnt with, which after a transfer are not the
    training part's."""
    training: dict[str, Any] = field(default_factory=dict)
    """How it was trained, as values for JSON."""

    @staticmethod
    def from_checkpoint(architecture: Architecture, checkpoint: Path, dataset: Dataset) -> Trained:
        """The network of a checkpoint, with its averaged weights.

        Args:
            architecture: of the network in `checkpoint`.
            checkpoint: a folder that `Training.save` wrote.
            dataset: the one the network was trained on.

        Raises:
            CheckpointError: the checkpoint is absent or damaged.
            ExportError: it belongs to another design or data.
        """
        tensors, values = checkpoints.read_checkpoint(checkpoint)
        for what, wanted in (("architecture", architecture.digest), ("data", dataset.fingerprint)):
            if values.get(what) != wanted:
                raise ExportError(
                    f"checkpoint {checkpoint}: it was trained with {what} {values.get(what)!r}, not {wanted!r}",
                    "Give the architecture and the data set, with its limits and seed, that it was trained with.",
                )
        network = build_network(architecture).eval()
        normalisation = checkpoints.load_averaged(network, tensors, values, dataset.input[0], checkpoint)
        training = {key: values.get(key) for key in ("epoch", "seed", "precision")} | {"recipe": _without_path(values)}
        return Trained(
            network=network,
            architecture=architecture,
            dataset=replace(dataset, **normalisation),
            training=training,
        )

    @staticmethod
    def from_weights(architecture: Architecture, weights: str, dataset: Dataset) -> Trained:
        """The network of a file of weights, or of an export's folder.

        Args:
            architecture: of the network.
            weights: as `read_named_weights` takes them.
            dataset: images of the classes that the network tells apart.

        Raises:
            DataError: the weights cannot be read or are of another network, or the data has other classes or images.
        """
        if (architecture.input, architecture.classes) != (dataset.input, len(dataset.classes)):
            raise DataError(
                f"the network takes images of {_by(architecture.input)} and has {architecture.classes} classes; "
                f"{dataset.name} has images of {_by(dataset.input)} and {len(dataset.classes)} classes",
                "Give the data that the network was trained on.",
            )
        tensors, normalisation = read_named_weights(weights, architecture)
        with torch.device("meta"):
            network = build_network(architecture)
        try:
            checkpoints.check_alike(tensors, network.state_dict())
        except ValueError as error:
            raise DataError(
                f"{weights} holds no weights of this network: {error}", "Give the network that they are of."
            ) from None
        network.load_state_dict(tensors, assign=True)
        mean, std = normalisation or (dataset.mean, dataset.std)
        return Trained(
            network=network.eval(),
            architecture=architecture,
            dataset=replace(dataset, mean=mean, std=std),
            training={"normalisation_by": "the weights" if normalisation else "the training images"},
        )

    @property
    def at_a_time(self) -> int:
        """Images that are classified at a time, at most: 1 to 64, as memory holds their maps."""
        return pictures_at_a_time(self.architecture)

    def pixels(self, start: int, end: int) -> Tensor:
        """Test images as they are stored, uint8 (N, C, H, W).

        Args:
            start: number of the first.
            end: number of the first that is not wanted; fewer come where there are fewer.
        """
        return torch.tensor(self.dataset.test.images[start:end])

    @torch.inference_mode()
    def scores(self, part: Part, indices: NDArray[np.int64]) -> Tensor:
        """The network's scores (N, classes) of images of a part of the data, prepared as in training.

        Args:
            part: of the data.
            indices: of the images in it, (N,).
        """
        images = Images(part, self.dataset, torch.device("cpu"))
        return self.network(images.batch(indices)[0])


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _without_path(values: Mapping[str, Any]) -> Any:
    """The recipe of a checkpoint's values, of weights the last name alone: a path says whose machine it was."""
    recipe = values.get("recipe")
    if isinstance(recipe, dict) and isinstance(weights := recipe.get("weights"), str):
        return recipe | {"weights": weights.rstrip("/\\").replace("\\", "/").rpartition("/")[2]}
    return recipe
