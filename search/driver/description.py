"""What MLflow shows first of a sweep: in words what was asked, and the images it learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import asked_in_words
from ..sweep import folder_option
from ..tracking import TrackedDataset

if TYPE_CHECKING:
    from ...trainers.data import Dataset, Part
    from ..config import SweepConfig


def description(config: SweepConfig, dataset: Dataset) -> str:
    """What was asked of a sweep and what to type, as Markdown for the description of its run in MLflow.

    Args:
        config: the sweep file.
        dataset: the images.
    """
    shape, option = "x".join(map(str, dataset.input)), folder_option(config)
    data = (
        f"{len(dataset.train):,} images to train on, {len(dataset.validation):,} to validate on, "
        f"{len(dataset.test):,} to test on; {shape}, {len(dataset.classes)} classes"
    )
    rows = {"data": f"{_name(config, dataset)}: {data}", **asked_in_words(config)}
    lines = [f"**{config.name}**: a search for a convolutional network", ""]
    lines += [f"- {key}: {value}" for key, value in rows.items() if value]
    commands = {"compare": "the trials, best first", "resume": "go on after an interruption"}
    lines += ["", *(f"- `convscape {key} {config.name}{option}`: {what}" for key, what in commands.items())]
    export = f"convscape export {config.name}{option} --to exported/{config.name}"
    return "\n".join([*lines, f"- `{export}`: the winner as files"])


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


def _name(config: SweepConfig, dataset: Dataset) -> str:
    """The data set's name; of a folder of images the folder's."""
    root = config.data.root
    return root.name if dataset.name == "folder" and root is not None else dataset.name


def _counts(dataset: Dataset, part: Part) -> dict[str, int]:
    counts = np.bincount(part.labels, minlength=len(dataset.classes))
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}
