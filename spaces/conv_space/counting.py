"""How many distinct networks a ConvSpace holds, by arithmetic over its choices.

Different choices may give one network: two stages of one convolution each, with nothing between them, are one stage
of two. So what is counted are the sequences of layers, each read only once however many choices lead to it: the
choices are an automaton over layers, made deterministic as it is walked (Rabin & Scott 1959), and states are counted
forward.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..architecture import canonical
from ..choices import values
from ..errors import ArchitectureError
from ..tracing import trace
from .stage_styles import StyleSequence, only_plain, style_sequences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..geometry import Fit
    from ..tracing import Shape
    from .blocks import Group
    from .completions import Completions

MOST_STEPS = 20_000
"""Places to go on from, seconds of work, before the size is only bounded from above."""


class Place(NamedTuple):
    """Where in a space's choices one is while layers are read."""

    styles: StyleSequence
    """Of each stage to come, in order."""
    stage: int
    """The next stage, from 0, or the first that all settings treat like it."""
    padding: str
    fit: Fit
    rest: tuple[Group, ...]
    """What is left of the stage that was begun."""


State: TypeAlias = "tuple[frozenset[Place], Shape]"
"""Every place where the layers read so far may have led, and the map (C, H, W) they made."""


@dataclass(frozen=True, slots=True)
class Size:
    """The number of distinct networks of a space, as text when printed."""

    networks: int
    """A continuous range counts as one value, one of growth as one that makes all stages differ in width."""
    exact: bool
    """False: counted are ways to choose, of which some may give one network."""
    ranges: tuple[str, ...]
    """The settings that are continuous ranges."""

    def __str__(self) -> str:
        most, s = "" if self.exact else "at most ", "" if self.networks == 1 else "s"
        number = f"{most}{self.networks:,} distinct network{s}"
        return f"{number}, counting a range as one value ({', '.join(self.ranges)})" if self.ranges else number


def size_of(completions: Completions, input: tuple[int, int, int]) -> Size:
    """The number of distinct networks of a ConvSpace, or a bound from above where counting takes too many steps.

    Args:
        completions: the stages that the space's settings allow.
        input: (C, H, W) of one image.
    """
    settings, stages = completions.settings, completions.options("stages")
    lengths = [n for n in stages if n]
    total, exact = 0, True
    if lengths:
        total, exact = _bodies(completions, lengths, input)
    if 0 in stages:
        hidden = len(_heads(completions, ["fc"], one_cell=False) - {("fc", 0, 0)})
        total += hidden * len(completions.options("activation")) + (0 in completions.options("hidden"))
    rates = values(completions.settings.common["dropout"])
    return Size(total * len({round(rate, 3) for rate in rates or (0.0,)}), exact, settings.ranges())


def _heads(completions: Completions, heads: Sequence[str], *, one_cell: bool) -> set[tuple[str, int, int]]:
    """Ways to end a network on a map, of one cell or more, dropout aside."""
    found: set[tuple[str, int, int]] = set()
    for head in heads:
        if head == "fc":
            hidden = product(completions.options("hidden"), completions.options("hidden_layers"))
            found |= {("fc", units, depth if units else 0) for units, depth in hidden}
        else:
            found.add(("fc" if head == "global_average" and one_cell else head, 0, 0))
    return found


def _bodies(completions: Completions, lengths: list[int], input: tuple[int, int, int]) -> tuple[int, bool]:
    """How many networks with stages there are, and whether each was counted once."""
    offered = completions.options("head")
    heads = [len(_heads(completions, offered, one_cell=one_cell)) for one_cell in (False, True)]
    total, listed = 0, style_sequences(completions.settings, lengths)
    for sequences, times in listed or ():
        networks = _networks(completions, sequences, input, heads)
        if networks is None:
            return _ways(completions, lengths) * max(heads), False
        total += times * networks
    return (total, True) if listed is not None else (_ways(completions, lengths) * max(heads), False)


def _networks(
    completions: Completions, sequences: frozenset[StyleSequence], input: tuple[int, int, int], heads: Sequence[int]
) -> int | None:
    """How many networks the style sequences allow, times the heads for their last map; None beyond MOST_STEPS."""
    plain = only_plain(completions.settings)
    start = {
        Place(styles=styles, stage=0, padding=padding, fit=fit, rest=())
        for styles in sequences
        for padding in (completions.options("padding") if completions.pads(len(styles)) else ("same",))
        for fit in completions.options("fit")
    }
    known: dict[State, tuple[int, Counter[State]]] = {}
    frontier: Counter[State] = Counter({(frozenset(start), (1, *input[1:]) if plain else input): 1})
    total = steps = 0
    while frontier:
        reached: Counter[State] = Counter()
        for state, count in frontier.items():
            if state not in known:
                places: list[Place] = []
                for begun in (begun for place in state[0] for begun in _begun(completions, place, state[1])):
                    places.append(begun)
                    steps += 1
                    if steps > MOST_STEPS:
                        return None
                try:
                    known[state] = _read(places, state, plain=plain)
                except ArchitectureError:  # a width that stands for a range is more than these images allow
                    return None
            ends, nexts = known[state]
            total += count * ends * heads[state[1][1:] == (1, 1)]
            for following, layers in nexts.items():
                reached[following] += count * layers
        frontier = reached
    return total


def _read(places: list[Place], state: State, *, plain: bool) -> tuple[int, Counter[State]]:
    """Whether a network may end in this state, and the states each possible next layer leads to."""
    nexts: dict[tuple[str, Shape], set[Place]] = {}
    for place in places:
        group, *rest = place.rest
        token, output = _token(group, state[1], place.fit)
        nexts.setdefault((token, (1, *output[1:]) if plain else output), set()).add(place._replace(rest=tuple(rest)))
    ends = any(not place.styles and not place.rest for place in state[0])
    return int(ends), Counter((frozenset(found), output) for (_, output), found in nexts.items())


def _begun(completions: Completions, place: Place, map: Shape) -> Iterator[Place]:
    """The place itself, or where a stage is over those at the start of the next."""
    if place.rest:
        yield place
    elif place.styles:
        style, *others = place.styles
        size = (map[1], map[2])
        for stage in completions.left(place.stage + len(place.styles), place.stage, size, place.padding, place.fit):
            following = completions.settings.place(place.stage + 1)
            rest = stage.groups(map[0], style)
            yield place._replace(styles=tuple(others), stage=following, rest=rest)


@lru_cache(maxsize=100_000)
def _token(group: Group, map: Shape, fit: Fit) -> tuple[str, Shape]:
    """What tells these layers from others, and the map after them."""
    return json.dumps(canonical(group, map, fit), sort_keys=True), trace(group, map, fit)[-1].output


def _ways(completions: Completions, lengths: list[int]) -> int:
    """Ways to choose the stages, whether or not they fit the image."""
    paddings, fits = completions.options("padding"), completions.options("fit")
    return len(fits) * sum(
        completions.settings.ways(length) * prod(len(completions.stages(index, padding)) for index in range(length))
        for length, padding in product(lengths, paddings)
    )
