"""The arithmetic of a network's layers, and how a device says that its memory is full."""

from __future__ import annotations

from typing import Literal, get_args

import torch

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Layers compute in `precision` inside this context; weights and losses stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device had no memory left. PyTorch has a class of its own for it, but not where the CPU's ran out."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error) or "alloc_cpu" in str(error)


def give_back(device: torch.device) -> None:
    """Returns what PyTorch keeps of a GPU's memory without using it, so that another size fits."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
