"""Classifies pictures with a trained network: a checkpoint, or the folder of an export, of which no code is run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from ..spaces import Architecture, CheckpointError, DataError, cost_table, read_plain
from . import checkpoint as checkpoints
from .network import build_network
from .stages import by_paths
from .transfer import LARGEST_JSON, LARGEST_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from ..spaces import Traced
    from .data import Picture, Resize
    from .modules import Network

AT_A_TIME = 64
"""Pictures that are classified together, at most."""
MEMORY_TOGETHER = 2 * 2**30
"""Bytes that the maps of pictures classified together may take; a picture that takes more is classified alone."""
MOST_MEMORY = 16 * 2**30
"""Bound on the bytes that classifying one picture takes: an export may be anybody's."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a network makes of one picture."""

    probabilities: tuple[float, ...] = ()
    """For each class, in the order of the classifier's, 0 to 1; () where the picture could not be read."""
    problem: str = ""
    """Why the picture could not be read; "" where it was."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained network with the names of its classes, and how its images are prepared."""

    network: nn.Module
    """Prepared images (N, C, H, W) -> scores (N, classes), in evaluation mode."""
    classes: tuple[str, ...]
    architecture: Architecture
    """Of the network."""
    mean: tuple[float, ...]
    """Mean of each channel of the images that were trained on, of pixels from 0 to 1."""
    std: tuple[float, ...]
    """Standard deviation of each channel of the images that were trained on, of pixels from 0 to 1."""
    resize: Resize = "crop"
    """How a picture of another shape is brought to that of the input."""

    @property
    def input(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.architecture.input

    @property
    def at_a_time(self) -> int:
        """Pictures that are classified together, as `pictures_at_a_time` says."""
        return pictures_at_a_time(self.architecture)

    def predict(self, files: Iterable[Path]) -> Iterator[tuple[Path, Prediction]]:
        """Each file with what the network makes of it, in their order; one that cannot be read says why.

        Pictures are read as for training and by an export's `model.py`: upright, in grey or colour as the network has
        it, brought to its shape as `resize` says.

        Args:
            files: pictures.
        """
        from .data import prepare, read_image  # here: what exports a network reads no pictures, and needs no PIL

        prepare()
        channels, *size = self.input
        at_a_time = self.at_a_time
        waiting: list[tuple[Path, Picture | str]] = []
        for file in files:
            waiting.append((file, read_image(file, (size[0], size[1]), self.resize, channels)))
            if len(waiting) == at_a_time:
                yield from self._answered(waiting)
                waiting = []
        yield from self._answered(waiting)

    def _answered(self, read: Sequence[tuple[Path, Picture | str]]) -> Iterator[tuple[Path, Prediction]]:
        pixels = [picture.pixels for _, picture in read if not isinstance(picture, str)]
        found = iter(self.probabilities(torch.from_numpy(np.stack(pixels))).tolist() if pixels else ())
        for file, picture in read:
            yield file, Prediction(problem=picture) if isinstance(picture, str) else Prediction(tuple(next(found)))

    @torch.inference_mode()
    def probabilities(self, pixels: Tensor) -> Tensor:
        """What the network gives each class, (N, classes), for pixels 0 to 255 as uint8 (N, C, H, W).

        Raises:
            DataError: the pixels are of another type or shape; says what they are.
        """
        return self.network(self.prepared(pixels)).flatten(1).softmax(1)

    def prepared(self, pixels: Tensor) -> Tensor:
        """What the network is given for pixels 0 to 255 as uint8 (N, C, H, W): float32 (N, C, H, W), normalised.

        Raises:
            DataError: the pixels are of another type or shape; says what they are.
        """
        self._check(pixels)
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return pixels.float().div_(255).sub_(mean).div_(std)  # in place: of large pictures there is one copy

    def _check(self, pixels: Tensor) -> None:
        shape, wanted = tuple(pixels.shape), f"(N, {', '.join(map(str, self.input))})"
        found = f"`pixels` (={str(pixels.dtype).removeprefix('torch.')} {shape}) must be"
        if pixels.dtype != torch.uint8:
            raise DataError(
                f"{found} uint8 {wanted}, 0 to 255", "Of values from 0 to 1: (255 * pixels).round().to(torch.uint8)."
            )
        if shape[1:] != self.input:
            remedy = "Of one image: pixels[None]." if shape == self.input else f"{wanted} is (N, C, H, W)."
            raise DataError(f"{found} uint8 {wanted}", remedy)


def pictures_at_a_time(architecture: Traced) -> int:
    """Pictures that a network classifies together: 1 to AT_A_TIME, as many as MEMORY_TOGETHER holds the maps of.

    Args:
        architecture: of the network; or a network at work on larger images.
    """
    one = cost_table(architecture).inference_memory().activations
    return min(max(MEMORY_TOGETHER // one, 1), AT_A_TIME)


def trained_network(architecture: Architecture, checkpoint: Path) -> tuple[Network, dict[str, tuple[float, ...]]]:
    """The averaged network of a checkpoint in evaluation mode, and the "mean" and "std" that its images were given.

    Args:
        architecture: of the network in `checkpoint`.
        checkpoint: a folder that `Training.save` wrote.

    Raises:
        CheckpointError: the checkpoint is absent, damaged, or of another network.
    """
    tensors, values = checkpoints.read_checkpoint(checkpoint)
    network = build_network(architecture).eval()
    return network, checkpoints.load_averaged(network, tensors, values, architecture.input[0], checkpoint)


def exported_classifier(folder: Path) -> Classifier:
    """The network of an export's folder, built of its JSON and weights: its Python file is not run.

    Args:
        folder: that `export_bundle` wrote, or that somebody sent.

    Raises:
        ArchitectureError: architecture.json is no network's.
        CheckpointError: the weights or proof.json are absent, damaged, or of another network.
    """
    try:
        text = read_plain(folder / "architecture.json", LARGEST_JSON).decode()
        proof = json.loads(read_plain(folder / "proof.json", LARGEST_JSON))
        weights = read_plain(folder / "model.safetensors", LARGEST_WEIGHTS)
    except OSError as error:
        raise CheckpointError(
            f"{error.filename} cannot be read: {error.strerror}", "Name an export's folder."
        ) from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder} is no export that can be read: {error!s:.100}") from None
    architecture = Architecture.from_json(text)
    if (needed := cost_table(architecture).inference_memory().total) > MOST_MEMORY:
        raise CheckpointError(f"{folder}: the network needs {needed:,} bytes for a picture; {MOST_MEMORY:,} are given")
    of_the_images = _of_the_proof(proof, architecture, folder)
    with torch.device("meta"):
        network = build_network(architecture)
    try:
        tensors = by_paths(architecture, load(weights))
        checkpoints.check_alike(tensors, network.state_dict())
    except (SafetensorError, LookupError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{folder / 'model.safetensors'} does not fit: {error!s:.200}") from None
    network.load_state_dict(tensors, assign=True)
    return Classifier(network=network.eval(), architecture=architecture, **of_the_images)


def _of_the_proof(proof: Any, architecture: Architecture, folder: Path) -> dict[str, Any]:
    """Names of the classes, and how images are prepared, by a proof.json."""
    from .data import Resize

    try:
        classes = tuple(map(str, proof["classes"]))
        normalisation = checkpoints.normalisation_in(proof, architecture.input[0])
        resize = proof.get("resize", "crop")  # an export of an earlier version does not say
        if resize not in get_args(Resize):
            raise ValueError(f"resize is {resize!r:.40}")
        if len(classes) != architecture.classes:
            raise ValueError(f"{len(classes)} classes, and the network has {architecture.classes}")
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise CheckpointError(
            f"{folder / 'proof.json'} does not say classes and normalisation: {error!r:.100}", "Export it anew."
        ) from None
    return {"classes": classes, "resize": resize, **normalisation}
