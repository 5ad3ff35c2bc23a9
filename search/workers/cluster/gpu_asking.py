"""Asks Ray for GPUs that no node has yet: where its autoscaler can, it brings nodes that have them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from ray.exceptions import RayError
from ray.util import placement_group, remove_placement_group

from .fair_share import NEW_NODE
from .gpu_nodes import LABEL, declared_gpu_nodes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ray.util.placement_group import PlacementGroup

    from ..placement import GpuNode
    from .fair_share import FairShare


class NewGpus:
    """Placement groups of a GPU each that wait for nodes to come, and are given back once any has.

    Args:
        silent: ids of nodes whose GPUs will not be used, as they have not said how large they are. It may grow.
        share: says whether another driver waits; this one then asks for none.
    """

    def __init__(self, silent: Collection[str], share: FairShare | None = None) -> None:
        self._silent, self._share = silent, share
        self._there: set[str] = set()
        self._asked: list[PlacementGroup] = []

    def __call__(self, count: int, known: Sequence[GpuNode]) -> None:
        """Asks for GPUs beside those of known nodes, less those of nodes that have come and are not known yet.

        Where Ray cannot be asked nothing changes.

        Args:
            count: how many, 0 for none.
            known: the nodes that are used.
        """
        with suppress(RayError, RuntimeError, OSError):
            if self._share is not None and self._share.limit() < math.inf:
                count = 0
            if not count and not self._asked:
                return
            there = declared_gpu_nodes()
            unused = there.keys() - {node.id for node in known} - set(self._silent)
            wanted = max(0, count - sum(int(there[id_].resources["GPU"]) for id_ in unused))
            if there.keys() != self._there or len(self._asked) > wanted:  # a group that one has come for holds its GPU
                self.close()
            self._there = set(there)
            elsewhere = [{LABEL: f"!in({','.join(sorted(there))})"} if there else {}]
            while len(self._asked) < wanted:
                name = f"{NEW_NODE}{uuid4().hex}"
                self._asked.append(placement_group([{"GPU": 1}], name=name, bundle_label_selector=elsewhere))

    def close(self) -> None:
        """Asks for none any more."""
        while self._asked:
            with suppress(RayError, RuntimeError, OSError):  # the cluster may be gone
                remove_placement_group(self._asked.pop())
