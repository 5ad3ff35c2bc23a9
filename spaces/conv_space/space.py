"""ConvSpace: which convolutional networks a sweep may try, and how one is sampled so that it can always be built.

The pattern is INPUT -> [[CONV -> norm? -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC (CS231n ConvNet notes), with
blocks in the place of convolutions where they are asked for.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from ..architecture import Architecture
from ..choices import Options
from ..errors import SpaceError
from ..layers import Activation, Conv, Dropout, Flatten, GlobalPool, Layer, Linear
from .blocks import Style
from .completions import Completions
from .counting import Size, size_of
from .narrowing import Narrowing
from .settings import Settings
from .stages import Stage, after

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..choices import Choice, Trial
    from .completions import Remainder


class ConvSpace:
    """Convolutional networks: every key fixed, one of a list, or a range (`{low: 1, high: 4}`).

    Values are in docs/sweep-file.md, with their bounds. What a stage does not have of its own is chosen anew for each
    stage (convolutions, block, kernel, large_filters, dilation, downsampling) or once for all.

    Args:
        stages: M, how many times the map is processed and made smaller; with 0 the head is "fc".
        convolutions: N, convolutions or blocks a stage (a stack counts as one).
        block: what a stage repeats: "plain" convolutions, "residual" or "bottleneck" blocks with shortcuts,
            "inception" branches, "separable" convolutions (see `blocks`).
        filters: K, filters of the first stage.
        growth: what K is multiplied by from stage to stage.
        kernel: F, cells of a filter along each axis.
        large_filters: "single" FxF, or a "stack" of 3x3 with the same receptive field; asked where F is odd and above
            3, for inception from 3 on, whose larger branch has F + 2. An even F is single.
        dilation: how far apart the cells of a filter are, 1 for next to each other.
        stride: S of the first convolution of the network.
        padding: "same" or "valid", for all convolutions; blocks with branches keep the size.
        downsampling: at each stage's end: pooling "max", "average" or "l2" (F2 S2), "overlapping" max (F3 S2),
            "strided" (twice the stride of the stage's last convolution or block), "convolution" (one more, F3 S2),
            "conv_pool" (one more, F3 S1, then overlapping max), or "none".
        norm: "batch" after each convolution, "local_response" after each activation of one, or "none".
        activation: after each convolution, in residual blocks after the sum in place of the last.
        stage_dropout: rate of dropout after each stage.
        dropout_kind: of that dropout: "spatial" for whole maps, "plain" for single cells.
        dropout: rate of dropout before the classifier, and after each hidden layer.
        head: "fc" flattens, "global_average" takes one value a channel, "convolution" scores each place by 1x1 filters
            and averages (All-CNN).
        hidden: units of the FC layers before the last, 0 for none; for the head "fc".
        hidden_layers: how many such layers there are.
        fit: what windows do where they do not tile their input.
        stage1, stage2, …: settings of that stage alone, such as {"kernel": 7, "stride": 2}; `filters` there is K from
            that stage on, `growth` what K is multiplied by going into it, `stride` S of its first convolution.

    Raises:
        SpaceError: an unknown key, or a value out of range; names the key.

    >>> space = ConvSpace(stages=2, kernel=[3, 5], stage1={"kernel": 7})
    >>> space.settings["stages"]
    Options(options=(2,))
    """

    def __init__(self, **settings: Any) -> None:
        self.own_settings = Settings(settings)
        self.settings: dict[str, Choice] = self.own_settings.common
        self._completions = Completions(self.own_settings)
        self._narrowings: dict[Remainder, Narrowing] = {}

    def check(self, input: tuple[int, int, int]) -> None:
        """Asks whether some network of the space fits an image of (C, H, W).

        Raises:
            SpaceError: none does; names the settings that shrink the map.
        """
        size = (input[1], input[2])
        fits = (
            self._completions.completes(stages, 0, size, padding, fit)
            for stages, padding, fit in product(*(self._options(key) for key in ("stages", "padding", "fit")))
        )
        if not any(fits):
            fewest = min(self._options("stages"))
            kernels = ", ".join(str(min(self._options("kernel", stage))) for stage in range(fewest))
            raise SpaceError(
                f"space: no network fits an image of {size[0]}x{size[1]}: the gentlest of {fewest} stages, smallest "
                f"kernels {kernels}, padding {self._offered('padding', fewest)} and downsampling "
                f"{self._offered('downsampling', fewest)}, shrinks the map to nothing or does not tile it",
                "Allow fewer stages, smaller kernels, `padding: same`, `downsampling: none` or `fit: crop`.",
                key="space.stages",
            )

    def _offered(self, key: str, stages: int) -> str:
        return "/".join(dict.fromkeys(value for stage in range(stages) for value in self._options(key, stage)))

    def sample(self, trial: Trial, input: tuple[int, int, int], classes: int) -> Architecture:
        """One network for images of (C, H, W), every choice asked of `trial`; it can always be built.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
            input: (C, H, W) of one image.
            classes: how many scores come out.

        Raises:
            SpaceError: no network of the space fits the image.
        """
        self.check(input)
        completes, size = self._completions.completes, (input[1], input[2])
        some_stages, some_padding, padding = (
            self._options("stages"),
            self._options("padding"),
            self._options("padding")[0],
        )
        fit = self._ask(
            trial,
            "fit",
            lambda f: any(completes(n, 0, size, p, f) for n, p in product(some_stages, some_padding)),
        )
        stages = self._ask(
            trial, "stages", lambda n: any(self._completions.completes(n, 0, size, p, fit) for p in some_padding)
        )
        if self._completions.pads(stages):
            padding = self._ask(trial, "padding", lambda p: completes(stages, 0, size, p, fit))
        common, growth = self._ask_common(trial, stages)
        layers: list[Layer] = []
        channels, filters, style = input[0], float(common.filters), common
        for index in range(stages):
            filters = self._ask_filters(trial, index, filters, growth)
            style = self._ask_style(trial, index, max(1, round(filters)), common)
            stage = self._ask_stage(trial, stages, index, size, padding, fit)
            layers += [layer for group in stage.groups(channels, style) for layer in group]
            size, channels = after(stage, size, fit) or size, stage.channels(style)
        head = self._ask_head(trial, stages, Activation(style.activation), classes)
        return Architecture(input, (*layers, *head), classes, fit)

    def size(self, input: tuple[int, int, int]) -> Size:
        """How many distinct networks the space holds for images of (C, H, W), by arithmetic over its choices.

        Where counting takes too many steps the size is a bound from above, and says that it is not exact.
        """
        return size_of(self._completions, input)

    def _ask_common(self, trial: Trial, stages: int) -> tuple[Style, float]:
        """What the stages share, and the growth: only what a stage leaves to all is asked."""
        every, later = range(stages), range(1, stages)
        left = self.own_settings.left_to_all
        filters = self._ask(trial, "filters") if left("filters", every[:1]) else 1
        growth = self._ask(trial, "growth") if left("growth", later, unless=["filters"]) else 1
        norm = self._ask(trial, "norm") if left("norm", every) else "none"
        activation = self._ask(trial, "activation") if left("activation", every) or not stages else "relu"
        rate = self._ask(trial, "stage_dropout") if left("stage_dropout", every) else 0.0
        own_rates = any(self.own_settings.own("stage_dropout", index) for index in every)
        asks_kind = (rate or own_rates) and left("dropout_kind", every)
        spatial = self._ask(trial, "dropout_kind") == "spatial" if asks_kind else True
        return Style(filters=filters, norm=norm, activation=activation, dropout=round(rate, 3), spatial=spatial), growth

    def _ask_filters(self, trial: Trial, index: int, before: float, growth: float) -> float:
        """K of the stage, not yet rounded, from that of the stage before."""
        own = self._ask_own(trial, "filters", index)
        if own is not None:
            return float(own)
        own_growth = self._ask_own(trial, "growth", index)
        return before * (1 if index == 0 else growth if own_growth is None else own_growth)

    def _ask_style(self, trial: Trial, index: int, filters: int, common: Style) -> Style:
        """The stage's own of what it has of its own."""
        norm = self._ask_own(trial, "norm", index) or common.norm
        activation = self._ask_own(trial, "activation", index) or common.activation
        own_rate = self._ask_own(trial, "stage_dropout", index)
        rate = common.dropout if own_rate is None else round(own_rate, 3)
        kind = self._ask_own(trial, "dropout_kind", index) if rate else None
        spatial = common.spatial if kind is None else kind == "spatial"
        return Style(filters=filters, norm=norm, activation=activation, dropout=rate, spatial=spatial or not rate)

    def _ask_stage(self, trial: Trial, stages: int, index: int, size: tuple[int, int], padding: Any, fit: Any) -> Stage:
        """Each choice in turn, from those that leave a network which can be completed."""
        key = (stages - index, self.own_settings.place(index), size, padding, fit)
        if key not in self._narrowings:
            left = self._completions.left(stages, index, size, padding, fit)
            self._narrowings[key] = Narrowing(self._completions.stages(index, padding), left)
        return self._narrowings[key].choose(trial, f"stage{index + 1}")

    def _ask_head(self, trial: Trial, stages: int, activation: Activation, classes: int) -> list[Layer]:
        head = self._ask(trial, "head") if stages else "fc"
        hidden = self._ask(trial, "hidden") if head == "fc" else 0
        depth = self._ask(trial, "hidden_layers") if hidden else 0
        rate = round(self._ask(trial, "dropout"), 3)
        dropout: list[Layer] = [Dropout(rate)] if rate else []
        if head == "convolution":
            return [*dropout, Conv(classes, 1), GlobalPool(), Flatten()]
        start: list[Layer] = [GlobalPool(), Flatten()] if head == "global_average" else [Flatten()]
        middle: list[Layer] = [Linear(hidden), activation, *dropout] * depth if hidden else dropout
        return [*start, *middle, Linear(classes)]

    def _options(self, key: str, stage: int | None = None) -> tuple[Any, ...]:
        """What `key` may be, for all stages or the one counted from 0, where that is a finite choice."""
        return self.own_settings.options(key, stage)

    def _ask_own(self, trial: Trial, key: str, stage: int) -> Any:
        """What the stage has of its own for `key`, None where it has nothing."""
        own = self.own_settings.own(key, stage)
        return None if own is None else own.suggest(trial, f"stage{stage + 1}.{key}")

    def _ask(self, trial: Trial, key: str, allowed: Callable[[Any], bool] = lambda _: True) -> Any:
        choice = self.settings[key]
        return choice.suggest(trial, key, allowed) if isinstance(choice, Options) else choice.suggest(trial, key)
