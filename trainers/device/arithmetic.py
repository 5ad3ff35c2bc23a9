"""The precision of a network's arithmetic, and how a device says that its memory is full."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, get_args

import torch

from ...spaces import MemoryFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """A context in which layers compute in `precision`; weights and losses stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


FULL = (
    "DefaultCPUAllocator", "alloc_cpu", "CUDA out of memory", "CUDA error: out of memory",
    "CUDA driver error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED",
    "DEVICE_ALLOCATION_FAILED",  # cuDNN 9's CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
    "CUBLAS_STATUS_NOT_INITIALIZED",  # cublasCreate found no room for its handle
    "unable to find an engine to execute this computation",  # of no convolution did cuDNN's workspace fit
    "NVML_SUCCESS ==",  # the allocator was full, and could not ask the driver what to say of it
)  # fmt: skip
"""Words of PyTorch's errors, on the CPU and on a GPU, where it raises no `OutOfMemoryError` for want of memory."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that a device had no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in FULL)


@contextmanager
def oom_as_training_error(device: torch.device) -> Iterator[None]:
    """A context in which running out of memory, where it cannot be tried again in parts, is the network's fault.

    Args:
        device: for the error to name.

    Raises:
        MemoryFullError: a device had no memory left in the body.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryFullError(
            f"the training does not fit into the memory of {device}: {str(error).strip().splitlines()[0]:.150}",
            "Choose a smaller network, a smaller image (data.size) or a larger device.",
        ) from None


def still_computes(device: str) -> bool:
    """Whether a device can be used: after some of CUDA's errors nothing can be computed in this process any more.

    Args:
        device: as torch names it.
    """
    try:
        return 1 <= torch.rand((), device=device).add_(1).item() <= 2  # chance may be spoilt alone
    except RuntimeError as error:
        return is_out_of_memory(error)


def empty_cache(device: torch.device) -> None:
    """Frees what PyTorch keeps of a GPU's memory without using it, so that another size fits; nothing on the CPU."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
