"""The images a sweep learns from, as MLflow shows them: a dataset of the run, with name, digest, source and counts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow.entities import DatasetInput

_NAME, _DIGEST = 500, 36  # letters that MLflow takes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedDataset:
    """One part of the images, as a dataset of the sweep's own run in MLflow."""

    name: str
    """Unlike that of the other part, since MLflow takes datasets of one name and digest for the same."""
    digest: str
    """The fingerprint of all the images."""
    context: str
    """What it is for: "training" or "validation"."""
    source_type: str
    """A kind of source that MLflow knows: "local", "code", or that of a URL, such as "s3"."""
    source: Mapping[str, Any]
    """Where it comes from, as MLflow's source of that kind says it."""
    profile: Mapping[str, Any]
    """Numbers about it."""

    def to_json(self) -> dict[str, str]:
        """As texts, by field name."""
        plain = asdict(self)
        return plain | {key: json.dumps(plain[key], ensure_ascii=False) for key in ("source", "profile")}


FIELDS = frozenset(TrackedDataset.__dataclass_fields__)
"""Keys of a dataset as `to_json` gives it."""


def dataset_inputs(datasets: Iterable[Mapping[str, str]]) -> list[DatasetInput]:
    """Datasets as MLflow takes them.

    Args:
        datasets: as `TrackedDataset.to_json` gives them.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return [
        DatasetInput(
            Dataset(
                name=each["name"][:_NAME],
                digest=each["digest"][:_DIGEST],
                source_type=each["source_type"],
                source=each["source"],
                profile=each["profile"],
            ),
            [InputTag("mlflow.data.context", each["context"])],
        )
        for each in datasets
    ]
