"""The settings of a ConvSpace: what each key may hold, for all stages or, under `stage2` and so on, for one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from ..choices import Choice, Options, read_settings, values
from ..errors import MOST_TOLD, Mistakes, SpaceError
from ..geometry import FITS
from ..kinds import Kind, numbers, one_of, whole
from ..layers import LARGEST_WIDTH
from .blocks import BLOCKS, NORMS
from .stages import DOWNSAMPLING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_STAGES = 12
"""Stages of a network, at most."""
MOST_ALTERNATIVES = 100_000
"""Stages that one place may offer, at most: all of them are looked at once."""
KEYS: dict[str, tuple[object, Kind]] = {
    # key: (default, what it may hold)
    "stages": ([1, 2, 3, 4, 5], whole(0, MOST_STAGES)),
    "convolutions": ([1, 2, 3], whole(1, 16)),
    "block": ("plain", one_of(*BLOCKS)),
    "filters": ([16, 24, 32, 48], whole(1, 4_096)),
    "growth": ([1.5, 2], numbers(0.25, 4)),
    "kernel": ([3, 5], whole(1, 31)),
    "large_filters": ("stack", one_of("single", "stack")),
    "dilation": (1, whole(1, 16)),
    "stride": (1, whole(1, 8)),
    "padding": ("same", one_of("same", "valid")),
    "downsampling": (["max", "average", "strided", "convolution"], one_of(*DOWNSAMPLING)),
    "norm": ("batch", one_of(*NORMS)),
    "activation": ("relu", one_of("relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh")),
    "stage_dropout": (0.0, numbers(0.0, 0.9)),
    "dropout_kind": ("spatial", one_of("spatial", "plain")),
    "dropout": ({"low": 0.0, "high": 0.4}, numbers(0.0, 0.9)),
    "head": (["global_average", "fc"], one_of("fc", "global_average", "convolution")),
    "hidden": ([0, 128], whole(0, 65_536)),
    "hidden_layers": (1, whole(1, 4)),
    "fit": ("crop", one_of(*FITS)),
}
"""Each setting of a ConvSpace: what it is by default, and what it may hold in a sweep file."""
DEFAULTS: dict[str, object] = {key: default for key, (default, _) in KEYS.items()}
OF_A_STAGE = (
    "convolutions", "block", "filters", "growth", "kernel", "large_filters", "dilation", "stride", "padding",
    "downsampling", "norm", "activation", "stage_dropout", "dropout_kind",
)  # fmt: skip
"""Keys that a stage may have of its own."""


def _most(choice: Choice) -> float:
    return max(choice.options) if isinstance(choice, Options) else choice.high  # pyright: ignore[reportArgumentType,reportReturnType]


class Settings:
    """The settings of a ConvSpace as choices by key, a stage's own before those for all stages.

    Args:
        values: by key, as the sweep file has them; a stage's own under "stage1", "stage2" and so on.

    Raises:
        SpaceError: an unknown key, or a value out of range; names the key.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        mistakes = Mistakes()
        sections = {key: int(key[5:]) for key in values if re.fullmatch(r"stage[1-9]\d{0,2}", key)}
        misnumbered = [key for key in values if re.fullmatch(r"stage0\d*", key)]
        for key in misnumbered[:MOST_TOLD]:
            with mistakes:
                raise SpaceError(f"space.{key}: stages are numbered from 1", "The first is stage1.", key=f"space.{key}")
        with mistakes:
            left = {key: value for key, value in values.items() if key not in (*sections, *misnumbered)}
            self.common = read_settings(left, KEYS, "space")
        self._own: dict[tuple[int, str], Choice] = {}
        for section, stage in sections.items():
            with mistakes:
                own = self._section(section, values[section], growing=stage > 1)
                self._own |= {(stage - 1, key): choice for key, choice in own.items()}
        mistakes.refuse()
        most = max(self.options("stages"))
        if section := next((section for section, stage in sections.items() if stage > most), None):
            raise SpaceError(
                f"space.{section}: the space has at most {most} stages", "Raise space.stages, or leave it out.",
                key=f"space.{section}",
            )  # fmt: skip
        self._check_widths()
        self._check_alternatives()
        self._last_place = max((stage + 1 for stage, _ in self._own), default=1)

    def _section(self, name: str, values: object, *, growing: bool) -> dict[str, Choice]:
        if not isinstance(values, Mapping):
            raise SpaceError(
                f"space.{name}: {values!r:.60}: not settings", f"For example {name}: {{kernel: 5}}", key=f"space.{name}"
            )
        known = {key: KEYS[key] for key in OF_A_STAGE if key != "growth" or growing}
        read = read_settings(values, known, f"space.{name}")
        return {key: read[key] for key in values}

    def _check_widths(self) -> None:
        """Refuses a growth that leads beyond what a layer may have, in whatever stage."""
        width = 0.0
        for stage in range(max(self.options("stages"))):
            own = self.own("filters", stage) or (self.common["filters"] if stage == 0 else None)
            width = _most(own) if own else width * _most(self.of("growth", stage))
            if width > LARGEST_WIDTH:
                raise SpaceError(
                    f"space.growth: stage {stage + 1} may come to {round(width):,} filters, beyond {LARGEST_WIDTH:,} "
                    "(LARGEST_WIDTH)",
                    "Allow less growth, fewer filters or fewer stages.",
                    key="space.growth",
                )

    def _check_alternatives(self) -> None:
        keys = ("convolutions", "block", "kernel", "large_filters", "dilation", "stride", "padding", "downsampling")
        for stage in range(max(self.options("stages"))):
            open_keys = {
                key: len(self.options(key, stage))
                for key in keys
                if stage == 0 or key != "stride" or self.own(key, stage)
            }
            if (alternatives := prod(open_keys.values())) > MOST_ALTERNATIVES:
                widest = sorted(open_keys, key=lambda key: -open_keys[key])[:3]
                raise SpaceError(
                    f"space: stage {stage + 1} may be one of {alternatives:,}, more than {MOST_ALTERNATIVES:,} "
                    "(MOST_ALTERNATIVES)",
                    f"Name fewer values: {', '.join(f'{key} has {open_keys[key]}' for key in widest)}.",
                    key=f"space.{widest[0]}",
                )

    def own(self, key: str, stage: int) -> Choice | None:
        """The choice for `key` that `stage`, counted from 0, has of its own; None where it has none."""
        return self._own.get((stage, key))

    def of(self, key: str, stage: int) -> Choice:
        """The choice for `key` that holds for `stage`, counted from 0: the stage's own, else the one for all."""
        return self._own.get((stage, key)) or self.common[key]

    def options(self, key: str, stage: int | None = None) -> tuple[Any, ...]:
        """The values that setting `key` may have, which must be a finite choice.

        Args:
            key: a name of KEYS.
            stage: counted from 0, with the stage's own values before those for all; None for those for all.
        """
        choice = self.common[key] if stage is None else self.of(key, stage)
        assert isinstance(choice, Options)
        return choice.options

    def place(self, stage: int) -> int:
        """The first stage, counted from 0, that all settings treat as they treat `stage`."""
        return min(stage, self._last_place)

    def left_to_all(self, key: str, stages: Iterable[int], unless: Sequence[str] = ()) -> bool:
        """Whether the choice of `key` for all stages matters to one of `stages`.

        It does where a stage has no `key` of its own, nor any of the keys in `unless`.

        Args:
            key: a name of KEYS.
            stages: which stages to look at, counted from 0.
            unless: keys whose own choice makes `key` idle, as a stage's own filters make growth.
        """
        return any(not any(self.own(each, stage) for each in (key, *unless)) for stage in stages)

    def ranges(self) -> tuple[str, ...]:
        """Names of the settings that are a continuous range and matter, as in "dropout" or "stage2.growth"."""
        every = range(max(self.options("stages")))
        idle = {
            "growth": not self.left_to_all("growth", every[1:], unless=["filters"]),
            "stage_dropout": not self.left_to_all("stage_dropout", every),
        }
        common = [key for key, choice in self.common.items() if not idle.get(key) and values(choice) is None]
        return (*common, *(f"stage{stage + 1}.{key}" for (stage, key), own in self._own.items() if values(own) is None))

    def ways(self, stages: int) -> int:
        """How many ways there are to choose filters, growth, norms, activations and dropout for so many stages.

        A continuous range counts as one way.
        """
        keys = ("filters", "growth", "norm", "activation", "stage_dropout", "dropout_kind")
        own = [own for (stage, key), own in self._own.items() if stage < stages and key in keys]
        return prod(len(values(choice) or (None,)) for choice in (*(self.common[key] for key in keys), *own))
