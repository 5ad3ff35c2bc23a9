"""Asks Ray for GPUs that no node has yet: where its autoscaler can, it brings nodes that have them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from ray.exceptions import RayError
from ray.util import placement_group, placement_group_table, remove_placement_group

from .fair_share import NEW_NODE
from .gpu_nodes import LABEL, declared_gpu_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ray.util.placement_group import PlacementGroup

    from ..placement import GpuNode
    from .fair_share import FairShare


class NewGpus:
    """Placement groups of a GPU each that wait for nodes to come, and are given back once one has.

    Args:
        share: says whether another driver waits; this one then asks for none.
    """

    def __init__(self, share: FairShare | None = None) -> None:
        self._share = share
        self._asked: list[PlacementGroup] = []

    def __call__(self, count: int, known: Sequence[GpuNode]) -> None:
        """Asks for so many GPUs in all, less those of nodes that have come and are not known yet.

        Args:
            count: how many; what was asked for beyond that is taken back.
            known: nodes whose GPUs are not meant.
        """
        if not count and not self._asked:
            return
        if self._share is not None and self._share.limit() < math.inf:
            count = 0
        ids = [node.id for node in known]
        coming = sum(int(node.resources["GPU"]) for id_, node in declared_gpu_nodes().items() if id_ not in ids)
        pending = [group for group in self._asked if placement_group_table(group).get("state") == "PENDING"]
        keep = pending[: max(0, count - coming)]
        for gone in (group for group in self._asked if group not in keep):
            remove_placement_group(gone)
        elsewhere = [{LABEL: f"!in({','.join(ids)})"} if ids else {}]
        for _ in range(count - coming - len(keep)):
            name = f"{NEW_NODE}{uuid4().hex}"
            keep.append(placement_group([{"GPU": 1}], name=name, bundle_label_selector=elsewhere))
        self._asked = keep

    def close(self) -> None:
        """Asks for none any more."""
        with suppress(RayError, RuntimeError):  # the cluster may be gone
            self(0, ())
