"""Stands in for lazy_loader where it is not installed: a package's names are imported when they are first used."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class _Face(ModuleType):
    """A package with names like those of the modules they come from: importing a module does not take its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__dict__["_named_alike"] or value is not sys.modules.get(f"{self.__name__}.{name}"):
            super().__setattr__(name, value)


def attach_stub(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What lazy_loader's function of that name gives: `__getattr__`, `__dir__` and `__all__` by the `.pyi` beside."""
    homes = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def imported(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, original = homes[name]
        home = import_module(f"{package}.{module or original}")
        value = getattr(home, original) if module else home
        sys.modules[package].__dict__[name] = value
        return value

    face = sys.modules[package]
    face.__dict__["_named_alike"] = {name for name, (module, _) in homes.items() if name == module}
    face.__class__ = _Face
    return imported, lambda: sorted(homes), sorted(homes)
