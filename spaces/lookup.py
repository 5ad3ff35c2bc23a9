"""Finds the network somebody means: a classic's name, a line of notation, or a JSON file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .architecture import LARGEST_JSON, Architecture, json_values
from .classics import CLASSICS, classic, is_classic
from .errors import ArchitectureError, nearest
from .parsing import parse_notation
from .plain_files import read_plain

if TYPE_CHECKING:
    from .geometry import Fit


EXAMPLE = "Name an exported architecture.json, or what `describe -o json` prints."
"""Remedy of errors about a JSON file."""


def is_name(what: str) -> bool:
    """Whether `load_architecture` takes `what` for a classic's name: it is neither notation nor a .json file."""
    return not (_is_notation(what) or what.endswith(".json"))


def load_architecture(
    what: str, input: tuple[int, int, int] | None = None, classes: int | None = None, fit: Fit | None = None
) -> Architecture:
    """The network that a classic's name, a line of notation or a JSON file means.

    Args:
        what: "vgg16", "INPUT[32x32x3] -> CONV3-16 -> FC-10", or the path of an architecture's JSON or
            of what `describe -o json` printed.
        input: (C, H, W) to put in place of the network's own.
        classes: scores to put in place of the network's own; only for classics, since notation and JSON say how many
            there are.
        fit: the fit rule to put in place of the network's own.

    Raises:
        ArchitectureError: no classic's name, no notation and no readable JSON of a network; or a network that does not
            go with `input`, `classes` or `fit`.
    """
    if _is_notation(what):
        found = parse_notation(what, input=input, fit_instead=fit)
    elif what.endswith(".json"):
        try:
            found = _from_file(read_plain(what, LARGEST_JSON).decode(), input, fit)
        except ArchitectureError as error:
            raise type(error)(f"{what:.200}: {error.message}", error.remedy or EXAMPLE) from None
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, or no path at all
            reason = getattr(error, "strerror", None) or f"{error!s:.80}"
            raise ArchitectureError(f"{what:.200}: cannot be read: {reason}", EXAMPLE) from None
    elif is_classic(what):
        found = classic(what, input, classes)
    else:
        guess = nearest(what, CLASSICS)
        raise ArchitectureError(
            f"{what!r:.60} is no classic, no notation and no .json file",
            f"{guess + ' ' if guess.startswith('Did') else ''}Classics: {', '.join(CLASSICS)}. "
            "Notation: 'INPUT[32x32x3] -> CONV3-16 -> RELU -> FC-10'.",
        )
    if (input or found.input, classes or found.classes, fit or found.fit) == (found.input, found.classes, found.fit):
        return found
    return Architecture(input or found.input, found.layers, classes or found.classes, fit or found.fit)


def _from_file(text: str, input: tuple[int, int, int] | None, fit: Fit | None) -> Architecture:
    """The network of an architecture's JSON, or of a JSON that holds one under `architecture`."""
    values = json_values(text)
    if not isinstance(values, dict):
        raise ArchitectureError(f"an architecture is a JSON object, not {type(values).__name__}")
    said = cast("dict[str, Any]", values)
    if "format" not in said and isinstance(said.get("architecture"), dict):
        said = cast("dict[str, Any]", said["architecture"])
    instead = {"input": None if input is None else list(input), "fit": fit}
    return Architecture.from_json(said | {name: value for name, value in instead.items() if value is not None})


def _is_notation(what: str) -> bool:
    return "->" in what or what.lstrip().upper().startswith("INPUT")
