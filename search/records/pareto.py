"""Several objectives ranked: non-dominated fronts, in a front by crowding distance (NSGA-II, Deb et al. 2002)."""

from __future__ import annotations

import math
from bisect import bisect_right
from operator import ge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Values = tuple[float, ...]
"""A trial's value of each objective; higher is better in every place, and NaN is the worst there is."""


def fronts(values: Mapping[int, Values]) -> list[list[int]]:
    """Sorts trials into non-dominated fronts, the best front first, numbers ascending within each.

    One tuple dominates another that it equals or exceeds in every place and exceeds in one. The first front is what
    nothing dominates, the next what nothing but the first dominates, and so on.

    A tuple that comes later in descending order never dominates one that comes earlier, so each is compared only with
    fronts that are made already (ENS, Zhang et al. 2015): n log n steps for up to two objectives; for more up to n², in
    practice far fewer.

    Args:
        values: the trials' values of each objective, by trial number; all of one length.

    >>> fronts({0: (0.9, -5.0), 1: (0.8, -2.0), 2: (0.8, -5.0)})
    [[0, 1], [2]]
    """
    alike: dict[Values, list[int]] = {}
    for number in sorted(values):
        alike.setdefault(comparable(values[number]), []).append(number)
    descending = sorted(alike, reverse=True)
    layers = _layers_of_pairs(descending) if descending and len(descending[0]) <= 2 else _layers(descending)
    return [sorted(number for point in layer for number in alike[point]) for layer in layers]


def ordered(values: Mapping[int, Values]) -> list[int]:
    """The numbers of the trials, best first: front by front, in a front the least crowded first.

    Ties go to the higher first value, then to the lower number. Of equal tuples the lowest number stands for all: the
    others crowd it and come last in their front. For one objective this is the order of the values.

    Args:
        values: the trials' values of each objective, by trial number; all of one length.

    >>> ordered({0: (0.5,), 1: (0.8,), 2: (0.5,)})
    [1, 0, 2]
    """
    if all(len(value) == 1 for value in values.values()):
        return sorted(values, key=lambda number: (-comparable(values[number])[0], number))
    return [number for front in fronts(values) for number in least_crowded_first(values, front)]


def least_crowded_first(values: Mapping[int, Values], front: Iterable[int]) -> list[int]:
    """The trials of one non-dominated front, those with the largest crowding distance first.

    Ties go to the higher first value, then to the lower number. Of equal tuples the lowest number stands for all: the
    others crowd it and come last.

    Args:
        values: values of each objective, by trial number; trials outside the front may be among them.
        front: the numbers of the trials of the front.
    """
    points: dict[Values, int] = {}
    for number in sorted(front):
        points.setdefault(comparable(values[number]), number)
    distances = crowding(list(points))

    def key(number: int) -> tuple[float, float, int]:
        point = comparable(values[number])
        return -distances[point] if points[point] == number else 0.0, -point[0], number

    return sorted(front, key=key)


def crowding(front: Sequence[Values]) -> dict[Values, float]:
    """The crowding distance of each of a front's distinct tuples; infinite at both ends of every objective.

    The sum over objectives of the gap between a tuple's neighbours, as a share of what the front spans (Deb et al.
    2002, section III-B).

    Args:
        front: the distinct tuples of one front, without NaN.
    """
    distances = dict.fromkeys(front, 0.0)
    for place in range(len(front[0]) if front else 0):
        along = sorted(front, key=lambda point: point[place])
        finite = [point[place] for point in along if math.isfinite(point[place])]
        span = finite[-1] - finite[0] if finite else 0.0
        for before, point, after in zip(along, along[1:], along[2:], strict=False):
            gap = after[place] - before[place] if after[place] != before[place] else 0.0
            distances[point] += gap / span if 0 < span < math.inf else gap
        for end in (along[0], along[-1]):
            distances[end] = math.inf
    return distances


def comparable(values: Values) -> Values:
    """`values` with minus infinity in place of NaN, so that tuples of them have an order."""
    return tuple(-math.inf if math.isnan(value) else value for value in values)


class Fronts:
    """Non-dominated fronts, kept up as trials come without ranking all of them anew (ENLU, Li et al. 2017).

    Args:
        values: values of each objective, higher is better, by trial number.

    >>> kept = Fronts({0: (0.9, -5.0), 1: (0.8, -2.0)})
    >>> kept.add(2, (0.9, -2.0))
    >>> kept.layers
    [[2], [0, 1]]
    """

    def __init__(self, values: Mapping[int, Values]) -> None:
        self._values = {number: comparable(value) for number, value in values.items()}
        self.layers = fronts(values)
        """The numbers of the trials in each front, the best front first; numbers in no order within one."""

    def add(self, number: int, values: Values) -> None:
        """Takes in a new trial: it pushes those it dominates one front down, and they those that they dominate.

        Args:
            number: a trial that is not there yet.
            values: the trial's value of each objective, higher is better.
        """
        point = self._values[number] = comparable(values)
        low, high = 0, len(self.layers)
        while low < high:
            middle = (low + high) // 2
            if any(_dominates(self._values[other], point) for other in self.layers[middle]):
                low = middle + 1
            else:
                high = middle
        self._push([number], low)

    def _push(self, coming: list[int], index: int) -> None:
        for layer in self.layers[index:]:
            points = [self._values[number] for number in coming]
            staying, beaten = [], []
            for number in layer:
                point = self._values[number]
                (beaten if any(_dominates(other, point) for other in points) else staying).append(number)
            if not staying:
                break  # the rest keeps its order below
            self.layers[index] = staying + coming
            if not beaten:
                return
            coming, index = beaten, index + 1
        self.layers.insert(index, coming)


def _dominates(one: Values, other: Values) -> bool:
    return all(map(ge, one, other)) and one != other


def _layers_of_pairs(descending: Sequence[Values]) -> list[list[Values]]:
    """Of distinct tuples of one or two values: of a front only the highest last value so far can still dominate."""
    layers: list[list[Values]] = []
    highest: list[float] = []  # negated, ascending
    for point in descending:
        last = -point[-1]
        index = bisect_right(highest, last) if len(point) > 1 else len(layers)
        if index == len(layers):
            layers.append([])
            highest.append(last)
        highest[index] = last
        layers[index].append(point)
    return layers


def _layers(descending: Sequence[Values]) -> list[list[Values]]:
    layers: list[list[Values]] = []
    for point in descending:
        low, high = 0, len(layers)  # what a front dominates, all fronts before it do
        while low < high:
            middle = (low + high) // 2
            if any(all(map(ge, other, point)) for other in reversed(layers[middle])):
                low = middle + 1
            else:
                high = middle
        if low == len(layers):
            layers.append([])
        layers[low].append(point)
    return layers
