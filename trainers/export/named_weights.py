"""Reads all weights of a network from a file, or from an export's folder, by the names that our networks have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import load_file

from ...spaces import DataError, TrainingError, check_plain
from ..network import build_network
from ..stages import by_paths
from ..transfer import LARGEST_WEIGHTS, read_weights, start_from

if TYPE_CHECKING:
    from torch import Tensor

    from ...spaces import Architecture
    from ..transfer import Normalisation

SAFETENSORS = ".safetensors"


def read_named_weights(weights: str, architecture: Architecture) -> tuple[dict[str, Tensor], Normalisation | None]:
    """All tensors of a network by the names of `build_network`, and the mean and deviation they were learnt with.

    Args:
        weights: an export's folder; its model.safetensors, or another file of safetensors, named as ours are; what
            `torch.save` wrote of the state_dict of a network of ours or of a torchvision model; or "torchvision:NAME".
        architecture: of the network.

    Returns:
        Tensors by name, not yet compared with the network's; and (mean, standard deviation) of each channel of pixels
        from 0 to 1, None where nothing says them.

    Raises:
        DataError: nothing there, not weights, or of other layers than the network's.
    """
    path = Path(weights).expanduser()
    if path.suffix == SAFETENSORS and not path.is_dir():
        return _of_safetensors(path, architecture)
    tensors, normalisation = read_weights(weights)
    network = build_network(architecture)
    if tensors.keys() == network.state_dict().keys():
        return tensors, normalisation if path.is_dir() else None
    try:
        start_from(network, tensors)
    except TrainingError as error:
        raise DataError(error.message.replace("recipe.weights", weights), error.remedy) from None
    return network.state_dict(), normalisation


def _of_safetensors(path: Path, architecture: Architecture) -> tuple[dict[str, Tensor], Normalisation | None]:
    if path.name == "model.safetensors" and (path.parent / "proof.json").is_file():
        return read_weights(str(path.parent))
    try:
        return by_paths(architecture, load_file(check_plain(path, LARGEST_WEIGHTS))), None
    except Exception as error:  # a damaged file makes the reader raise anything
        raise DataError(
            f"{path} cannot be read: {error!s:.200}", "Name a file of weights, or an export's folder."
        ) from error
