"""Records work on a GPU as one CUDA graph: small networks are bound by the launches of their kernels, not by these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARM_UP = 3
"""Times that work is done as it is before it is recorded: libraries make their plans and optimisers their state."""


class CaptureError(Exception):
    """A recording that CUDA could not end: PyTorch's allocator is in no known state, the process must not train on."""


class Work(Protocol):
    """What is done to tensors on a GPU, such as a training step; gives a tensor without shape."""

    def plain(self, tensors: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Does the work as it is done without a recording."""
        ...

    def recordable(self, tensors: Sequence[Tensor], numbers: Sequence[Tensor]) -> Tensor:
        """Does the same, its numbers tensors without shape, and waits for none of its kernels."""
        ...

    def unrecorded(self, error: RuntimeError) -> None:
        """Takes in why it cannot be recorded: it is done plainly from now on."""
        ...


Recorder: TypeAlias = "Callable[[Callable[[], Tensor]], tuple[Callable[[], object], Tensor]]"
"""Takes work and gives what does it again, on the values that its tensors hold then, and the tensor of its result."""


def cuda_graph(work: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
    """Records work as a CUDA graph, which launches all its kernels at once. The work is not done.

    Args:
        work: launches kernels and waits for none.

    Returns:
        What does the work on the values that its tensors hold then, and the tensor in which its result is each time.

    Raises:
        RuntimeError: the work raised it, as where the GPU has no memory for it.
        CaptureError: CUDA could not end the recording.
    """
    before, graph, failed = torch.cuda.current_stream(), torch.cuda.CUDAGraph(), None
    try:
        # Other threads may load images meanwhile; the one of autograd's is let off with them.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            try:
                result = work()
            except RuntimeError as error:
                failed = error
                raise
    except RuntimeError as error:
        if error is failed:
            raise
        raise CaptureError(
            f"CUDA could not end the recording of a training step: {failed or error!s:.200}; such networks train with "
            "`resources.cuda_graphs: false`"
        ) from error
    finally:
        torch.cuda.set_stream(before)  # `graph` leaves its own where it cannot end
    return graph.replay, result


class Recording:
    """Work that is done again and again: as it is for WARM_UP times, then as it was recorded.

    It keeps the GPU's memory of the work until `forget`, or until it is let go of itself. Tensors of another shape are
    another work.

    Args:
        record: makes the recording.
    """

    def __init__(self, record: Recorder) -> None:
        self._record = record
        self._gave_up = False
        self.forget()

    def forget(self) -> None:
        """Drops the recording, as where tensors that the work changes have been replaced by others."""
        self._times = 0
        self._replay: Callable[[], object] | None = None
        self._result: Tensor | None = None
        self._tensors: list[Tensor] = []
        self._numbers: list[Tensor] = []
        self._shapes: list[torch.Size] = []

    def __call__(self, work: Work, tensors: Sequence[Tensor], numbers: Sequence[float]) -> Tensor:
        """Does the work.

        Args:
            work: the same each time; whoever owns the recording hands itself over, so that neither keeps the other.
            tensors: on the GPU; they are copied.
            numbers: that may be others each time.

        Returns:
            The result, which is good until the work is done again.
        """
        shapes = [tensor.shape for tensor in tensors]
        if shapes != self._shapes:
            self.forget()
            self._shapes = shapes
        if self._replay is None and not self._recorded(work, tensors, numbers):
            self._times += 1
            return work.plain(tensors, numbers)
        assert self._replay is not None
        assert self._result is not None
        for kept, tensor in zip(self._tensors, tensors, strict=True):
            kept.copy_(tensor)
        for kept, number in zip(self._numbers, numbers, strict=True):
            kept.fill_(number)
        self._replay()
        return self._result

    def _recorded(self, work: Work, tensors: Sequence[Tensor], numbers: Sequence[float]) -> bool:
        """Records the work on copies of the tensors. False where it is too early for that, or where it failed."""
        if self._gave_up or self._times < WARM_UP:
            return False
        device = tensors[0].device
        self._tensors = [tensor.clone() for tensor in tensors]
        self._numbers = [torch.tensor(number, device=device) for number in numbers]
        try:
            self._replay, self._result = self._record(lambda: work.recordable(self._tensors, self._numbers))
        except RuntimeError as error:
            self.forget()
            self._gave_up = True
            work.unrecorded(error)
        return self._replay is not None
