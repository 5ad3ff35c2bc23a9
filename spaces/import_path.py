"""Finds a person's own classes and functions by an import path, "package.module.name"."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import nearest
from .source_finder import INSTALLED, find_source, import_from_source, sent_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .errors import ConvscapeError


STANDARD = frozenset({*sys.stdlib_module_names, "test", "__main__"})
"""Modules that nobody names: their functions do more than a setting may ask for."""


def is_import_path(path: object) -> bool:
    """Whether `path` is an import path, "package.module.name"; a colon may stand before the name.

    >>> [is_import_path(path) for path in ("my_module.MySpace", "my_module:MySpace", "digits", "a/b.c")]
    [True, True, False, False]
    """
    parts = str(path).replace(":", ".").split(".")
    return isinstance(path, str) and len(parts) > 1 and all(part.isidentifier() for part in parts)


def import_object(path: str, what: str, folders: Sequence[Path], refusal: Callable[[str, str], ConvscapeError]) -> Any:
    """The class or function that an import path such as "package.module.name" names. Importing it runs its module.

    Modules are looked for in `folders` first, then among those installed. Folders stay importable afterwards, behind
    all others, for what a module imports later. On a node of a cluster they are what the driver sent of them. What is
    named must be defined in that module, or in one inside it where it is a package. No module is called as one of
    Python's standard library.

    Args:
        path: the import path; a colon may stand before the name.
        what: "class" or "function": what it must be, and the word that errors call it by.
        folders: where its module is looked for first.
        refusal: makes the error to raise, from a message and a remedy.

    Raises:
        `refusal` of a message and a remedy: no such module or name, the module cannot be imported, or what it is.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    top = module.partition(".")[0]
    if top in STANDARD:
        raise refusal(
            f"{path}: {top} is Python's own", f"Name a {what} of yours; rename a module of yours called {top}."
        )
    folders = sent_folders(folders)
    place = find_module(path, folders)
    try:
        with _importable(folders if place else ()):  # what is installed does not import from them
            _refuse_another(top, place)
            found = importlib.import_module(module)
            _refuse_another(top, place)
    except ModuleNotFoundError as missing:
        absent = missing.name or module
        if not f"{module}.".startswith(f"{absent}."):
            raise refusal(
                f"{path}: {module} needs a module {absent}", "Install it, or name its folder in `code`."
            ) from missing
        looked = "".join(f"{folder}, " for folder in folders)
        raise refusal(
            f"{path}: there is no module {absent}",
            f"{missing_init(path, folders)}Looked for in {looked}on PYTHONPATH and among what is installed.",
        ) from missing
    except (Exception, SystemExit) as problem:
        raise refusal(f"{path}: {module} cannot be imported: {describe_exception(problem)}", "") from problem
    try:
        made = getattr(found, name)
    except AttributeError:
        known = [key for key, value in vars(found).items() if getattr(value, "__module__", "") == module]
        where = f"Looked for in {getattr(found, '__file__', None) or 'what is built in'}."
        remedy = f"{nearest(name, known)} {where}" if known else where
        raise refusal(f"{path}: {module} has no {what} {name}", remedy) from None
    if not callable(made) or inspect.isclass(made) != (what == "class"):
        raise refusal(f"{path} is no {what}", f"Name a {what}.")
    home = str(getattr(made, "__module__", ""))
    if not f"{home}.".startswith(f"{module}."):
        raise refusal(f"{path} is of another module, {home}", f"Name a {what} that is defined in {module}.")
    return made


def find_module(path: str, folders: Sequence[Path]) -> Path | None:
    """The file that an import path begins with in `folders`: the module, or the package's `__init__.py`.

    Nothing is imported. A folder without `__init__.py` is not found: a module of that name would be taken from
    anywhere.

    Args:
        path: the import path.
        folders: where its module is looked for.

    Returns:
        The file; None where it is in none of the folders.
    """
    found = (find_source(_top(path), folder.absolute()) for folder in folders)
    return next((file for file in found if file), None)


def missing_init(path: str, folders: Sequence[Path]) -> str:
    """What to do where an import path begins with a folder that is no package, as a sentence; "" where there is none.

    Args:
        path: the import path.
        folders: where its module is looked for.
    """
    bare = next((folder / _top(path) for folder in folders if (folder / _top(path)).is_dir()), None)
    return f"{bare} is no package: it has no __init__.py. " if bare and not find_module(path, folders) else ""


def is_installed(file: Path) -> bool:
    """Whether a file is one of any Python's own modules, of those installed, or ours, also where a link leads there.

    Args:
        file: a path to it.
    """
    return any(
        not {"site-packages", "dist-packages"}.isdisjoint(place.parts)
        or not INSTALLED.isdisjoint(place.parents)
        or any((folder / "site.py").is_file() and (folder / "os.py").is_file() for folder in place.parents)
        or place == Path(__file__).resolve().parents[1] / "__init__.py"
        for place in (file, file.resolve())
    )


def _top(path: str) -> str:
    return path.replace(":", ".").partition(".")[0]


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
    theirs = [line for line in lines if not is_installed(line[0])] or lines
    where = f" ({theirs[-1][0].name}, line {theirs[-1][1]})" if theirs else ""
    return f"{type(problem).__name__}{': ' + text[0][:300] if text else ''}{where}"


@contextmanager
def _importable(folders: Sequence[Path]) -> Iterator[None]:
    """Before all others in the body; behind them afterwards, so that nothing else is shadowed."""
    before = [str(folder) for folder in folders]
    import_from_source(folders)
    sys.path[:0] = before
    try:
        yield
    finally:
        for folder in before:
            sys.path.remove(folder)
        sys.path += [folder for folder in before if folder not in sys.path]


def _refuse_another(top: str, place: Path | None) -> None:
    """Python imports a name once: a module of that name from elsewhere would be taken for the one at `place`."""
    if place is None or top not in sys.modules:
        return
    imported = getattr(sys.modules[top], "__file__", None)
    if not (imported and Path(imported).exists() and place.samefile(imported)):
        raise ImportError(f"{imported or 'another'} was imported by that name before {place}: rename one")
