"""Names of the release before, which work with a warning until the next release."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def former_names(module: str, renamed: Mapping[str, str], home: str = "", depth: int = 2) -> Callable[[str], Any]:
    """A `__getattr__` for a module that finds what is asked for by a former name, with a DeprecationWarning.

    Args:
        module: `__name__` of the module that had the former names.
        renamed: the present name of each former one.
        home: `__name__` of the module that has the present names; "" where that is `module` itself.
        depth: the warning's `stacklevel`: how many calls lie between it and the line that asks.

    Returns:
        A function that takes a name, and raises AttributeError where that is no former name.
    """

    def found(name: str) -> Any:
        if name not in renamed:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        where, now = home or module, renamed[name]
        warnings.warn(f"{module}.{name} is called {where}.{now} now", DeprecationWarning, stacklevel=depth)
        return getattr(import_module(where), now)

    return found
