"""Which stages can follow on a map, so that no choice leads to a network that cannot be completed."""

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
    """The stages that settings allow at each place, and which of them leave a network that can be completed.

    Sampling asks it so that no choice leads into a dead end, counting so that only networks that can be built count.
    Answers are kept: both ask equal questions again and again.

    Args:
        settings: those of the space. Stages are counted from 0, sizes are (H, W) of the map in cells.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._every: dict[tuple[int, Any], tuple[Stage, ...]] = {}
        self._changes: dict[tuple[int, Any], tuple[Shrinking, ...]] = {}
        self._possible: dict[Remainder, frozenset[Shrinking]] = {}

    def stages(self, index: int, padding: Any) -> tuple[Stage, ...]:
        """Every stage the settings allow at a place, whether or not it fits a map.

        Args:
            index: the place, from 0.
            padding: "same" or "valid", of stages without padding of their own.
        """
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
                yield Stage(
                    convolutions=convolutions,
                    block=block,
                    kernel=kernel,
                    form=form,
                    dilation=dilation,
                    stride=stride,
                    padding=each,
                    downsampling=downsampling,
                )

    def left(self, stages: int, index: int, size: tuple[int, int], padding: Any, fit: Any) -> tuple[Stage, ...]:
        """Stages that a place allows on a map and after which the later stages can follow.

        Args:
            stages: how many stages the network has.
            index: the place, from 0.
            size: (H, W) of the map, in cells.
            padding: "same" or "valid", of stages without padding of their own.
            fit: what windows do where they do not tile their input.
        """
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
        """Whether the stages from `index` to the last can follow on a map.

        Args:
            stages: how many stages the network has.
            index: place of the first that is to follow, from 0; True where it is beyond the last.
            size: (H, W) of the map, in cells.
            padding: "same" or "valid", of stages without padding of their own.
            fit: what windows do where they do not tile their input.
        """
        return index >= stages or bool(self._works(stages, index, size, padding, fit))

    def pads(self, stages: int) -> bool:
        """Whether the padding for all stages matters to one of the first `stages` stages.

        It does where a stage has no padding of its own and may hold a block that does not keep the size anyway.
        """
        return any(
            self.settings.own("padding", index) is None and set(self.options("block", index)) - set(SIZE_KEEPING)
            for index in range(stages)
        )

    def options(self, key: str, stage: int | None = None) -> tuple[Any, ...]:
        """The values that setting `key` may have, which must be a finite choice.

        Args:
            key: a name of `settings.KEYS`.
            stage: counted from 0, with the stage's own values before those for all; None for those for all.
        """
        return self.settings.options(key, stage)
