"""An inspection in a folder of its own, which stands there whole or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ...spaces import ExportError
from .inspection import inspect_network
from .manifest import refuse_foreign

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
    to = to.parent.resolve() / to.name
    refuse_foreign(to)
    temporary = to.parent / f".{to.name}-{os.getpid()}"
    try:
        temporary.mkdir(parents=True)
        inspection = inspect_network(classifier, sample, temporary, name=name, seed=seed)
        _put_in_place(temporary, to)
    except OSError as error:
        raise ExportError(
            f"{to} cannot be written: {error.strerror}", "Name another folder, or make room for it."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return replace(inspection, folder=to)


def _put_in_place(temporary: Path, folder: Path) -> None:
    """Renames a folder with a whole inspection; one that stood there goes once the new one is in place.

    Raises:
        ExportError: what stood there was changed meanwhile; it stays.
    """
    if not folder.exists():
        temporary.rename(folder)
        return
    old = folder.parent / f".{folder.name}-{os.getpid()}-old"
    folder.rename(old)
    try:
        refuse_foreign(old)
        temporary.rename(folder)
    except (ExportError, OSError):
        old.rename(folder)
        refuse_foreign(folder)  # as before, by the name that people know
        raise
    shutil.rmtree(old)
