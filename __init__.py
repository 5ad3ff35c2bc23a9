"""Convscape: search for the convolutional network that suits a set of images and a budget.

>>> import convscape
>>> sweep = convscape.launch("sweep.yaml")   # doctest: +SKIP
>>> sweep.leaderboard()                      # doctest: +SKIP
>>> sweep.export("exported/winner")          # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .search.config.schema import SweepConfig as SweepConfig
    from .search.driver.launching import launch as launch
    from .search.driver.launching import resume as resume
    from .search.sweep import Sweep as Sweep
    from .spaces.architecture import Architecture as Architecture
    from .spaces.conv_space.space import ConvSpace as ConvSpace
    from .spaces.errors import ConvscapeError as ConvscapeError
    from .spaces.lookup import find as find

_HOMES = {
    "Architecture": "spaces.architecture",
    "ConvSpace": "spaces.conv_space.space",
    "ConvscapeError": "spaces.errors",
    "Sweep": "search.sweep",
    "SweepConfig": "search.config.schema",
    "find": "spaces.lookup",
    "launch": "search.driver.launching",
    "resume": "search.driver.launching",
}
__all__ = ["Architecture", "ConvSpace", "ConvscapeError", "Sweep", "SweepConfig", "find", "launch", "resume"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: `import convscape` alone loads no torch, ray or mlflow."""
    if name not in _HOMES:
        raise AttributeError(f"module 'convscape' has no attribute '{name}'")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
