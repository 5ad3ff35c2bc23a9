"""How sure a sweep is of its winner: intervals of the finalists' means, and the chance that another is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from ...trainers.measuring import Z95, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .ranking import Standing


@dataclass(frozen=True, slots=True)
class Sureness:
    """What is known of a finalist's accuracy on images like the validation images, trained from any seed."""

    mean: float
    """The mean of the finalist's runs, 0 to 1."""
    reach: float
    """Half the width of the mean's 95 % confidence interval."""
    chance: float
    """The chance that this finalist is better than the winner, 0 to 1; for the winner itself 0."""


def sureness(
    standings: Mapping[int, Standing], winner: int, images: int, at_most: int | None = None
) -> dict[int, Sureness]:
    """How sure the finalists' means are, by trial number, the winner among them.

    A mean varies with the seeds of its runs and with the images that were validated on. The first is the variance
    between runs of a finalist, pooled over all, divided by the runs; where none has two runs it is taken to be as
    large as the second, that of a share seen in so many images. Where each run has a split of its own, the variance
    between runs holds both, and is taken to be no smaller than the images alone make it; since their training images
    overlap it is not divided by the runs, but multiplied by 1 / runs + images validated on / images trained on (Nadeau
    & Bengio 2003, the corrected resampled variance). All are seen on the same images, so that differences vary less
    than is reckoned here: the chances are too high rather than too low.

    Args:
        standings: of the finalists, by trial number.
        winner: number of the one that won.
        images: how many validation images a run has, at least 1.
        at_most: how many images the runs of a finalist validate on together, at most, where each has others: those of
            training and validation; None where all have the same.

    >>> from .ranking import Standing
    >>> found = sureness({4: Standing((0.91, 0.92)), 7: Standing((0.90, 0.91))}, 4, 2500)
    >>> {number: (round(each.reach, 4), round(each.chance, 2)) for number, each in found.items()}
    {4: (0.0147, 0.0), 7: (0.0151, 0.18)}
    """
    runs = [standing.accuracies for standing in standings.values()]
    squares = sum((accuracy - sum(of) / len(of)) ** 2 for of in runs for accuracy in of)
    freedom = sum(len(of) - 1 for of in runs)

    def variance(standing: Standing) -> float:
        count, of_one = len(standing.accuracies), standing.mean * (1 - standing.mean)
        by_images = of_one / images
        by_seeds = squares / freedom if freedom else by_images
        if at_most is None or count == 1:
            return by_seeds / count + by_images
        shared = images / (at_most - images)  # runs learn from nearly the same images, so they err alike
        return max(max(by_seeds, by_images) * (1 / count + shared), of_one / at_most)

    best = standings[winner]
    found: dict[int, Sureness] = {}
    for number, standing in standings.items():
        apart = math.sqrt(variance(best) + variance(standing)) or 1e-12
        chance = 0.0 if number == winner else NormalDist(best.mean, apart).cdf(standing.mean)
        found[number] = Sureness(standing.mean, Z95 * math.sqrt(variance(standing)), chance)
    return found


def reach_of_share(share: float, images: int) -> float:
    """Half the width of the 95 % confidence interval of a share that was seen in so many images (Wilson 1927).

    Args:
        share: of the images, 0 to 1, such as a validation accuracy.
        images: how many there were; the reach is 0 where that is not known, at 0.

    >>> [round(reach_of_share(share, 300), 4) for share in (0.5, 0.95, 1.0)]
    [0.0562, 0.0252, 0.0063]
    """
    if images < 1:
        return 0.0
    low, high = wilson_interval(share * images, images)
    return (high - low) / 2
