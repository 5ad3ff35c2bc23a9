"""Joins a Ray cluster, or starts one here, for as long as something is asked of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .address import refuse_unreachable, token_mode
from .settings import TUNE_SETTINGS, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config import ResourcesConfig


@contextmanager
def joined(resources: ResourcesConfig) -> Iterator[None]:
    """Has this process be part of the Ray cluster at `resources.address`, or of one of its own, while the body runs.

    It is joined as a launch joins it, and left or stopped at the end. A Ray that this process had begun before is used
    as it is, and goes on.

    Args:
        resources: where the cluster is; without an address Ray is started on this machine.

    Raises:
        SweepError: no cluster answers there within seconds, or Ray does not start on this machine.
    """
    settings = dict(TUNE_SETTINGS)
    begun = (loaded := sys.modules.get("ray")) is not None and loaded.is_initialized()
    if resources.address and not begun:
        refuse_unreachable(resources.address)
        settings |= token_mode(resources.address)
    with environment(settings):
        import ray  # it reads some of the settings now

        from .starting import start_ray

        if begun:
            yield
            return
        try:
            start_ray(resources)
            yield
        finally:
            ray.shutdown()
