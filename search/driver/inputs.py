"""What a sweep learns from besides its file: the images and weights it began with, so that a resume has equal ones."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from ..files import INPUTS, TRIALS, read_sealed, write_sealed
from .changes import MAY_CHANGE

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..config import SweepConfig

_log = logging.getLogger(__name__)


def check_inputs(config: SweepConfig, dataset: Dataset) -> None:
    """Compares settings, images and weights with those the sweep began with; a sweep that begins now writes them down.

    They are kept in the sweep's folder as inputs.json. Weights of torchvision are downloaded, if need be, before
    anything trains.

    Args:
        config: the sweep's config.
        dataset: the images as they are now.

    Raises:
        SweepError: settings, images or weights are not those the sweep began with, or inputs.json is damaged.
        DataError: weights cannot be read or fetched.
    """
    from ...trainers import weights_digest  # torch comes with it

    found = {
        "settings": _settings(config),
        "data": dataset.fingerprint,
        "images": {
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": len(dataset.test),
            "folds": config.search.cross_validate and dataset.splits_again,
        },
        "classes": list(dataset.classes),
        "weights": {source: weights_digest(source) for source in config.recipe_space().weights},
    }
    file = config.sweep_folder / INPUTS
    began = check_settings(config)
    if began is None:
        if (config.sweep_folder / TRIALS).exists():
            _log.warning(
                "%s is gone: that settings, images and weights are those this sweep began with could not be checked. "
                "It is made anew of those of today.",
                file,
            )
        write_sealed(file, found)
        return
    data, weights = began["data"], began["weights"]
    if data != found["data"]:
        raise SweepError(
            f"data: the images are not those this sweep began with: their fingerprint was {data} and is "
            f"{found['data']}",
            "Bring the former images back, then resume; for the new ones launch a sweep of another `name`.",
        )
    for source, digest in found["weights"].items():
        if digest != weights.get(source):
            raise SweepError(
                f"recipe.weights: {source} is not what this sweep began with",
                "Bring the former file back, then resume; for the new one launch a sweep of another `name`.",
            )


def check_settings(config: SweepConfig) -> dict[str, Any] | None:
    """Compares a sweep's settings with those it began with, for which no images are read.

    Args:
        config: the sweep's config.

    Returns:
        What the sweep began with, by the keys of inputs.json; None where that is not there.

    Raises:
        SweepError: settings are not those it began with, or inputs.json is damaged.
    """
    file = config.sweep_folder / INPUTS
    try:
        began = read_sealed(file)
        settings, _, _ = dict(began["settings"]), began["data"], dict(began["weights"])
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError):
        raise SweepError(
            f"{file} is not what Convscape wrote",
            "It was changed from outside: restore it from a copy, or delete it if images and weights are as they were.",
        ) from None
    current = _settings(config)
    for key, value in settings.items():
        if (now := current.get(key)) != value:
            raise SweepError(
                f"config.json: {key} is {now!r:.80} and was {value!r:.80} when this sweep began",
                "Set it back, then resume; for another launch a sweep of another `name`.",
            )
    return began


def _settings(config: SweepConfig) -> dict[str, Any]:
    """What a resume must find unchanged in the config, by its keys; as JSON gives it back."""
    values = json.loads(json.dumps(config.to_json()))
    sections = ("data", "space", "recipe", "search", "budget")
    settings = {f"{section}.{key}": value for section in sections for key, value in values[section].items()}
    return {key: value for key, value in settings.items() if key not in MAY_CHANGE}
