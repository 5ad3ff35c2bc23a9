"""What part of a machine a trial gets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config import ResourcesConfig


def threads_of(resources: ResourcesConfig) -> int:
    """Threads a trial computes with: as many as `resources.cpus`, at least one."""
    return max(1, math.floor(resources.cpus))
