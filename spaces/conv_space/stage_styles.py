"""Lists every style that the stages of a ConvSpace may have, for counting its networks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..choices import Choice, Range, values
from .blocks import Style

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from .settings import Settings

StyleSequence: TypeAlias = tuple[Style, ...]
"""The styles of some stages, one after the other."""
MOST_SEQUENCES = 20_000
"""Sequences of styles that are listed; a space with more is not counted exactly."""
SYMBOLIC = 100_000
"""Widths from here on stand for unknown ones, which a continuous growth gives: the stages differ, whatever they are."""


class StyleSequences(NamedTuple):
    """Sequences of styles whose networks are counted together.

    Their networks differ from those of any other such set in the first layers, so that sets can be counted apart.
    """

    sequences: frozenset[StyleSequence]
    """One style for each stage."""
    times: int
    """How many sets differ from this one only in which width, norm, activation or dropout is meant, itself included."""


def style_sequences(settings: Settings, lengths: Sequence[int]) -> list[StyleSequences] | None:
    """All sequences of styles that a space's stages may have, in sets whose networks can be counted apart.

    Args:
        settings: those of the space.
        lengths: the numbers of stages a network may have, each above 0.

    Returns:
        The sets, or None where a list of sequences is longer than MOST_SEQUENCES.
    """
    shared = {key for key in ("norm", "activation") if not _somewhere(settings, key)}
    norms, activations = (
        settings.options(key)[:1] if key in shared else settings.options(key) for key in ("norm", "activation")
    )
    times = prod(len(settings.options(key)) for key in shared)
    looks = [Style(filters=1, norm=norm, activation=activation) for norm, activation in product(norms, activations)]
    result: list[StyleSequences] = []
    for kinds, count in _dropouts(settings):
        styles = [replace(look, dropout=rate, spatial=spatial) for look in looks for rate, spatial in kinds]
        listed = list(islice(_sequences(settings, lengths, styles), MOST_SEQUENCES + 1))
        if len(listed) > MOST_SEQUENCES:
            return None
        result += [
            StyleSequences(sequences, times * count * several)
            for sequences, several in _apart(listed, settings).items()
        ]
    return result


def only_plain(settings: Settings) -> bool:
    """Whether no stage may hold blocks, so that a layer does not depend on the channels it gets."""
    return all(settings.options("block", stage) == ("plain",) for stage in range(max(settings.options("stages"))))


def _somewhere(settings: Settings, key: str) -> bool:
    """Whether some stage has its own of `key`."""
    return any(settings.own(key, stage) for stage in range(max(settings.options("stages"))))


def _rates(choice: Choice) -> list[float]:
    """Distinct rates; a range counts as one."""
    listed = values(choice)
    if listed is None:
        assert isinstance(choice, Range)
        listed = (choice.high,)
    return list(dict.fromkeys(round(float(rate), 3) for rate in listed))


def _dropouts(settings: Settings) -> list[tuple[list[tuple[float, bool]], int]]:
    """Lists of (rate, spatial) that the stages share, and how many lists each stands for.

    Dropout or none after each stage tells networks apart, how much of it only multiplies.
    """
    rates = _rates(settings.common["stage_dropout"])
    kinds = [kind == "spatial" for kind in settings.options("dropout_kind")]
    none = [(0.0, True)] if 0.0 in rates else []
    some = [rate for rate in rates if rate]
    if _somewhere(settings, "stage_dropout") or _somewhere(settings, "dropout_kind"):
        unasked = [(0.0, kind) for kind in kinds] if none else []  # a stage with a rate of its own takes the kind
        return [(unasked + [(rate, kind) for rate in some for kind in kinds], 1)]
    one = [(some[0], kind) for kind in kinds] if some else []  # of a single cell, both kinds are one
    return [(pairs, count) for pairs, count in ((none, 1), (one, len(some))) if pairs]


def _sequences(
    settings: Settings, lengths: Sequence[int], styles: Sequence[Style]
) -> Iterator[tuple[tuple[Hashable, Style], ...]]:
    """Each stage's width, which may be a symbol, with its style."""
    growths = values(settings.common["growth"])
    for length, filters, growth, style in product(lengths, settings.options("filters"), growths or (None,), styles):
        yield from _from(settings, 0, length, filters, growth, style)


def _from(
    settings: Settings, stage: int, length: int, before: Any, growth: float | None, common: Style
) -> Iterator[tuple[tuple[Hashable, Style], ...]]:
    if stage == length:
        yield ()
        return
    for width, style in product(_widths(settings, stage, before, growth), _own_styles(settings, stage, common)):
        shown = width if isinstance(width, tuple) else max(1, round(width))
        for rest in _from(settings, stage + 1, length, width, growth, common):
            yield ((shown, style), *rest)


def _widths(settings: Settings, stage: int, before: Any, growth: float | None) -> list[Any]:
    """K of the stage, not yet rounded; a tuple where a continuous growth is in it."""
    own = settings.own("filters", stage)
    if own is not None:
        return [float(filters) for filters in settings.options("filters", stage)]
    if stage == 0:
        return [float(before)]
    own_growth = settings.own("growth", stage)
    factors = (values(own_growth) or (None,)) if own_growth else (growth,)
    return [before if factor == 1 else _grown(stage, before, factor) for factor in factors]


def _grown(stage: int, before: Any, factor: float | None) -> Any:
    return (stage, before, factor) if factor is None or isinstance(before, tuple) else before * factor


def _own_styles(settings: Settings, stage: int, common: Style) -> list[Style]:
    norms = settings.options("norm", stage) if settings.own("norm", stage) else (common.norm,)
    activations = settings.options("activation", stage) if settings.own("activation", stage) else (common.activation,)
    own_rate, own_kind = settings.own("stage_dropout", stage), settings.own("dropout_kind", stage)
    rates = _rates(own_rate) if own_rate else [common.dropout]
    kinds = [kind == "spatial" for kind in settings.options("dropout_kind", stage)] if own_kind else [common.spatial]
    return [
        Style(filters=1, norm=norm, activation=activation, dropout=rate, spatial=kind or not rate)
        for norm, activation, rate, kind in product(norms, activations, rates, kinds)
    ]


def _apart(
    listed: Sequence[tuple[tuple[Hashable, Style], ...]], settings: Settings
) -> Counter[frozenset[StyleSequence]]:
    """The sequences as sets that differ in their first layers, those that look alike counted together.

    Of plain convolutions only which widths are equal decides how many networks there are, so widths are numbered in
    order of appearance. Blocks split their widths, so theirs are as they are.
    """
    numbers: dict[Hashable, dict[Hashable, int]] = {}
    sets: dict[Hashable, set[StyleSequence]] = {}
    plain = only_plain(settings)
    for sequence in listed:
        first = sequence[0][0] if plain else None
        known = numbers.setdefault(first, {})
        sets.setdefault(first, set()).add(
            tuple(
                replace(style, filters=known.setdefault(width, len(known) + 1) if plain else _stand_in(width, known))
                for width, style in sequence
            )
        )
    return Counter(frozenset(sequences) for sequences in sets.values())


def _stand_in(width: Hashable, known: dict[Hashable, int]) -> int:
    return width if isinstance(width, int) else known.setdefault(width, SYMBOLIC + 8 * len(known))
