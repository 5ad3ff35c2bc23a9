"""What MLflow shows first of a sweep: in words what was asked, and the images it learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...trainers.export import code, plain
from ..config import asked_in_words
from ..files import INPUTS, read_sealed
from ..sweep import folder_option
from ..tracking import TrackedDataset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...trainers.data import Dataset, Part
    from ..config import SweepConfig
    from ..sweep import Sweep


def description(config: SweepConfig, dataset: Dataset) -> str:
    """What was asked of a sweep and what to type, as Markdown for the description of its run in MLflow.

    Args:
        config: the sweep file.
        dataset: the images.
    """
    option = folder_option(config)
    images = {"train": len(dataset.train), "validation": len(dataset.validation), "test": len(dataset.test)}
    data = f"{_name(config, dataset)}: {_images(images, dataset.input, len(dataset.classes))}"
    commands = {"compare": "the trials, best first", "resume": "go on after an interruption"}
    shown = [f"- {code(f'convscape {key} {config.name}{option}')}: {what}" for key, what in commands.items()]
    export = f"convscape export {config.name}{option} --to exported/{config.name}"
    heading = f"**{plain(config.name)}**: a search for a convolutional network"
    if config.question:
        heading = f"**{plain(config.name)}**: the design question {plain(config.question.ask)}"
    lines = [heading, "", *asked_rows(config, data), "", *shown]
    return "\n".join([*lines, f"- {code(export)}: the winner as files"])


def asked_rows(config: SweepConfig, data: str) -> list[str]:
    """What was asked of a sweep, as rows of Markdown: its images, search, time, budget and space.

    Args:
        config: the sweep file.
        data: the images in words; "" for no such row.
    """
    rows = {"data": data, **asked_in_words(config)}
    return [f"- {key}: {plain(value)}" for key, value in rows.items() if value]


def images_in_words(sweep: Sweep, shape: tuple[int, ...]) -> str:
    """The images that a sweep on disk learns from: their name, how many to train, validate and test on, and classes.

    Gives their name alone where nothing says more, as in an early sweep.

    Args:
        sweep: the sweep.
        shape: (C, H, W) of an image; () where it is not known.
    """
    root = sweep.config.data.root
    name = root.name if sweep.config.data.name == "folder" and root is not None else sweep.config.data.name
    try:
        told = read_sealed(sweep.folder / INPUTS)
        images = {part: int(count) for part, count in told["images"].items()}
        return f"{name}: {_images(images, shape, len(told['classes']))}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return name


def datasets(config: SweepConfig, dataset: Dataset) -> list[TrackedDataset]:
    """The parts that are trained and validated on, as datasets of the sweep's run in MLflow.

    Args:
        config: the sweep file, which names the source.
        dataset: the images.
    """
    root, name = config.data.root, _name(config, dataset)
    source: dict[str, Any] = (
        {"tags": {"mlflow.source.name": dataset.name}} if root is None else {"uri": config.data.url or str(root)}
    )
    return [
        TrackedDataset(
            name=f"{name} ({context})",
            digest=dataset.fingerprint,
            context=context,
            source_type="code" if root is None else _source_type(config.data.url),
            source=source,
            profile={"images": len(part), "shape": list(dataset.input), "classes": _counts(dataset, part)},
        )
        for context, part in {"training": dataset.train, "validation": dataset.validation}.items()
    ]


def _source_type(url: str | None) -> str:
    """What MLflow calls where images come from: a folder, or such a URL."""
    scheme = (url or "").partition("://")[0]
    return {"": "local", "s3": "s3", "gs": "gs", "gcs": "gs"}.get(scheme, "abfss")


def _images(images: Mapping[str, int], shape: tuple[int, ...], classes: int) -> str:
    """How many images there are, by part, and what each is."""
    parts = {"train": "images to train on", "validation": "to validate on", "test": "to test on"}
    counts = ", ".join(f"{images[part]:,} {what}" for part, what in parts.items() if part in images)
    size = f"{'x'.join(map(str, shape))}, " if shape else ""
    return f"{counts}; {size}{classes} classes"


def _name(config: SweepConfig, dataset: Dataset) -> str:
    """The data set's name; of a folder of images the folder's."""
    root = config.data.root
    return root.name if dataset.name == "folder" and root is not None else dataset.name


def _counts(dataset: Dataset, part: Part) -> dict[str, int]:
    counts = np.bincount(part.labels, minlength=len(dataset.classes))
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}
