"""A checkpoint of a training as tensors and values: safetensors and JSON, checked when read."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load, save, save_file

from ..spaces import CheckpointError
from .checkpoint_files import (
    TENSORS,
    VALUES,
    PackedCheckpoint,
    packed,
    read_packed,
    values_of,
    written_whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn


def write(folder: Path, tensors: Mapping[str, Tensor], values: dict[str, Any]) -> None:
    """Writes a checkpoint beside `folder` and renames it there; an older one of that name is replaced.

    Args:
        folder: where the checkpoint shall stand; its parents are made.
        tensors: what to keep, by name.
        values: anything JSON can hold.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    with written_whole(folder) as temporary:
        save_file(_plain(tensors), temporary / TENSORS)  # less memory than bytes of all
        files = packed((temporary / TENSORS).read_bytes(), values)
        (temporary / VALUES).write_bytes(files.record)
        (temporary / TENSORS).chmod((temporary / VALUES).stat().st_mode)  # safetensors keeps a file to its owner


def pack(tensors: Mapping[str, Tensor], values: dict[str, Any]) -> PackedCheckpoint:
    """A checkpoint in memory, to be sent elsewhere.

    Args:
        tensors: what to keep, by name.
        values: anything JSON can hold.
    """
    return packed(save(_plain(tensors)), values)


def unpack(checkpoint: PackedCheckpoint, where: object) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and values of a checkpoint in memory.

    Args:
        checkpoint: its files.
        where: names it in errors.

    Raises:
        CheckpointError: cut short, altered, or no checkpoint at all.
    """
    values = values_of(checkpoint, where)
    try:
        return load(checkpoint.tensors), values
    except (SafetensorError, LookupError, RuntimeError, ValueError) as error:  # kinds and shapes PyTorch does not have
        raise CheckpointError(f"checkpoint {where}: {TENSORS} cannot be read: {error!s:.200}") from None


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and values that a checkpoint holds.

    Args:
        folder: of the checkpoint.

    Raises:
        CheckpointError: absent, cut short, altered, or no checkpoint at all; says where.
    """
    return unpack(read_packed(folder), folder)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors as safetensors writes them: on the CPU, their numbers in order."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def check_alike(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuses tensors that cannot be loaded in place of others.

    Args:
        tensors: by name.
        wanted: those to load them in place of, by name.

    Raises:
        ValueError: another name, shape or kind of number; says which.
    """
    if unlike := sorted(wanted.keys() ^ tensors.keys()):
        raise ValueError(f"{unlike[0]} is {'absent' if unlike[0] in wanted else 'not part of it'}")
    for name, ours in wanted.items():
        if tensors[name].shape != ours.shape:
            raise ValueError(f"{name} has the shape {tuple(tensors[name].shape)}, not {tuple(ours.shape)}")
        if tensors[name].dtype != ours.dtype:
            raise ValueError(f"{name} holds {tensors[name].dtype}, not {ours.dtype}")


def load_averaged(
    network: nn.Module, tensors: Mapping[str, Tensor], values: Mapping[str, Any], channels: int, folder: Path
) -> dict[str, tuple[float, ...]]:
    """Loads what a training averaged into a network. Gives the mean and deviation of the channels it was trained on.

    Args:
        network: is changed in place.
        tensors: of the checkpoint.
        values: of the checkpoint.
        channels: of the images.
        folder: names the checkpoint in errors.

    Raises:
        CheckpointError: the tensors do not fit, or nothing says how images are normalised.
    """
    averaged = {
        name.removeprefix("averaged."): value for name, value in tensors.items() if name.startswith("averaged.")
    }
    try:
        check_alike(averaged, network.state_dict())
        normalisation = normalisation_in(values, channels)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise CheckpointError(f"checkpoint {folder}: its tensors or values do not fit: {error!r:.200}") from None
    network.load_state_dict(averaged)
    return normalisation


def normalisation_in(values: Mapping[str, Any], channels: int) -> dict[str, tuple[float, ...]]:
    """The "mean" and "std" of each channel by the values of a checkpoint, or of an export's proof.json.

    Args:
        values: what the JSON holds.
        channels: of the images.

    Raises:
        ValueError: they cannot be used. LookupError, TypeError and OverflowError where they are none at all.
    """
    normalisation = {key: tuple(map(float, values["normalisation"][key])) for key in ("mean", "std")}
    mean, std = normalisation.values()
    if len(mean) != channels or len(std) != channels or not all(map(isfinite, mean + std)) or not min(std) > 0:
        raise ValueError(f"normalisation is {normalisation!s:.80}")
    return normalisation
