"""Folders of images that lie in object storage: the folder of this machine to which each is brought."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...spaces import ConfigError
from .buckets import bucket_url, name_for
from .state import cache_folder

if TYPE_CHECKING:
    import os

KEY = "data.root"
_urls: dict[Path, str] = {}
"""The URL of each folder that this process has asked for: what it is called does not tell."""


def images_copy(url: str) -> Path:
    """The folder to which this machine brings images, among what a user's programs can have again.

    It is called as the last part of the URL. Nothing is made there.

    Args:
        url: of the images, as `bucket_url` gives it.

    Raises:
        ConfigError: the user has no home.
    """
    try:
        cache = cache_folder()
    except RuntimeError:
        raise ConfigError(
            f"{KEY}: there is no folder for what {url} holds: this user has no home",
            "Name a folder for it in the variable XDG_CACHE_HOME.",
            key=KEY,
        ) from None
    folder = (cache / "images" / name_for(url)).resolve() / url.rpartition("/")[2]
    _urls[folder] = url
    return folder


def is_copy(folder: Path, url: str) -> bool:
    """Whether a folder is one to which some machine brings what lies at that URL, and nothing else lies there."""
    return folder.parts[-4:] == ("convscape", "images", name_for(url), url.rpartition("/")[2])


def images_here(folder: str | os.PathLike[str]) -> Path:
    """A folder of images as this machine has it: the one that a URL's are brought to, or the folder itself.

    Raises:
        ConfigError: a URL that cannot be a folder of images.
    """
    url = bucket_url(folder, KEY)
    if url and url.startswith("file://"):
        return Path(unquote(url.removeprefix("file://")))
    return images_copy(url) if url else Path(folder)


def images_url(folder: Path) -> str | None:
    """The URL of what a folder is the copy of; None where `images_copy` did not give it to this process."""
    return _urls.get(folder)
