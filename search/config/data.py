"""Loads the images that a sweep file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces import ConfigError, DataError
from ...trainers.data import data_set_called
from ..bucket import bring_images
from .trust import refuse_untrusted

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from .schema import SweepConfig


def bring_data(config: SweepConfig, *, anew: bool) -> None:
    """Brings the images of a sweep file to this machine where they lie in object storage.

    Args:
        config: the sweep file.
        anew: whether the storage is asked what lies there now, although all that did is here.

    Raises:
        ConfigError: sweeps would be kept among the images.
        SweepError: object storage does not answer, or this machine has no room for what is there.
    """
    url = config.data.url
    if not url or data_set_called(config.data.name) == "digits":
        return
    if config.url and f"{config.url}/".startswith(f"{url}/"):
        raise ConfigError(
            f"folder: sweeps would be kept in {config.url}, among the images of {url}",
            "Keep them in another folder.",
            key="folder",
        )
    bring_images(url, anew=anew)


def load_data(config: SweepConfig, *, anew: bool = False) -> Dataset:
    """The images that a sweep file's `data` section names, split by the sweep's seed to train, validate and test.

    Those in object storage are brought to this machine first.

    Args:
        config: the sweep file.
        anew: whether object storage is asked what lies there now, although all that did is here, as where a sweep
            begins.

    Raises:
        ConfigError: a function is named that reads them, and nobody said that it may run.
        DataError: images are missing, damaged or too few.
        SweepError: object storage does not answer, or this machine has no room for what is there.
    """
    from ...trainers.data import load_dataset

    refuse_untrusted(config.named_code, "data.name", config.trust, config.mistrust)
    data = config.data
    bring_data(config, anew=anew)
    try:
        return load_dataset(
            data.name,
            data.root,
            train=data.train,
            validation=data.validation,
            seed=config.search.seed,
            size=data.size,
            resize=data.resize,
            code=config.code or (),
            memory=data.memory,
        )
    except DataError as error:
        if not data.url:
            raise
        message, remedy = (text.replace(str(data.root), data.url) for text in (error.message, error.remedy))
        raise DataError(message, f"{remedy} Mend it there, and launch again: what is here is a copy.") from None
