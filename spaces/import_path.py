"""Finds a person's own classes and functions by an import path, "package.module.name"."""

from __future__ import annotations

import importlib
import sys
import traceback
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .errors import ConvscapeError


_PYTHON = Path(traceback.__file__).parent
"""Where Python's own modules are."""


def is_import_path(path: object) -> bool:
    """Whether `path` is an import path, "package.module.name"; a colon may stand before the name.

    >>> [is_import_path(path) for path in ("my_module.MySpace", "my_module:MySpace", "digits", "a/b.c")]
    [True, True, False, False]
    """
    parts = str(path).replace(":", ".").split(".")
    return isinstance(path, str) and len(parts) > 1 and all(part.isidentifier() for part in parts)


def import_object(path: str, what: str, folders: Sequence[Path], refusal: Callable[[str, str], ConvscapeError]) -> Any:
    """The object that an import path such as "package.module.name" names.

    Modules are looked for in `folders` first, then among those installed. Folders stay importable afterwards, behind
    all others, for what a module imports later.

    Args:
        path: the import path; a colon may stand before the name.
        what: "class" or "function", the word that errors call it by.
        folders: where its module is looked for first.
        refusal: makes the error to raise, from a message and a remedy.

    Raises:
        `refusal` of a message and a remedy: no such module or name, or the module cannot be imported.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        with _importable(folders):
            _refuse_another(module.partition(".")[0], folders)
            found = importlib.import_module(module)
    except ModuleNotFoundError as missing:
        absent = missing.name or module
        if not f"{module}.".startswith(f"{absent}."):
            raise refusal(f"{path}: {module} needs a module {absent}", "Install it.") from missing
        looked = "".join(f"{folder}, " for folder in folders)
        raise refusal(
            f"{path}: there is no module {absent}",
            f"Looked for in {looked}on PYTHONPATH and among what is installed.",
        ) from missing
    except (Exception, SystemExit) as problem:
        raise refusal(f"{path}: {module} cannot be imported: {describe_exception(problem)}", "") from problem
    try:
        return getattr(found, name)
    except AttributeError:
        known = [key for key, value in vars(found).items() if getattr(value, "__module__", "") == module]
        where = f"Looked for in {getattr(found, '__file__', None) or 'what is built in'}."
        remedy = f"{nearest(name, known)} {where}" if known else where
        raise refusal(f"{path}: {module} has no {what} {name}", remedy) from None


def describe_exception(problem: BaseException) -> str:
    """An exception in a line: its kind, what it says, and the last line of a person's own file it came through.

    Where it came through installed files only, the last line of these is named; never one of Convscape's `spaces`, nor
    code without a file.
    """
    text = str(problem).strip().splitlines()
    lines = [
        (Path(frame.filename), frame.lineno)
        for frame in traceback.extract_tb(problem.__traceback__)
        if Path(__file__).parent not in Path(frame.filename).parents
        and not frame.filename.startswith(("<", importlib.__file__))  # "<string>": what dataclasses write
    ]
    theirs = [line for line in lines if not _is_installed(line[0])] or lines
    where = f" ({theirs[-1][0].name}, line {theirs[-1][1]})" if theirs else ""
    return f"{type(problem).__name__}{': ' + text[0][:300] if text else ''}{where}"


def _is_installed(file: Path) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(file.parts) or file.is_relative_to(_PYTHON)


@contextmanager
def _importable(folders: Sequence[Path]) -> Iterator[None]:
    """Before all others in the body; behind them afterwards, so that nothing else is shadowed."""
    before = [str(folder) for folder in folders]
    sys.path[:0] = before
    try:
        yield
    finally:
        for folder in before:
            sys.path.remove(folder)
        sys.path += [folder for folder in before if folder not in sys.path]


def _refuse_another(top: str, folders: Sequence[Path]) -> None:
    """Python imports a name once: a module of that name from elsewhere would be taken for the one in `folders`."""
    imported = getattr(sys.modules.get(top), "__file__", None)
    spec = PathFinder.find_spec(top, [str(folder) for folder in folders]) if imported else None
    if spec and spec.origin and not Path(spec.origin).samefile(imported or ""):
        raise ImportError(f"{imported} was imported by that name before {spec.origin}: rename one")
