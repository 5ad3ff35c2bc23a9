"""Starts training from weights learnt elsewhere: torchvision's, or those of an export."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from ..spaces import (
    Architecture,
    Conv,
    DataError,
    Linear,
    TrainingError,
    check_plain,
    nearest,
    read_plain,
)
from ..spaces.classics import CLASSICS, classic
from .network import build_network
from .recipe import DOWNLOAD
from .stages import by_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of each channel (red, green, blue) that torchvision's models expect, of pixels from 0 to 1."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of each channel (red, green, blue) that torchvision's models expect, of pixels from 0 to 1."""
GOOGLENET = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""What torchvision's googlenet turns ImageNet's normalisation into (`transform_input`) before its first layer."""
OUR_EPS, BASIC_CONV_EPS = 1e-5, 1e-3
"""What batch norms add to a variance: ours, and those of torchvision's BasicConv2d (GoogLeNet), all called "bn"."""

SAME_LAYERS = {"alexnet": "alexnet-torchvision", "googlenet": "googlenet-torchvision"}
"""Classics with the layers of a torchvision model that are called otherwise than the model."""

LARGEST_WEIGHTS, LARGEST_JSON = 8 * 2**30, 16 * 2**20
"""Bounds on a file of weights and on an export's JSON, in bytes."""
LARGEST = 1e6
"""Bound on a mean or deviation of pixels, which are from 0 to 1."""
State = dict[str, "Tensor"]
"""Tensors by name, as in PyTorch's `state_dict`."""
Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, of pixels from 0 to 1."""


_SOURCES = "Name a file of weights, the folder of an export, or torchvision:NAME as in torchvision:resnet18."


def read_weights(source: str) -> tuple[State, Normalisation]:
    """Weights by torchvision's names or by ours, and the mean and deviation of the images they were learnt on.

    Args:
        source: "torchvision:NAME"; the folder of an export; or what `torch.save` wrote of a torchvision model's
            state_dict, taken to be learnt on ImageNet as torchvision's are. It is read with `weights_only`, which
            still is no protection against a file made to do harm.

    Returns:
        Tensors by name, and (mean, standard deviation) of each channel of pixels from 0 to 1.

    Raises:
        DataError: nothing there, not weights, or they cannot be fetched.
    """
    try:
        path = Path(source).expanduser()
        if source.startswith(DOWNLOAD):
            from torchvision.models import get_model_weights

            known = get_model_weights(source.removeprefix(DOWNLOAD))
            return _of_imagenet(known["DEFAULT"].get_state_dict(progress=False, check_hash=True))
        if path.is_dir():
            proof = json.loads(read_plain(path / "proof.json", LARGEST_JSON))
            mean, std = (_numbers(proof["normalisation"][key]) for key in ("mean", "std"))
            if not all(value > 0 for value in std):
                raise ValueError(f"proof.json has a standard deviation of {min(std)}")
            network = Architecture.from_json(read_plain(path / "architecture.json", LARGEST_JSON).decode())
            return by_paths(network, load_file(check_plain(path / "model.safetensors", LARGEST_WEIGHTS))), (mean, std)
        _refuse_overfull(check_plain(path, LARGEST_WEIGHTS))
        return _of_imagenet(_state(torch.load(path, map_location="cpu", weights_only=True)))
    except UnpicklingError as error:
        raise DataError(
            f"recipe.weights (={source!r}) holds more than tensors, and was not read any further",
            "Save `model.state_dict()`, not the model itself.",
        ) from error
    except Exception as error:  # a damaged file makes torch's reader raise anything
        reason = str(error) or type(error).__name__
        raise DataError(f"recipe.weights (={source!r}) cannot be read: {reason:.200}", _SOURCES) from error


def _refuse_overfull(path: Path) -> None:
    """Refuses an archive that holds more than its own size: `torch.save` writes none, and it may be terabytes."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(file.file_size for file in archive.infolist()) > path.stat().st_size:
                raise ValueError("it is compressed, or no archive that torch.save wrote")


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(map(_is_number, values)):
        raise ValueError(f"proof.json has a mean or deviation of {values!r:.80}")
    return tuple(map(float, values))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _of_imagenet(state: Mapping[str, Tensor]) -> tuple[State, Normalisation]:
    """Weights, and the images torchvision's networks learn from; GoogLeNet is known by the names of its layers."""
    is_googlenet = any("inception3a." in name for name in state)
    return dict(state), GOOGLENET if is_googlenet else (IMAGENET_MEAN, IMAGENET_STD)


def _state(loaded: object) -> State:
    """The tensors by name of what `torch.save` wrote, also where they lie under "state_dict", as trainers keep them."""
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if (
        not isinstance(loaded, dict)
        or not loaded
        or not all(isinstance(value, torch.Tensor) for value in loaded.values())
    ):
        raise ValueError("it is no state_dict: tensors by the names of their layers")
    for name, value in loaded.items():
        if value.layout != torch.strided or value.is_meta or value.is_nested or value.is_quantized:
            raise ValueError(f"tensor {name!s:.80} is not plain numbers")
    return loaded


def network_for(source: str, input: tuple[int, int, int], classes: int, base: str | None = None) -> Architecture:
    """The network that weights belong to, for images of (C, H, W) and with a last layer for other classes.

    Args:
        source: "torchvision:NAME", the folder of an export, or a file of a torchvision model's weights.
        input: (C, H, W).
        classes: scores of the last layer.
        base: the classic that a plain file of weights belongs to; torchvision's names and exports say it themselves.

    Raises:
        TrainingError: nobody knows which network that is.
        ArchitectureError: it cannot be built for these images, or its JSON is damaged.
    """
    name = base
    if source.startswith(DOWNLOAD):
        from torchvision.models import list_models

        name = source.removeprefix(DOWNLOAD)
        name = SAME_LAYERS.get(name, name)
        if name not in CLASSICS or source.removeprefix(DOWNLOAD) not in list_models():
            raise TrainingError(f"recipe.weights (={source!r}): no such network here", nearest(name, CLASSICS))
    elif folder := _export(source):
        try:
            found = Architecture.from_json(read_plain(folder / "architecture.json", LARGEST_JSON).decode())
        except (OSError, ValueError) as error:
            raise TrainingError(f"recipe.weights (={source!r}) cannot be read: {error!s:.200}", _SOURCES) from None
        return _rescored(found, input, classes)
    if name is None:
        if not os.path.lexists(source):
            raise TrainingError(f"recipe.weights (={source!r}): there is no such file or folder", _SOURCES)
        raise TrainingError(
            f"recipe.weights (={source!r}) is no export's folder: a file does not say which network it belongs to",
            "Name a single classic as the space's base, as in `space: {base: resnet18}`, or use an export's folder.",
        )
    return classic(name, input, classes)


def _export(source: str) -> Path | None:
    """The folder that `source` names, None where it names none."""
    try:
        folder = Path(source).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _rescored(network: Architecture, input: tuple[int, int, int], classes: int) -> Architecture:
    """The network on images of (C, H, W), its last layer with weights giving as many scores as there are classes."""
    layers = list(network.layers)
    last = max((i for i, layer in enumerate(layers) if isinstance(layer, Conv | Linear)), default=0)
    layer = layers[last]
    if isinstance(layer, Conv):
        layers[last] = replace(layer, filters=classes)
    elif isinstance(layer, Linear):
        layers[last] = replace(layer, units=classes)
    return Architecture(input, tuple(layers), classes, network.fit)


def check_fit(architecture: Architecture, source: str) -> None:
    """Refuses weights that are not of this network, whatever their last layer. Downloads nothing.

    Args:
        architecture: the network.
        source: "torchvision:NAME", the folder of an export, or a file of a torchvision model's weights.

    Raises:
        TrainingError: the weights do not fit; names the layer.
        DataError: they cannot be read.
        ArchitectureError: no classic is called NAME.
    """
    with torch.device("meta"):
        own = build_network(architecture).state_dict()
        name = source.removeprefix(DOWNLOAD)
        published = build_network(classic(SAME_LAYERS.get(name, name))).state_dict() if name != source else None
    for _ in _pairs(own, read_weights(source)[0] if published is None else published):
        pass


@torch.no_grad()
def start_from(network: nn.Module, state: State) -> None:
    """Copies weights into a network, layer by layer; a last layer for other classes keeps its own start.

    Where the names are ours they decide. Otherwise order and shapes do, so that torchvision's own models fit the
    classics of equal name: blocks list their body before their shortcut, branches stand in one order, and the
    auxiliary heads that GoogLeNet has while training are left out.

    Args:
        network: is changed in place.
        state: tensors by name.

    Raises:
        TrainingError: another number of layers, or another shape; names the layer.
    """
    for mine, given, name in _pairs(network.state_dict(), state):
        for leaf, value in mine.items():
            value.copy_(given[leaf])
        if name.endswith(".bn"):
            mine["running_var"] += BASIC_CONV_EPS - OUR_EPS


def _pairs(own: State, state: State) -> Iterator[tuple[State, State, str]]:
    """Layers of `own` and of `state` that belong together, and the latter's name; but for a last one of other shapes.

    Raises:
        TrainingError: they do not fit.
    """
    ours, theirs = _layers(own), _layers(state)
    if len(ours) != len(theirs):
        raise TrainingError(
            f"recipe.weights holds {len(theirs)} layers with weights and the network has {len(ours)}", _ALIKE
        )
    if ours.keys() == theirs.keys():
        theirs = {path: theirs[path] for path in ours}
    pairs = list(zip(ours.items(), theirs.items(), strict=True))
    for (path, mine), (name, given) in pairs:
        shapes = [{leaf: tuple(value.shape) for leaf, value in layer.items()} for layer in (mine, given)]
        if shapes[0] == shapes[1]:
            yield mine, given, name
        elif path != pairs[-1][0][0]:
            raise TrainingError(
                f"recipe.weights: layer {name} has the shapes {shapes[1]} and the network's layer {path} {shapes[0]}",
                _ALIKE,
            )


_ALIKE = "The architecture must be the one the weights were learnt with, but for the number of classes."


def freeze(network: nn.Module, share: float) -> Sequence[nn.Module]:
    """Stops the first `share` of the layers with weights from learning; the last always learns.

    Args:
        network: is changed in place.
        share: 0 to 1, of all layers with weights but the last, from the input on.

    Returns:
        The layers that are frozen. Batch norms among them must also be kept from measuring, by `eval()`.
    """
    layers = [module for module in network.modules() if list(module.parameters(recurse=False))]
    frozen = layers[: round(share * (len(layers) - 1))]
    for layer in frozen:
        layer.requires_grad_(requires_grad=False)
    return frozen


def _layers(state: State) -> dict[str, State]:
    """The tensors of each layer, in order, by their names within it."""
    layers: dict[str, State] = {}
    for name, value in state.items():
        layer, _, leaf = name.rpartition(".")
        if not layer.startswith(("aux1", "aux2")):
            layers.setdefault(layer, {})[leaf] = value
    return layers
