"""What can still follow on a map: which stages a place allows, and whether the network can be completed after them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from .blocks import SIZE_KEEPING
from .stages import Shrinking, Stage, shrinking, through

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings

Remainder: TypeAlias = tuple[int, int, tuple[int, int], Any, Any]
"""Stages to come, the place of the next, the map's size, the padding of all, the fit rule."""


class Completions:
    """The stages that settings allow at each place, and those of them after which a network can be completed.

    Sampling asks it so that no choice leads into a dead end, counting so that only networks that can be built count.
    Answers are kept: both ask the same questions again and again.

    Args:
        settings: those of the space. Stages are counted from 0, sizes are (H, W) of the map in cells.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._every: dict[tuple[int, Any], tuple[Stage, ...]] = {}
        self._changes: dict[tuple[int, Any], tuple[Shrinking, ...]] = {}
        self._possible: dict[Remainder, frozenset[Shrinking]] = {}

    def stages(self, index: int, padding: Any) -> tuple[Stage, ...]:
        """Every stage the settings allow at this place, where `padding` is that of all."""
        key = (self.settings.place(index), padding)
        if key not in self._every:
            self._every[key] = tuple(self._stages(index, padding))
        return self._every[key]

    def _stages(self, index: int, padding: Any) -> Iterator[Stage]:
        own, options = self.settings.own, self.settings.options
        keys = ("convolutions", "block", "kernel", "downsampling")
        for convolutions, block, kernel, downsampling in product(*(options(key, index) for key in keys)):
            largest = kernel + 2 if block == "inception" else kernel
            forms = options("large_filters", index) if largest > 3 and largest % 2 else ("single",)
            dilations = options("dilation", index) if largest > 1 else (1,)
            strides = options("stride", index) if index == 0 or own("stride", index) else (1,)
            paddings = options("padding", index) if own("padding", index) else (padding,)
            for form, dilation, stride, each in product(
                forms, dilations, strides, ("same",) if block in SIZE_KEEPING else paddings
            ):
                yield Stage(convolutions, block, kernel, form, dilation, stride, each, downsampling)

    def left(self, stages: int, index: int, size: tuple[int, int], padding: Any, fit: Any) -> tuple[Stage, ...]:
        """Those of the stages at this place, on a map of `size`, after which the rest can follow."""
        works = self._works(stages, index, size, padding, fit)
        every = zip(self.stages(index, padding), self._ways(index, padding), strict=True)
        return tuple(stage for stage, ways in every if ways in works)

    def _works(self, stages: int, index: int, size: tuple[int, int], padding: Any, fit: Any) -> frozenset[Shrinking]:
        """Ways to change the map that some stage at this place has and after which the rest can follow."""
        key = (stages - index, self.settings.place(index), size, padding, fit)
        if key not in self._possible:
            self._possible[key] = frozenset(
                ways
                for ways in set(self._ways(index, padding))
                if (smaller := through(ways, size, fit)) and self.completes(stages, index + 1, smaller, padding, fit)
            )
        return self._possible[key]

    def _ways(self, index: int, padding: Any) -> tuple[Shrinking, ...]:
        """How each of the stages at this place changes the map: far fewer ways than there are stages."""
        key = (self.settings.place(index), padding)
        if key not in self._changes:
            self._changes[key] = tuple(map(shrinking, self.stages(index, padding)))
        return self._changes[key]

    def completes(self, stages: int, index: int, size: tuple[int, int], padding: Any, fit: Any) -> bool:
        """Whether stages from `index` to the last can follow on a map of `size`."""
        return index >= stages or bool(self._works(stages, index, size, padding, fit))

    def pads(self, stages: int) -> bool:
        """Whether the padding of all matters to one of so many stages."""
        return any(
            self.settings.own("padding", index) is None and set(self.options("block", index)) - set(SIZE_KEEPING)
            for index in range(stages)
        )

    def options(self, key: str, stage: int | None = None) -> tuple[Any, ...]:
        """What `key` may be, for all stages or the one counted from 0, where that is a finite choice."""
        return self.settings.options(key, stage)
