"""What a setting of a search space may be (a value, one of several, or a range), and how a trial picks from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, TypeGuard

from .errors import MOST_TOLD, Mistakes, SpaceError, nearest, shown

Value: TypeAlias = bool | int | float | str | None
"""A single value of a setting, as YAML gives it."""
MOST_OPTIONS = 1_000
"""Bound on the values that a choice lists."""
MOST_STEPS = 10_000
"""Steps that a range with a step may have."""


class Trial(Protocol):
    """The part of an Optuna trial that sampling needs: its three `suggest_` methods, called as Optuna's are."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of `choices`."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number from `low` to `high`, both included, in steps or even in its logarithm."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number from `low` to `high`, in steps or even in its logarithm."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """A finite choice, in `options`. A choice of one option is a fixed setting, for which the trial is never asked."""

    options: tuple[Value, ...]

    def suggest(self, trial: Trial, name: str, allowed: Callable[[Any], bool] = lambda _: True) -> Any:
        """One of the options, picked by the trial.

        Optuna keeps one set of choices under one name, so a narrowed choice goes by a name that lists it. Where of
        several options one alone is allowed, the trial is told so if it has a method `only` of (name, value).

        Args:
            trial: asked only where more than one option is left.
            name: of the choice in the trial.
            allowed: whether an option may be picked; it must admit at least one.
        """
        left = [option for option in self.options if allowed(option)]
        if len(left) == 1:
            if len(self.options) > 1 and (told := getattr(trial, "only", None)):
                told(name, left[0])
            return left[0]
        if len(left) < len(self.options):
            name = f"{name} in {'|'.join(map(str, left))}"
        return trial.suggest_categorical(name, left)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones when bounds and step are.

    With `log` the exponent is sampled; with `step` only `low` and every step from there on.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole: `low`, `high` and the step, where there is one, are of type int."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    def suggest(self, trial: Trial, name: str) -> float:
        """A number of the range, picked by the trial: an int where the range is whole, else a float.

        Args:
            trial: asked for the number.
            name: of the number in the trial.
        """
        stepped = self.stepped
        high = stepped[-1] if stepped else self.high  # a step may not lead to the bound: Optuna would warn
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(high), step=int(self.step or 1), log=self.log)
        return trial.suggest_float(name, float(self.low), float(high), step=self.step, log=self.log)

    @property
    def stepped(self) -> tuple[float, ...]:
        """Every number of a range that has a step, in rising order; () where it has none."""
        if self.step is None:
            return ()
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        steps = int((Decimal(str(self.high)) - low) / step)
        numbers = (low + step * count for count in range(steps + 1))
        return tuple(int(number) if self.whole else float(number) for number in numbers)


Choice: TypeAlias = Options | Range
"""What a setting may be; one option is a fixed value."""


def values(choice: Choice) -> tuple[Any, ...] | None:
    """Every value that `choice` may give, in order; None for a continuous range."""
    if isinstance(choice, Options):
        return choice.options
    if choice.low == choice.high:
        return (choice.low,)
    if choice.step is not None:
        return choice.stepped
    return tuple(range(int(choice.low), int(choice.high) + 1)) if choice.whole else None


def read_settings(
    given: Mapping[str, object], known: Mapping[str, tuple[object, Callable[[object, str], Choice]]], section: str
) -> dict[str, Choice]:
    """The choices that the settings of a section stand for, by key.

    Args:
        given: values by key, as the sweep file has them.
        known: for each key the default, and the function that reads a value under a dotted key.
        section: name of the section, as in "recipe".

    Raises:
        SpaceError: unknown keys, or values that cannot be; names all of them.
    """
    mistakes = Mistakes()
    unknown = [key for key in given if key not in known]
    mistakes.untold = len(unknown[MOST_TOLD:])
    for key in unknown[:MOST_TOLD]:
        with mistakes:
            raise SpaceError(f"{section}.{key}: unknown key", nearest(str(key), known), key=f"{section}.{key}")
    choices: dict[str, Choice] = {}
    for key, (default, read) in known.items():
        with mistakes:
            choices[key] = read(given.get(key, default), f"{section}.{key}")
    mistakes.refuse()
    return choices


def options(value: object, key: str, known: Sequence[Value]) -> Options:
    """The choice that a setting's value, or list of values, stands for.

    Args:
        value: as the sweep file has it.
        key: dotted key of the setting, as in "space.block", for errors.
        known: the values that are allowed.

    Raises:
        SpaceError: one that is not known, one listed twice, or an empty list; names the setting.
    """
    listed = _listed(value, key)
    for item in listed:
        if not any(item == other and type(item) is type(other) for other in known):
            raise SpaceError(f"{key}: {shown(item)} is not known", _written(item, known), key=key)
    return Options(tuple(listed))


def _written(item: object, known: Sequence[Value]) -> str:
    """What to write in place of `item`: truth as YAML writes it."""
    if set(known) == {True, False}:
        return "Write true or false."
    return nearest(item if isinstance(item, str) else shown(item), map(str, known))


def whole_numbers(value: object, key: str, low: int, high: int) -> Options:
    """The choice that a whole number, a list of them, or `{low, high, step}` stands for; a range becomes a list.

    Args:
        value: as the sweep file has it.
        key: dotted key of the setting, as in "space.kernel", for errors.
        low: the smallest number that is allowed.
        high: the largest number that is allowed.

    Raises:
        SpaceError: no whole number, one out of range or listed twice, an empty list, or `log`; names the setting.
    """
    if isinstance(value, Mapping):
        bounds = number(value, key, low, high)
        if not isinstance(bounds, Range) or not bounds.whole or not isinstance(bounds.step, int | None):
            raise SpaceError(f"{key}: {shown(dict(value))} needs whole numbers", "Give whole numbers.", key=key)
        if bounds.log:
            raise SpaceError(
                f"{key}: `log` is for ranges of fractions", f"List the values: {key}: [8, 16, 32]", key=key
            )
        return Options(tuple(range(int(bounds.low), int(bounds.high) + 1, int(bounds.step or 1))))
    listed = _listed(value, key)
    for item in listed:
        whole = isinstance(item, int) and not isinstance(item, bool)
        if not whole or not low <= item <= high:
            raise SpaceError(
                f"{key}: {shown(item)} is {'out of range' if whole else 'no whole number'}",
                f"It must be a whole number from {low} to {high:,}.",
                key=key,
            )
    return Options(tuple(listed))


def number(value: object, key: str, low: float, high: float) -> Choice:
    """The choice that a number, a list of numbers, or `{low, high, log, step}` stands for.

    Args:
        value: as the sweep file has it.
        key: dotted key of the setting, as in "space.dropout", for errors.
        low: the smallest number that is allowed.
        high: the largest number that is allowed.

    Raises:
        SpaceError: no number, one out of range or listed twice, an empty list, or a range that makes no sense, as with
            `low` above `high`; names the setting.
    """
    if not isinstance(value, Mapping):
        listed = _listed(value, key)
        for item in listed:
            _check_number(item, key, low, high)
        return Options(tuple(listed))
    for name in value:
        if name not in ("low", "high", "log", "step"):
            raise SpaceError(
                f"{key}.{name}: unknown key", nearest(str(name), ("low", "high", "log", "step")), key=f"{key}.{name}"
            )
    if "low" not in value or "high" not in value:
        raise SpaceError(f"{key}: a range needs `low` and `high`", f"{key}: {{low: 1, high: 2}}", key=key)
    for name in ("low", "high"):
        _check_number(value[name], f"{key}.{name}", low, high)
    log, step = value.get("log", False), value.get("step")
    if not isinstance(log, bool):
        raise SpaceError(f"{key}.log: {shown(log)} must be true or false", key=f"{key}.log")
    if value["low"] > value["high"]:
        raise SpaceError(f"{key}: low {value['low']} is above high {value['high']}", "Swap them.", key=f"{key}.low")
    if log and value["low"] <= 0:
        raise SpaceError(
            f"{key}.low: a log range starts above 0", f"Use a small number such as {high / 1e4:g}.", key=f"{key}.low"
        )
    if step is not None:
        _check_step(step, value["high"] - value["low"], f"{key}.step", high, log=log)
    return Range(value["low"], value["high"], log, step)


def _check_number(item: object, key: str, low: float, high: float) -> None:
    if not _is_number(item) or not low <= item <= high:
        wrong = "out of range" if _is_number(item) else "no number"
        raise SpaceError(f"{key}: {shown(item)} is {wrong}", f"It must be a number from {low:g} to {high:g}.", key=key)


def _check_step(step: object, span: float, key: str, high: float, *, log: bool) -> None:
    if _is_number(step) and step <= 0:
        raise SpaceError(f"{key}: {shown(step)}: must be above 0", "Leave it out for no steps.", key=key)
    _check_number(step, key, 0, high)
    if log:
        raise SpaceError(f"{key}: a log range has no steps", "Leave `log` or `step` out.", key=key)
    assert _is_number(step)
    if span / step > MOST_STEPS:
        raise SpaceError(
            f"{key}: {shown(step)} makes more than {MOST_STEPS:,} steps (MOST_STEPS)", "Use a larger one.", key=key
        )


def _is_number(item: object) -> TypeGuard[int | float]:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _listed(value: object, key: str) -> list[Any]:
    listed = list(value) if isinstance(value, list | tuple) else [value]
    if not listed:
        raise SpaceError(f"{key}: an empty list leaves nothing to choose", "Name at least one value.", key=key)
    if len(listed) > MOST_OPTIONS:
        raise SpaceError(
            f"{key}: {len(listed):,} values, and no more than {MOST_OPTIONS:,} can be listed (MOST_OPTIONS)",
            "Write a range: {low: 1, high: 5000}.",
            key=key,
        )
    distinct: list[Any] = []
    for item in listed:
        if any(item == other and type(item) is type(other) for other in distinct):
            raise SpaceError(f"{key}: {shown(item)} is listed twice", "Name each value once.", key=key)
        distinct.append(item)
    return listed
