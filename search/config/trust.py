"""Whether the code that a sweep file names may run. A sweep file is data: it may come from anybody.

Code is what a file names by an import path: a space, a function that reads images, a sampler other than Optuna's. It
runs where a person says so: by launching the file, or by `--trust-code`. What they said is kept in their own state
folder, with the hashes of the code, and holds for that sweep file or folder for as long as neither the code changes nor
what it is called with. Nothing inside a sweep's folder is taken as an answer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...spaces import (
    STANDARD,
    ConfigError,
    find_module,
    is_export_source,
    is_import_path,
    is_installed,
    missing_init,
)
from ..files import state_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Trust = Literal["nothing", "folders", "everything"]
"""What code may run: none, that of the `code` folders, or that and what is installed."""
MOST_FILES = 5_000
"""Files and folders of code that are looked at, at most."""
IMPORTABLE = (".py", ".pyc", ".so", ".pyd")
"""Endings of what Python imports."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NamedCode:
    """The code that a sweep file names.

    Args:
        paths: import paths by the settings that name them, such as "space.class"; Optuna's own samplers are none.
        folders: where they are looked for before what is installed.
        settings: what each is called with, as plain values, by the same settings.
    """

    paths: Mapping[str, str]
    folders: tuple[Path, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, named: Mapping[str, str | None], folders: tuple[Path, ...], settings: Mapping[str, Any] | None = None
    ) -> NamedCode:
        """What of these settings is code.

        >>> NamedCode.of({"data.name": "digits", "search.sampler": "optuna.samplers.GPSampler"}, ()).paths
        {}
        """
        paths = {key: path for key, path in named.items() if path and is_import_path(path)}
        paths = {key: path for key, path in paths.items() if not _is_optuna_s(key, path)}
        return cls(paths, folders, {key: (settings or {}).get(key) for key in paths})


def more_trusting(one: Trust, other: Trust) -> Trust:
    """Whichever lets more code run."""
    return max(one, other, key=lambda trust: get_args(Trust).index(trust))


def refuse_untrusted(code: NamedCode, key: str, trust: Trust, reason: str = "") -> None:
    """Refuses to import what a setting names where nobody said that it may run.

    Args:
        code: what the sweep file names.
        key: of the setting, such as "space.class".
        trust: what may run.
        reason: why no more may, as `remembered` says it.

    Raises:
        ConfigError: says what would run, and how to allow it.
    """
    path = code.paths.get(key)
    if path is None or trust == "everything":
        return
    place = find_module(path, code.folders)
    if place and trust == "folders" and not is_installed(place):
        return
    if _top(path) in STANDARD or not (place or _top(path) in sys.modules or find_spec(_top(path))):
        return  # what is Python's own, or nowhere, is refused anyway
    where = "among what is installed" if place is None else f"in {place}"
    raise ConfigError(
        f"{key}: {path} is code, {where}, and it would run with your rights{reason and f'; {reason}'}",
        f"{missing_init(path, code.folders)}If you trust it, say --trust-code.",
        key=key,
    )


def remember(place: Path, code: NamedCode, trust: Trust) -> None:
    """Keeps in the user's state folder that the code of a sweep file or folder may run, as it is now.

    Args:
        place: the sweep file, or the sweep's folder.
        code: what it names.
        trust: what of it may run.
    """
    if not code.paths:
        return
    try:
        note = _note_of(place)
        state = {"place": str(place.resolve()), "trust": trust, **_state_of(code)}
        note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(note, json.dumps(state, indent=1) + "\n")
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        problem = f"What may run cannot be kept: {error}."
    except _TooManyFilesError as error:
        problem = f"{error} Put the modules that the sweep needs into a folder of their own, and name that in `code`."
    else:
        return
    _log.warning("%s What uses the code of %s again will ask for --trust-code.", problem, place)


def remembered(place: Path, code: NamedCode) -> tuple[Trust, str]:
    """What of the code of a sweep file or folder may run by what `remember` kept, if nothing has changed since.

    Args:
        place: the sweep file, or the sweep's folder.
        code: what it names.

    Returns:
        What may run, and the reason where that is nothing: what has changed first.
    """
    if not code.paths:
        return "nothing", ""
    try:
        kept = json.loads(_note_of(place).read_text())
        trust: Trust = kept["trust"]
        reason = _difference(kept, _state_of(code), code.folders) if trust in get_args(Trust) else _NEVER
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError):
        return "nothing", _NEVER
    except _TooManyFilesError as error:
        return "nothing", str(error).rstrip(".")
    return ("nothing", reason) if reason else (trust, "")


_NEVER = "nobody has said yet that it may run"


class _TooManyFilesError(Exception):
    """A folder of code holds more than is looked at."""


def _difference(kept: Mapping[str, Any], now: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """The first thing that is not as it was, as words; "" where all is."""
    for key, digest in now["named"].items():
        if kept["named"].get(key) != digest:
            return f"{key}, or what it is called with, is not what you said that may"
    for file in sorted({*now["code"], *kept["code"]}):
        if now["code"].get(file) != kept["code"].get(file):
            if file not in kept["code"] and _is_of_an_export(Path(file), folders):
                continue
            done = "added" if file not in kept["code"] else "changed" if file in now["code"] else "removed"
            return f"{file} was {done} since you said that it may"
    return ""


def _is_of_an_export(file: Path, folders: Sequence[Path]) -> bool:
    """Whether it is the source of an exported network: one exports where one launches, and no code can import that."""
    return is_export_source(file) and file.parent.resolve() not in {folder.resolve() for folder in folders}


def _is_optuna_s(key: str, path: str) -> bool:
    from ..study import is_optuna_s

    return key == "search.sampler" and is_optuna_s(path)


def _top(path: str) -> str:
    return path.replace(":", ".").partition(".")[0]


def _note_of(place: Path) -> Path:
    name = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:32]
    return state_folder() / "trusted" / f"{name}.json"


def _state_of(code: NamedCode) -> dict[str, dict[str, str]]:
    """Digests of what is named and what that is called with, by its key, and of all that it may import, by its path."""
    named = {key: json.dumps([path, code.settings.get(key)], sort_keys=True) for key, path in code.paths.items()}
    return {
        "named": {key: hashlib.sha256(text.encode()).hexdigest() for key, text in named.items()},
        "code": {str(path): seen for path, seen in _importable(code.folders)},
    }


def _importable(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Every file in these folders that Python would import, and its digest; in place of a folder seen before, where.

    Folders without `__init__.py` count, too: Python imports from them as well.
    """
    count, seen = 0, set[str]()
    for folder in folders:
        for here, inner, files in os.walk(folder, followlinks=True):
            real = os.path.realpath(here)
            if real in seen:  # a link, or a folder within another
                inner.clear()
                yield Path(here), real
                continue
            seen.add(real)
            inner[:] = sorted(name for name in inner if name.isidentifier() and name != "__pycache__")
            modules = sorted(name for name in files if name.endswith(IMPORTABLE))
            count += 1 + len(modules)
            if count > MOST_FILES:
                raise _TooManyFilesError(f"{folder} holds more than {MOST_FILES:,} modules and folders.")
            yield from ((Path(here, name), _hash(Path(here, name))) for name in modules)


def _hash(file: Path) -> str:
    """The SHA-256 of a file; "" for what Python cannot read either."""
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""
