"""Imports modules of some folders from their source, never from what says that it was compiled from it.

Python takes a compiled file in `__pycache__` for its module wherever the module's time and size are those that the file
says it was made of. Whoever hands over a folder can make that so: a person reads one code, and another one runs.
"""

from __future__ import annotations

import json
import site
import sys
import sysconfig
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType

INSTALLED = frozenset(
    place
    for folder in (
        *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    )
    for place in (Path(folder), Path(folder).resolve())
)
"""Where Python's own modules are, and those installed."""

SENT = Path(__file__).resolve().parents[1] / "sent"
"""Holds the folders of code that a driver sent. It lies inside Convscape, where nobody's data can put one."""
FOLDERS = "folders.json"
"""File in it that names the driver's folders, in the order of the numbers by which they were sent."""

_folders: set[Path] = set()
"""Without links."""


class _FromSource(SourceFileLoader):
    """Compiles a module each time that it is imported."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        if is_export_source(Path(path)) and Path(path).parent.resolve() not in _folders:
            raise ImportError(f"{path} is the source of an exported network: load it by its path")
        return self.source_to_code(self.get_data(path), path)


def is_export_source(file: Path) -> bool:
    """Whether a file is the source of an exported network, which is in a folder of code where one exports there.

    No other module imports it, unless its own folder is a folder of code.
    """
    return file.name == "model.py" and file.with_name("proof.json").is_file()


def find_source(name: str, folder: Path) -> Path | None:
    """The file of a module, or a package's `__init__.py`; None where the folder has none. Nothing is imported.

    Args:
        name: of the module or package, without dots.
        folder: where it is looked for, and nowhere else.
    """
    spec = _finder(str(folder)).find_spec(name) if folder.is_dir() else None
    return Path(spec.origin) if spec and spec.origin else None


def sent_folders(folders: Sequence[Path]) -> list[Path]:
    """Folders of code as they are on this machine: what the driver sent in place of each, or else the same folder.

    A folder of that path on the node is not looked into then: its modules may be others.

    Args:
        folders: absolute paths on the driver's machine.
    """
    return [_sent().get(str(folder), folder) for folder in folders]


@cache
def _sent() -> Mapping[str, Path]:
    try:
        names = json.loads((SENT / FOLDERS).read_text())
    except FileNotFoundError:  # Convscape as it is installed
        return {}
    return {name: SENT / str(number) for number, name in enumerate(names)}


def import_from_source(folders: Iterable[Path]) -> None:
    """From now on what is imported from these folders, and from packages in them, is compiled from its source.

    Args:
        folders: absolute paths.
    """
    new = {folder.resolve() for folder in folders} - _folders
    _folders.update(new)
    if _hook not in sys.path_hooks:
        sys.path_hooks.insert(0, _hook)
    if new:
        for path in [path for path in sys.path_importer_cache if _is_theirs(path)]:
            del sys.path_importer_cache[path]


def _hook(path: str) -> FileFinder:
    """What finds modules in a folder; what is installed is found in Python's own way."""
    if not _is_theirs(path):
        raise ImportError
    return _finder(path)


def _is_theirs(path: str) -> bool:
    place = Path(path).resolve()
    around = {place, *place.parents}
    return not _folders.isdisjoint(around) and INSTALLED.isdisjoint(around)


def _finder(path: str) -> FileFinder:
    """Finds source, and extension modules where there is no source; no compiled file without its source."""
    return FileFinder(path, (_FromSource, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES))
