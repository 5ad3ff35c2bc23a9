"""The device and the threads that a trial gets by the sweep file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...config import ResourcesConfig


def device_of(resources: ResourcesConfig) -> str:
    """The device that a trial trains on, as torch names it: a GPU where `resources.gpus` gives it some of one."""
    return "cuda" if resources.gpus else "cpu"


def threads_of(resources: ResourcesConfig) -> int:
    """Threads a trial computes with: as many as `resources.cpus`, at least one."""
    return max(1, math.floor(resources.cpus))
