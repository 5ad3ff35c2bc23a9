"""What the layers of a network answer to images: activation maps of each stage, and which filters are dead."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from . import canvas
from .places import called, some_of, spread, stage_ends
from .result import Drawing, Drawn, Omission, one_or_many
from .subject import watched

if TYPE_CHECKING:
    from torch import Tensor

    from ...spaces import Step
    from ..predicting import Classifier
    from .observation import Observation
    from .sample import Sample

MOST_STAGES = 6
"""Stages whose maps are drawn, at most."""
IMAGES, MAPS, DEAD_SHOWN = 4, 12, 2
"""Images whose maps are drawn, maps of each, and dead filters among them, at most."""
MOST_BARS = 30
"""Nonlinearities in the chart of dead filters, at most."""


def draw_maps(classifier: Classifier, sample: Sample, observation: Observation) -> list[Drawn]:
    """Activation maps of each stage, a picture for each, for a few images of different classes.

    Args:
        classifier: an `observable` one.
        sample: the images.
        observation: what the network made of them.
    """
    chosen = different(sample, IMAGES)
    images = torch.tensor(sample.pixels[chosen])
    drawn_stages = some_of(stage_ends(classifier.architecture), MOST_STAGES)
    if not drawn_stages:
        return [Omission("Activation maps", "This network has no maps behind its first weights.")]
    outputs: dict[str, Tensor] = {}
    watchers = {step.path: partial(outputs.__setitem__, step.path) for _, step in drawn_stages}
    with torch.inference_mode(), watched(classifier.network, watchers):
        for start in range(0, len(images), classifier.at_a_time):
            parts = {path: outputs.pop(path) for path in [*outputs]}
            classifier.probabilities(images[start : start + classifier.at_a_time])
            outputs.update({path: torch.cat([part, outputs[path]]) for path, part in parts.items()})
    shown = canvas.as_colour(images.float() / 255)
    labels = [sample.label(at, classifier.classes) for at in chosen]
    return [
        _maps(step, outputs[step.path], observation.dead.get(step.path), shown, labels, name, number)
        for number, (name, step) in enumerate(drawn_stages, 1)
    ]


def different(sample: Sample, most: int) -> list[int]:
    """Numbers of up to `most` images of a sample, spread over its classes: none comes twice before all came once."""
    if sample.labels is None:
        return spread(len(sample), most)
    first: dict[int, int] = {}
    for at, label in enumerate(sample.labels.tolist()):
        first.setdefault(label, at)
    chosen = [first[label] for label in sorted(first)]
    others = [at for at in range(len(sample)) if at not in set(chosen)]
    chosen = [chosen[at] for at in spread(len(chosen), most)]
    return [*chosen, *others[: most - len(chosen)]]


def _maps(
    step: Step, maps: Tensor, dead: Tensor | None, images: Tensor, labels: list[str], stage: str, number: int
) -> Drawing:
    filters = _filters(maps.shape[1], dead)
    # Each map by what is most and least in it over the images drawn: one that is constant stays dark.
    low, high = maps.amin((0, 2, 3)), maps.amax((0, 2, 3))
    scaled = (maps - low.view(1, -1, 1, 1)) / (high - low).clamp(min=1e-12).view(1, -1, 1, 1)
    size = max(canvas.TILE, images.shape[2])
    size = min(size, 96)
    tiles = []
    height, width = canvas.enlarged(images, size).shape[2:]
    for image, answers in zip(images, scaled[:, filters], strict=True):
        coloured = torch.nn.functional.interpolate(canvas.heat(answers, "magma"), (height, width), mode="nearest")
        tiles += [canvas.enlarged(image.unsqueeze(0), size), coloured]
    is_dead = set(() if dead is None else torch.nonzero(dead).flatten().tolist())
    silent = float((maps == 0).float().mean())
    return Drawing(
        file=f"activations-{number}.png",
        title=f"Activation maps, {stage}: {called(step)}",
        shows="A row for each image, a column for each filter: bright is where the filter answers most, by its own "
        f"scale over these images. {len(filters)} of {one_or_many(maps.shape[1], 'filter')} are drawn.",
        alarming="A column that is dark for all images: the filter is dead, often for a learning rate that was too "
        "high. Healthy maps are sparse, and local the more the deeper the stage.",
        found=f"{silent:.0%} of the activations of these images are zero."
        + (_gone(len(is_dead), maps.shape[1]) if dead is not None else ""),
        png=canvas.grid(
            torch.cat(tiles),
            1 + len(filters),
            rows=labels,
            heads=["image", *(f"#{at}{' dead' * (at in is_dead)}" for at in filters)],
        ),
    )


def _gone(dead: int, of: int) -> str:
    return f" {dead:,} of {one_or_many(of, 'filter')} {'is' if dead == 1 else 'are'} dead over the whole sample."


def _filters(count: int, dead: Tensor | None) -> list[int]:
    """Which filters are drawn: spread over all, with a few of the dead where there are any."""
    gone = [] if dead is None else torch.nonzero(dead).flatten().tolist()[:DEAD_SHOWN]
    others = [at for at in range(count) if at not in gone]
    return sorted([*gone, *(others[at] for at in spread(len(others), MAPS - len(gone)))])


def draw_dead(observation: Observation, images: int) -> list[Drawn]:
    """The share of dead filters, and of zeros, of each nonlinearity, as a chart.

    Args:
        observation: what the network made of the sample.
        images: how many were looked at.
    """
    if not observation.activities:
        return [Omission("Dead filters", "This network has no nonlinearity.")]
    shown = [observation.activities[at] for at in spread(len(observation.activities), MOST_BARS)]
    counts = [(int(each.dead.sum()), len(each.dead)) for each in observation.activities]
    dead, every = (sum(each) for each in zip(*counts, strict=True))
    worst, (most, of) = max(zip(observation.activities, counts, strict=True), key=lambda each: each[1][0] / each[1][1])
    where = f", most in {called(worst.step)}: {most:,} of {of:,}" if most and len(counts) > 1 else ""
    return [
        Drawing(
            file="dead-filters.png",
            title="Dead filters",
            shows="For each nonlinearity the share of its filters, or units, that give the same value everywhere in "
            f"all images, and the share of all activations that are zero; over {one_or_many(images, 'image')}.",
            alarming="More than a few dead filters: they cost as much as others and say nothing. Often the learning "
            "rate was too high, or the layer is wider than it needs to be.",
            found=f"{dead:,} of {one_or_many(every, 'filter')} {'is' if dead == 1 else 'are'} dead{where}.",
            png=canvas.bars(
                [called(each.step) for each in shown],
                [
                    ("dead filters", [float(each.dead.float().mean()) for each in shown]),
                    ("activations that are zero", [each.zeros for each in shown]),
                ],
            ),
        )
    ]
