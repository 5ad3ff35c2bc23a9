"""Looks into a trained network, and writes what is seen as a page with its pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from ...spaces import to_notation
from .activation_maximization import draw_classes, draw_filters_by_ascent
from .activations import draw_dead, draw_maps
from .clusters import draw_clusters
from .filters import draw_filters
from .manifest import INSPECTION, MANIFEST
from .mistakes import draw_mistakes
from .neighbours import draw_neighbours
from .observation import observable_images, observe
from .page import PAGE, page
from .result import Drawing, Drawn, Omission
from .saliency_drawing import draw_saliency
from .subject import observable, suited_threads
from .top_activations import draw_top_activations

if TYPE_CHECKING:
    from pathlib import Path

    from ..predicting import Classifier
    from .sample import Sample

NO_IMAGES = "There were no images to look at. Name some: `--images FOLDER`, or a data set's name."


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was seen inside a network, and the files that show it."""

    name: str
    """Of the network, for people."""
    folder: Path
    images: str
    """What was looked at, such as "1,000 of 2,400 validation images"; "" where there were none."""
    note: str
    """What is to be kept in mind of the images; "" for nothing."""
    drawings: tuple[Drawing, ...]
    omissions: tuple[Omission, ...]
    """What could not be drawn, and why."""
    skipped: tuple[str, ...] = field(default=(), repr=False)
    """Pictures that could not be read, each with the reason."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files in `folder`: the page, the pictures, and inspection.json."""
        return (PAGE, *(each.file for each in self.drawings), MANIFEST)

    def to_json(self) -> dict[str, Any]:
        """All of it but the pictures themselves, as values for JSON."""
        return {
            "name": self.name,
            "images": self.images,
            "note": self.note,
            "pictures": [
                {key: getattr(each, key) for key in ("file", "title", "shows", "alarming", "found")}
                for each in self.drawings
            ],
            "omitted": [{"title": each.title, "why": each.why} for each in self.omissions],
            "skipped": list(self.skipped),
        }


def inspect_network(
    classifier: Classifier, sample: Sample | None, folder: Path, *, name: str, seed: int = 0
) -> Inspection:
    """Looks into a network and writes index.html, its pictures as PNG, and inspection.json into a folder.

    The network, its gradients and torch's global random state are left as they are, and equal arguments give equal
    files. What cannot be drawn of a network is left out, with a sentence that says why. Of a sample only so many images
    are looked at as time and memory allow.

    Args:
        classifier: the network with its classes, and how its images are prepared.
        sample: images to look at it with; None for what needs none, filters and gradient ascent.
        folder: an empty folder.
        name: of the network, for people.
        seed: of gradient ascent, of clusters and of the map.

    Raises:
        DataError: the sample's images have another shape than the network's input, or its labels are no classes.
        OSError: the folder cannot be written.
    """
    watched = observable(classifier)
    if sample is not None:
        sample.check(classifier)
        sample = sample.at_most(observable_images(watched, len(sample)))
    with suited_threads(watched):
        drawn = _not_finite(watched) or _drawn(watched, sample, seed)
    inspection = Inspection(
        name=name,
        folder=folder,
        images=sample.described if sample else "",
        note=sample.note if sample else "",
        drawings=tuple(each for each in drawn if isinstance(each, Drawing)),
        omissions=tuple(each for each in drawn if isinstance(each, Omission)),
        skipped=sample.skipped if sample else (),
    )
    for drawing in inspection.drawings:
        (folder / drawing.file).write_bytes(drawing.png)
    text = page(inspection.to_json(), to_notation(classifier.architecture), inspection.drawings)
    (folder / PAGE).write_text(text, encoding="utf-8")
    told = {"architecture": classifier.architecture.digest, **inspection.to_json()}
    INSPECTION.write_manifest(folder, told, [file for file in inspection.files if file != MANIFEST])
    return inspection


def _not_finite(classifier: Classifier) -> list[Drawn]:
    """That a network cannot be looked into whose weights are no numbers; nothing where they are."""
    broken = [name for name, value in classifier.network.state_dict().items() if not bool(value.isfinite().all())]
    return [Omission("All pictures", f"The network's {broken[0]} holds values that are no numbers.")] if broken else []


def _drawn(classifier: Classifier, sample: Sample | None, seed: int) -> list[Drawn]:
    if sample is None:
        return [
            *draw_filters(classifier),
            *draw_filters_by_ascent(classifier, None, seed),
            *draw_classes(classifier, seed),
            Omission("Activations, saliency, neighbours and mistakes", NO_IMAGES),
        ]
    observation = observe(classifier, sample)
    if not bool(torch.isfinite(observation.probabilities).all()):
        why = "The network gives some of these images scores that are no numbers."
        return [*draw_filters(classifier), Omission("All that images show", why)]
    return [
        *draw_filters(classifier),
        *draw_maps(classifier, sample, observation),
        *draw_dead(observation, len(sample)),
        *draw_top_activations(sample, observation, classifier.mean),
        *draw_saliency(classifier, sample, observation),
        *draw_filters_by_ascent(classifier, observation, seed),
        *draw_classes(classifier, seed),
        *draw_neighbours(sample, observation, classifier.classes),
        *draw_clusters(sample, observation, classifier.classes, seed),
        *draw_mistakes(sample, observation, classifier.classes),
    ]
