"""The design questions that can be asked, each with its variants and which of them are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from .rebuilt import with_local_filters, without_shortcuts

if TYPE_CHECKING:
    from ...spaces import Architecture

MINE = "mine"
"""The question whose variants are those that the sweep file names."""
LARGE = (5, 7, 9, 11)
"""Filters, in cells, that a stack of 3x3 is compared with."""

Settings: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One side of a question: how the networks of a base differ there from those of the other variants."""

    name: str
    settings: Callable[[int], Settings] = field(default=lambda _: {})
    """Settings of the space that it has, for networks of so many stages."""
    network: Callable[[Architecture], Architecture] | None = None
    """What it changes of a network that the space gave."""
    recipe: Settings = field(default_factory=dict)
    """Settings of the recipe that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A design question."""

    name: str
    about: tuple[str, str]
    """What is compared, and what is known of it: a line each."""
    variants: tuple[Variant, ...] = ()
    contrasts: tuple[tuple[str, str], ...] = ()
    """Pairs of variants that are compared, by name."""
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values that the space must offer one of, by setting: the question is asked of those."""
    stages: int = 1
    """Stages that a network must have at least."""


def _fixed(name: str, **settings: Any) -> Variant:
    return Variant(name=name, settings=lambda _: settings)


def _stage(name: str, which: Callable[[int], int], **settings: Any) -> Variant:
    alike = dict.fromkeys(settings, 1)  # in all other stages, whatever the space has there
    return Variant(name=name, settings=lambda stages: {**alike, f"stage{which(stages)}": settings})


def _question(name: str, what: str, known: str, *variants: Variant, **more: Any) -> Question:
    first, *others = (variant.name for variant in variants)
    contrasts = tuple((first, other) for other in others)
    return Question(name=name, about=(what, known), variants=variants, **{"contrasts": contrasts, **more})


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        _question(
            "pooling",
            "Max pooling of 3x3, strided convolution, ConvPool-CNN or All-CNN? (Springenberg et al. 2014)",
            "Fair pairs: max pooling and strided have equal layers, ConvPool and All-CNN one more each.",
            _fixed("max pooling", downsampling="overlapping"),
            _fixed("strided", downsampling="strided"),
            _fixed("ConvPool", downsampling="conv_pool"),
            _fixed("All-CNN", downsampling="convolution"),
            contrasts=(("max pooling", "strided"), ("ConvPool", "All-CNN")),
        ),
        _question(
            "pool-kind",
            "Max, average or L2 pooling of 2x2, or overlapping max pooling of 3x3 with stride 2?",
            "Max is usual. Overlapping windows helped AlexNet a little (Krizhevsky et al. 2012, 3.4).",
            _fixed("max", downsampling="max"),
            _fixed("average", downsampling="average"),
            _fixed("L2", downsampling="l2"),
            _fixed("overlapping", downsampling="overlapping"),
        ),
        _question(
            "filters",
            "One large filter, 5x5 to 11x11, or a stack of 3x3 with the same receptive field?",
            "Stacks have fewer weights and more nonlinearities (Simonyan & Zisserman 2014, 2.3).",
            _fixed("stack", large_filters="stack"),
            _fixed("single", large_filters="single"),
            only={"kernel": LARGE},
        ),
        _question(
            "padding",
            "Padding that keeps the map's size, or none?",
            "Without it, maps shrink and the border is seen less (CS231n notes).",
            _fixed("same", padding="same"),
            _fixed("valid", padding="valid"),
        ),
        _question(
            "stride",
            "A stride of 2 in the first convolution, or in the first one of the last stage?",
            "Early strides save computing; late ones keep more of the image for longer.",
            _stage("early", lambda _: 1, stride=2),
            _stage("late", lambda stages: stages, stride=2),
            stages=2,
        ),
        _question(
            "depth",
            "Deep and thin, three convolutions or blocks a stage, or shallow and wide, one a stage?",
            "At equal cost depth has mostly won, until it is hard to train (He et al. 2015).",
            _fixed("deep", convolutions=3),
            _fixed("shallow", convolutions=1),
        ),
        _question(
            "dilation",
            "Filters whose cells are next to each other, or two apart?",
            "Dilated filters see farther at no cost, with gaps (Yu & Koltun 2016).",
            _fixed("dense", dilation=1),
            _fixed("dilated", dilation=2),
        ),
        _question(
            "bottleneck",
            "Residual blocks of two filters, or bottlenecks: 1x1, a filter, 1x1?",
            "Bottlenecks make depth cheap where maps have many channels (He et al. 2015, figure 5).",
            _fixed("basic", block="residual"),
            _fixed("bottleneck", block="bottleneck"),
        ),
        _question(
            "residual",
            "Blocks with shortcuts, or the same layers without?",
            "Shortcuts let deep networks be trained; in shallow ones they matter less (He et al. 2015).",
            _fixed("with shortcuts", block="residual"),
            Variant(name="without", settings=lambda _: {"block": "residual"}, network=without_shortcuts),
        ),
        _question(
            "head",
            "Global average pooling, a convolution of scores that is averaged, or fully connected layers?",
            "Averages have few weights and overfit less (Lin et al. 2013); flattened maps keep places.",
            _fixed("average", head="global_average"),
            _fixed("fully connected", head="fc"),
            _fixed("convolution", head="convolution"),
        ),
        _question(
            "norm",
            "Batch normalisation, local response normalisation, or none?",
            "Batch norm allows higher rates (Ioffe & Szegedy 2015): a variant may get a rate of its own.",
            _fixed("batch", norm="batch"),
            _fixed("none", norm="none"),
            _fixed("local response", norm="local_response"),
        ),
        _question(
            "dropout",
            "No dropout after the stages, dropout of cells, or of whole maps?",
            "Neighbouring cells are alike, so dropping maps does more (Tompson et al. 2015).",
            _fixed("none", stage_dropout=0.0),
            _fixed("dropout", stage_dropout=0.2, dropout_kind="plain"),
            _fixed("spatial", stage_dropout=0.2, dropout_kind="spatial"),
        ),
        _question(
            "sharing",
            "Filters of the last stage shared by all places, or one bank of filters a place?",
            "Unshared filters are for centred images such as faces; they cost a place's worth each.",
            Variant(name="shared"),
            Variant(name="locally connected", network=with_local_filters),
        ),
        _question(
            "transfer",
            "Training from pretrained weights, from these with all but the last layer frozen, or from chance?",
            "Of few images nobody trains from chance (CS231n notes). The recipe names the weights.",
            Variant(name="from weights", recipe={"frozen": 0.0}),
            Variant(name="frozen", recipe={"frozen": 1.0}),
            Variant(name="from chance", recipe={"weights": None, "frozen": 0.0}),
        ),
    )
}
"""The questions by name, but for that of one's own."""
MINE_ABOUT = (
    "Two or more spaces of your own: `variants:` in the sweep file names each with its settings.",
    "The first is compared with each of the others.",
)
"""What the question of one's own is about, a line each."""
