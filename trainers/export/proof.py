"""What proof.json says of an exported network: all figures of the model card, and more, for programs."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import torch

from .agreement import TOLERANCE

if TYPE_CHECKING:
    from ..measuring import Evaluation
    from .measured import Figures
    from .model_card import About
    from .trained import Trained


def proof(name: str, trained: Trained, figures: Figures, about: About, details: dict[str, Any]) -> dict[str, Any]:
    """What proof.json says, but for the hashes of the files.

    Args:
        name: of the network, for people.
        trained: the network that is handed over, and its data.
        figures: what was found of it.
        about: what the search knows of it.
        details: of where it comes from, values for JSON.
    """
    dataset, measured = trained.dataset, figures.measured
    return {
        "name": name,
        "architecture": trained.architecture.digest,
        "parameters": sum(weight.numel() for weight in trained.network.parameters()),
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "normalisation": {"mean": list(dataset.mean), "std": list(dataset.std)},
        "resize": dataset.resize,
        "trained": trained.training,
        "classes": list(dataset.classes),
        "test": {**_without_file_names(measured.test), "looks": figures.looks},
        "confusion_matrix": measured.confusion.tolist(),
        "calibration": measured.to_json(),
        "accuracies": {"validation": list(about.accuracies), "test": [measured.test.accuracy, *about.others]},
        "agreement": {
            "tolerance": TOLERANCE,
            "forms": {form: each.to_json() for form, each in figures.agreements.items()},
            "left_out": figures.left_out,
        },
        "fully_convolutional": _converted(figures),
        "speed": figures.speed.to_json(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "details": details,
    }


def _converted(figures: Figures) -> dict[str, Any] | None:
    """Of which network it is the fully convolutional form, and how it does on larger images; None where of none."""
    if figures.converted_from is None:
        return None
    return {"of": figures.converted_from, "larger": figures.larger.to_json() if figures.larger else None}


def _without_file_names(test: Evaluation) -> dict[str, Any]:
    """How the network did, as values for JSON, in which an image is its number alone.

    An export is made to be handed on, and the name of a file can say who is in the picture.
    """
    told = test.to_json()
    for mistake in told["mistakes"]:
        del mistake["image"]
    return told
