"""The nodes of the joined Ray cluster that have GPUs, and how large these are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import ray
from ray._private.state import state
from ray.tune import PlacementGroupFactory

from ....spaces import SweepError
from ..placement import GpuNode, Slot, Usage
from .nodes import alive_nodes, answer_of, ask_nodes, start_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .nodes import Answer, Node

LABEL = "ray.io/node-id"
"""The label by which Ray places something on one node."""
_log = logging.getLogger(__name__)


def smallest_gpu() -> int:
    """Bytes of memory of the smallest GPU of this machine; 0 where PyTorch finds none. For a process of its own."""
    import os

    os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # Ray hides GPUs from what asked for none
    import torch

    return min(
        (torch.cuda.get_device_properties(index).total_memory for index in range(torch.cuda.device_count())), default=0
    )


def nodes_with_gpus() -> list[GpuNode]:
    """The nodes that have GPUs by Ray's count and are to stay, each asked for their memory.

    Of those that do not say how large their GPUs are it is told why; they get no trials for now.

    Raises:
        SweepError: none of them says how large its GPUs are, or PyTorch finds none there.
    """
    answers = ask_nodes(list(declared_gpu_nodes().values()), smallest_gpu)
    found = [node for answer in answers if (node := _with_gpus(answer))]
    silent = [answer for answer in answers if not answer.value]
    if silent and not found:
        raise SweepError(
            "resources.gpus: auto needs to know how much memory the GPUs have: " + "; ".join(map(_why, silent[:3])),
            "Mend that, or say what each trial gets, as `--set resources.gpus=0.5`.",
        )
    for answer in silent:
        _tell(answer)
    return found


def declared_gpu_nodes() -> dict[str, Node]:
    """The nodes that have GPUs by Ray's count, by id; not those that are being drained, where Ray places nothing."""
    draining = state.get_draining_nodes()
    return {node.id: node for node in alive_nodes() if node.resources.get("GPU", 0) >= 1 and node.id not in draining}


class LateNodes:
    """Asks nodes that come while the sweep runs for their GPUs. Nothing waits for their answers."""

    def __init__(self) -> None:
        self._asked: dict[str, ray.ObjectRef] = {}
        self.silent: set[str] = set()
        """Ids of nodes that have not said how large their GPUs are when they were asked."""

    def __call__(self, known: Sequence[GpuNode]) -> list[GpuNode]:
        """The nodes that have GPUs and are to stay; of those that have come, the ones that have answered meanwhile.

        One that does not say how large its GPUs are is told of once, and asked again each time.

        Args:
            known: those that were there the last time.
        """
        now = declared_gpu_nodes()
        found = [node for node in known if node.id in now]
        for new in now.keys() - {node.id for node in found}:
            node = now[new]
            if node.id not in self._asked:
                self._asked[node.id] = start_on(node.id, smallest_gpu)
            elif ray.wait([self._asked[node.id]], timeout=0)[0]:
                answer = answer_of(node, self._asked.pop(node.id), left=1.0)
                if (gpu_node := _with_gpus(answer)) is not None:
                    found.append(gpu_node)
                elif node.id not in self.silent:
                    self.silent.add(node.id)
                    _tell(answer)
        return found


def request_of(slot: Slot) -> PlacementGroupFactory:
    """What Ray is asked for, for a job: a share of a GPU and CPUs, on one node.

    Args:
        slot: the job's place.
    """
    return PlacementGroupFactory([{"CPU": slot.cpus, "GPU": slot.gpus}], bundle_label_selector=[{LABEL: slot.node}])


def usage_here(peak: int | None) -> Usage:
    """What this worker says of its GPU.

    Args:
        peak: bytes of it that the job's training has held at once, at most; None where that is not counted.
    """
    ids = ray.get_gpu_ids() if ray.is_initialized() else []
    return Usage(gpu=str(ids[0]) if ids else "", peak=peak)


def _why(answer: Answer) -> str:
    return f"{answer.node.host} ({answer.node.address}): {answer.problem or 'PyTorch finds no GPU there'}"


def _tell(answer: Answer) -> None:
    _log.warning(
        "resources.gpus: auto gives this node no trials, for it does not say how large its GPUs are: %s", _why(answer)
    )


def _with_gpus(answer: Answer) -> GpuNode | None:
    """The node that has answered; None where it has not said how large its GPUs are."""
    node, resources = answer.node, answer.node.resources
    if not answer.value:
        return None
    gpus, cpus = int(resources["GPU"]), resources.get("CPU", 0.0)
    return GpuNode(id=node.id, host=node.host, gpus=gpus, cpus=cpus, memory=answer.value)
