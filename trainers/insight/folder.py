"""An inspection in a folder of its own, which stands there whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .inspection import inspect_network
from .manifest import INSPECTION

if TYPE_CHECKING:
    from pathlib import Path

    from ..predicting import Classifier
    from .inspection import Inspection
    from .sample import Sample


def inspect_to(classifier: Classifier, sample: Sample | None, to: Path, *, name: str, seed: int = 0) -> Inspection:
    """Looks into a network, as `inspect_network` does; nothing stands at `to` until that has succeeded.

    An earlier inspection there is replaced; anything else is left alone.

    Args:
        classifier: the network with its classes, and how its images are prepared.
        sample: images to look at it with; None for what needs none.
        to: where the page and its pictures go.
        name: of the network, for people.
        seed: of gradient ascent, of clusters and of the map.

    Raises:
        DataError: the sample's images have another shape than the network's input, or its labels are no classes.
        ExportError: `to` is in use or cannot be written.
    """
    with INSPECTION.written(to) as temporary:
        inspection = inspect_network(classifier, sample, temporary, name=name, seed=seed)
    return replace(inspection, folder=to.parent.resolve() / to.name)
