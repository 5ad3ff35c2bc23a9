"""Kinds of values that a setting of a space may hold: each reads what a sweep file has, and says it in JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .choices import MOST_OPTIONS, Choice, Value, number, options, whole_numbers

Schema = dict[str, Any]
"""What values there may be, as JSON Schema (draft 2020-12)."""
Read = Callable[[object, str], Choice]
"""Makes a choice of what a sweep file has under a dotted key, or raises SpaceError."""


@dataclass(frozen=True)
class Kind:
    """What a setting may hold. Called with a sweep file's value and the setting's dotted key it gives the choice.

    >>> one_of("same", "valid")("same", "space.padding")
    Options(options=('same',))
    """

    read: Read
    """Makes the choice, or raises SpaceError."""
    each: Schema
    """A single value, which may also stand in a list with others."""
    others: tuple[Schema, ...] = ()
    """What else there may be, but not in a list: a range, or a word."""

    def __call__(self, value: object, key: str) -> Choice:
        return self.read(value, key)

    @property
    def schema(self) -> Schema:
        """All that a sweep file may have here: a value, a list of some without one twice, or one of `others`."""
        several = {"type": "array", "items": self.each, "minItems": 1, "maxItems": MOST_OPTIONS, "uniqueItems": True}
        return {"anyOf": [self.each, several, *self.others]}

    def or_alone(self, word: Value, read: Read) -> Kind:
        """The kind that may also be `word`, which stands for itself and in no list; `read` makes the choice."""
        return Kind(read, self.each, (*self.others, {"const": word}))

    def or_among(self, word: Value, read: Read) -> Kind:
        """The kind that may also be `word`, alone or in a list with others; `read` makes the choice."""
        return Kind(read, {"anyOf": [{"const": word}, self.each]}, self.others)


def one_of(*known: Value) -> Kind:
    """The kind of a setting that is one of `known`, or a list of them."""
    return Kind(lambda value, key: options(value, key, known), {"enum": list(known)})


def whole(low: int, high: int) -> Kind:
    """The kind of a setting that is a whole number from `low` to `high`, a list of such, or a range with a step."""
    each = {"type": "integer", "minimum": low, "maximum": high}
    steps = {"step": {"type": "integer", "minimum": 1, "maximum": high}, "log": {"const": False}}
    return Kind(lambda value, key: whole_numbers(value, key, low, high), each, (_range(each, steps),))


def numbers(low: float, high: float) -> Kind:
    """The kind of a setting that is a number from `low` to `high`, a list of such, or a range.

    A range may have steps, or be even in its logarithm.
    """
    each = {"type": "number", "minimum": low, "maximum": high}
    ways = {"step": {"type": "number", "exclusiveMinimum": 0, "maximum": high}, "log": {"type": "boolean"}}
    return Kind(lambda value, key: number(value, key, low, high), each, (_range(each, ways),))


def _range(each: Schema, ways: Schema) -> Schema:
    bounds = {"low": each, "high": each}
    return {
        "type": "object",
        "properties": {**bounds, **ways},
        "required": list(bounds),
        "additionalProperties": False,
    }
