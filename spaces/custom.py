"""A person's own search space: a class named in the sweep file, held to the contract of `contract.Space`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .architecture import Architecture
from .errors import ConvscapeError, SpaceError, nearest
from .import_path import describe_exception, import_object, is_import_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .choices import Trial

KEY = "space.class"
"""The setting that errors about the class point at."""
METHODS = {"check": "check(input)", "sample": "sample(trial, input, classes)"}
"""What the class must have, and how each is called. `size(input)` may be left out."""


class CustomSpace:
    """The search space that a person's own class makes. What the class gets wrong is a SpaceError that says so.

    Args:
        path: import path of the class, "package.module.Class".
        settings: keyword arguments of the class.
        folders: where its module is looked for first.

    Raises:
        SpaceError: no such class, a method is missing, or the class does not take the settings.
    """

    def __init__(self, path: object, settings: Mapping[str, Any], folders: Sequence[Path] = ()) -> None:
        if not isinstance(path, str) or not is_import_path(path):
            raise SpaceError(
                f"{KEY}: {path!r:.80} is no import path", "Name module and class: my_module.MySpace", key=KEY
            )
        self._path = path
        made = import_object(path, "class", folders, _refusal)
        if not inspect.isclass(made):
            raise SpaceError(f"{KEY}: {path} is no class", "Name a class with check and sample.", key=KEY)
        for name, call in METHODS.items():
            if not callable(getattr(made, name, None)):
                raise SpaceError(f"{KEY}: {path} has no method {call}", "See docs/spaces.md.", key=KEY)
        _refuse_unknown(made, settings)
        self._space: Any = self._mended("()", lambda: made(**settings))

    def check(self, input: tuple[int, int, int]) -> None:
        """Asks the class whether any of its networks fits an image of (C, H, W).

        Raises:
            SpaceError: the class says that none fits, or raised something else.
        """
        self._mended(".check()", lambda: self._space.check(input))

    def sample(self, trial: Trial, input: tuple[int, int, int], classes: int) -> Architecture:
        """One network for images of (C, H, W), sampled by the class.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
            input: (C, H, W) of one image.
            classes: how many scores come out.

        Raises:
            SpaceError: the class raised something, or returned what is no network for these images and classes.
        """
        found = self._mended(".sample()", lambda: self._space.sample(trial, input, classes))
        if not isinstance(found, Architecture):
            raise self._wrong(f"a {type(found).__name__}", "an Architecture")
        if found.input != tuple(input):
            raise self._wrong(f"a network for images of {found.input}", f"one for {tuple(input)}")
        if found.classes != classes:
            raise self._wrong(f"a network of {found.classes} classes", f"one of {classes}")
        return found

    def size(self, input: tuple[int, int, int]) -> object | None:
        """What the class says of its size for images of (C, H, W); None where it says nothing.

        Raises:
            SpaceError: the class raised something.
        """
        count = getattr(self._space, "size", None)
        return self._mended(".size()", lambda: count(input)) if callable(count) else None

    def _mended(self, what: str, call: Callable[[], Any]) -> Any:
        """What `call` gives; whatever it raises as a SpaceError with a key."""
        try:
            return call()
        except SpaceError as error:
            raise SpaceError(error.message, error.remedy, key=error.key or KEY) from error
        except Exception as problem:
            remedy = problem.remedy if isinstance(problem, ConvscapeError) else ""
            raise SpaceError(
                f"{KEY}: {self._path}{what} raised {describe_exception(problem)}", remedy, key=KEY
            ) from problem

    def _wrong(self, given: str, wanted: str) -> SpaceError:
        return SpaceError(
            f"{KEY}: {self._path}.sample() returned {given}, not {wanted}", "See docs/spaces.md.", key=KEY
        )


def _refusal(message: str, remedy: str) -> SpaceError:
    return SpaceError(f"{KEY}: {message}", remedy, key=KEY)


def _refuse_unknown(made: type, settings: Mapping[str, Any]) -> None:
    """Raises SpaceError for a setting that is no parameter of the class, with the nearest that is."""
    try:
        parameters = inspect.signature(made).parameters
    except (ValueError, TypeError):
        return  # a class whose signature Python cannot tell
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in settings:
        if name not in parameters:
            remedy = nearest(name, parameters) if parameters else f"{made.__name__} takes no settings."
            raise SpaceError(f"space.{name}: unknown key", remedy, key=f"space.{name}")
