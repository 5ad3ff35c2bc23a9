"""Which images an option names: a folder of pictures, or a data set that is known by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spaces import ConfigError
from .options import typed_path

if TYPE_CHECKING:
    from pathlib import Path


def images_named(option: str, said: str, root: Path | None) -> Path | str:
    """The folder, or the name of the data set, that an option means.

    Args:
        option: as it is typed, for errors.
        said: its value.
        root: what --root says, the folder in which a data set's files are.

    Raises:
        ConfigError: it is neither a folder nor a data set, or both; or a folder with --root.
    """
    from ..trainers.data import DATA_SETS, data_set_called

    place, known = typed_path(said), data_set_called(said)
    if place.is_dir():
        if known:
            raise ConfigError(f"{option} {said}: is a data set and a folder here", f"For the folder say ./{said}.")
        if root is not None:
            raise ConfigError(f"--root: {said} is a folder of images itself", "Leave --root out.")
        return place
    if not known:
        raise ConfigError(
            f"{option} {said}: there is no such folder, and no data set of that name",
            f"Name a folder of pictures, or one of {', '.join(DATA_SETS[:-1])}.",
        )
    return known
