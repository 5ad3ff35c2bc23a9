"""Names of the release before, which work with a warning until the next."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def former_names(module: str, renamed: Mapping[str, str], home: str = "", depth: int = 2) -> Callable[[str], Any]:
    """A `__getattr__` for a module that gives what it is asked for by a former name, with a DeprecationWarning.

    Args:
        module: the module's `__name__`.
        renamed: the present name of each former one.
        home: the module that has the present names, where it is another.
        depth: calls between the warning and whoever asks.
    """

    def found(name: str) -> Any:
        if name not in renamed:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        where, now = home or module, renamed[name]
        warnings.warn(f"{module}.{name} is called {where}.{now} now", DeprecationWarning, stacklevel=depth)
        return getattr(import_module(where), now)

    return found
