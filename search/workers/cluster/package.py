"""What a driver sends to the nodes of a cluster: its own Convscape and the modules of a person's own.

Ray's runtime environment takes a folder, unpacks it once a node and puts it before all else on the path of the job's
workers. The checkout's root is the package, so that a folder is made of what belongs to it: no environment, no
tests, no data.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ....spaces import FOLDERS, SENT, SweepError, is_export_source, is_installed, sent_folders
from ...config import MOST_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOME = Path(__file__).resolve().parents[3]
"""The folder of the package `convscape`."""
ROOMS = ("commands", "dashboards", "search", "spaces", "testing", "trainers")
"""The folders in it that are part of the package; a checkout has others beside them."""
OF_PAGES = (".html", ".css", ".js")
"""Endings of what the page of a sweep is made of."""
MOST_BYTES = 50_000_000
"""Bytes of a person's own modules that are sent, at most."""
MODULES = (".py", ".so", ".pyd")
"""Endings of the modules that are sent: not of compiled files beside their source, for they are never imported."""


@contextmanager
def packaged(folders: Sequence[Path]) -> Iterator[Path]:
    """A folder `convscape` with this Convscape's files, and the modules below `folders`, while the body runs.

    Nothing but modules is taken from `folders`: no data, no settings, nothing hidden, nothing that is installed.

    Args:
        folders: of a person's own code, absolute, as the sweep file's `code` names them.

    Raises:
        SweepError: there are more modules in them than are sent.
    """
    with TemporaryDirectory(prefix="convscape-") as temporary:
        package = Path(temporary, "convscape")
        for file in own_files():
            _copy(HOME / file, package / file)
        if folders:
            sent = package / SENT.name
            sent.mkdir()
            (sent / FOLDERS).write_text(json.dumps([str(folder) for folder in folders]))
            _copy_modules(folders, sent)
        yield package


def modules_below(folder: Path) -> Iterator[Path]:
    """The modules in a folder of a person's own code, and in the folders below that Python imports from.

    Args:
        folder: its path. What is hidden or installed there, as in an environment, is left out.
    """
    return (path for path, is_module in _inside(folder, (), folder) if is_module)


def own_files() -> list[Path]:
    """Sources, types and parts of the page of the package `convscape`, relative to its folder."""
    folders = [HOME, *(Path(here) for room in ROOMS for here, _, _ in os.walk(HOME / room))]
    inside = [file for folder in folders for file in folder.iterdir() if folder != HOME and file.suffix in OF_PAGES]
    found = [file for folder in folders if (folder / "__init__.py").is_file() for file in folder.iterdir()]
    sources = [file for file in found if file.suffix in (".py", ".pyi") or file.name == "py.typed"]
    return sorted(file.relative_to(HOME) for file in [*sources, *inside])


def _copy_modules(folders: Sequence[Path], to: Path) -> None:
    count = size = 0
    for number, folder in enumerate(sent_folders(folders)):
        (to / str(number)).mkdir()
        for path, is_module in _inside(folder, (), folder):
            count, size = count + 1, size + (path.stat().st_size if is_module else 0)
            if count > MOST_FILES or size > MOST_BYTES:
                raise SweepError(
                    f"code: {folder} holds more than {MOST_FILES:,} modules and folders, or modules of more than "
                    f"{MOST_BYTES:,} bytes: too much to be sent to the nodes of a cluster",
                    "Put the modules that the sweep needs into a folder of their own, and name that in `code`.",
                )
            if is_module:
                _copy(path, to / str(number) / path.relative_to(folder))


def _inside(folder: Path, above: tuple[str, ...], top: Path) -> Iterator[tuple[Path, bool]]:
    """The folder, and all that could be imported from it, each with whether it is a module.

    Links are followed, but for one that leads back to a folder in `above`.
    """
    real = os.path.realpath(folder)
    if real in above or is_installed(folder / "module.py") or not os.access(folder, os.R_OK | os.X_OK):
        return
    yield folder, False
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if any(entry.name == "pyvenv.cfg" for entry in found):  # an environment
        return
    for entry in found:
        path = Path(entry.path)
        if path.suffix in MODULES and entry.is_file() and os.access(path, os.R_OK):
            if folder == top or not is_export_source(path):
                yield path, True
        elif entry.name.isidentifier() and entry.name != "__pycache__" and _is_folder(entry):
            yield from _inside(path, (*above, real), top)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
