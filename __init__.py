"""Convscape: search for the convolutional network that suits a set of images and a budget.

`import convscape` alone loads no torch, ray, optuna or mlflow: a name is imported when it is first used. The names are
those of `__init__.pyi`.

>>> import convscape
>>> sweep = convscape.launch("sweep.yaml")   # doctest: +SKIP
>>> sweep = convscape.launch("~/photos")     # doctest: +SKIP
>>> sweep.leaderboard()                      # doctest: +SKIP
>>> sweep.export("exported/winner")          # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from .spaces import former_names

__version__ = "0.1.0"
_exported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


_former = former_names(__name__, {"find": "load_architecture"}, depth=3)


def __getattr__(name: str) -> Any:
    return _exported(name) if name in __all__ else _former(name)
