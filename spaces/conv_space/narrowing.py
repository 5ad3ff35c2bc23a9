"""Chooses a stage field by field, so that every answer leaves a network that can be completed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..choices import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..choices import Trial
    from .stages import Stage

FIELDS = {
    "convolutions": "convolutions",
    "block": "block",
    "kernel": "kernel",
    "form": "large_filters",
    "dilation": "dilation",
    "stride": "stride",
    "padding": "padding",
    "downsampling": "downsampling",
}
"""Fields of a Stage, in the order they are chosen, and the settings they come from."""


class Narrowing:
    """The stages that remain after some fields of a stage were chosen.

    It remembers where each answer leads, since sampling asks equal questions again and again.

    Args:
        every: stages that the settings allow.
        left: those of them after which the network can be completed.
        asked: how many fields were chosen, in the order of FIELDS.
    """

    def __init__(self, every: Sequence[Stage], left: Sequence[Stage], asked: int = 0) -> None:
        self._every, self._left, self._asked = every, left, asked
        self._after: dict[Any, Narrowing] = {}
        self._field, self._key = list(FIELDS.items())[asked] if asked < len(FIELDS) else ("", "")
        self._offered = Options(self._values(every))
        self._possible = frozenset(self._values(left))

    def choose(self, trial: Trial, prefix: str) -> Stage:
        """The stage that the trial picks: it is asked for each field in turn, under names that begin with `prefix`.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
            prefix: of the names, as in "stage1".
        """
        if not self._field:
            return self._left[0]
        value = self._offered.suggest(trial, f"{prefix}.{self._key}", self._possible.__contains__)
        if value not in self._after:
            every, left = ([s for s in some if getattr(s, self._field) == value] for some in (self._every, self._left))
            self._after[value] = Narrowing(every, left, self._asked + 1)
        return self._after[value].choose(trial, prefix)

    def _values(self, stages: Sequence[Stage]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(getattr(stage, self._field) for stage in stages)) if self._field else ()
