"""Imports modules of some folders from their source alone.

Python takes a compiled file in `__pycache__` for its module wherever the module's time and size are those that the file
says it was made of. Whoever hands over a folder can make that so: a person reads one code, and another one runs.
"""

from __future__ import annotations

import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

_folders: set[Path] = set()


class _FromSource(SourceFileLoader):
    """Compiles a module each time that it is imported."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def find_source(name: str, folder: Path) -> Path | None:
    """The file of a module, or a package's `__init__.py`; None where the folder has none. Nothing is imported.

    Args:
        name: of the module or package, without dots.
        folder: where it is looked for, and nowhere else.
    """
    spec = _finder(str(folder)).find_spec(name) if folder.is_dir() else None
    return Path(spec.origin) if spec and spec.origin else None


def import_from_source(folders: Iterable[Path]) -> None:
    """From now on what is imported from these folders, and from packages in them, is compiled from its source.

    Args:
        folders: absolute paths.
    """
    new = set(folders) - _folders
    _folders.update(new)
    if _hook not in sys.path_hooks:
        sys.path_hooks.insert(0, _hook)
    for path in [path for path in sys.path_importer_cache if not new.isdisjoint({Path(path), *Path(path).parents})]:
        del sys.path_importer_cache[path]


def _hook(path: str) -> FileFinder:
    """What finds modules in a folder; for a folder among what is installed that is Python's own way."""
    place = Path(path)
    if _folders.isdisjoint({place, *place.parents}) or not {"site-packages", "dist-packages"}.isdisjoint(place.parts):
        raise ImportError
    return _finder(path)


def _finder(path: str) -> FileFinder:
    return FileFinder(
        path,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_FromSource, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )
