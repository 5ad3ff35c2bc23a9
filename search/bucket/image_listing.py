"""What images lie below a URL in object storage. What a listing says is trusted for nothing but its own objects."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from .store import MOST_OBJECTS, file_system, storage_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = "data.root"
RIGHTS = "list and read"
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
"""What file systems of fsspec's call the time at which an object was written."""
_SAME_TIME = 1e-3
"""Seconds: file systems keep times as integers, of nanoseconds at best."""
_LATEST = 2.0**36
"""Bound on such a time, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class ImageObject:
    """An object with an image, or with many."""

    key: str
    size: int
    """Bytes."""
    written: float
    """When, in seconds since 1970; 0 where that is not told."""

    def is_at(self, path: Path) -> bool:
        """Whether a file here is what the object is, by its size and time."""
        try:
            here = path.lstat()
        except OSError:
            return False
        return here.st_size == self.size and abs(here.st_mtime - self.written) < _SAME_TIME


def images_there(url: str) -> tuple[int, int]:
    """How many objects there are below a URL, and how many bytes they come to.

    Args:
        url: of the images, as `files.bucket_url` gives it.

    Raises:
        SweepError: the storage does not answer, or there is nothing.
    """
    objects = image_objects(url, *file_system(url, KEY))
    return len(objects), size_of(objects)


def image_objects(url: str, system: Any, root: str) -> dict[str, ImageObject]:
    """What lies below a URL, by the names of files below a folder.

    Args:
        url: of the images.
        system: the file system of fsspec's that it names.
        root: the path in it.

    Raises:
        SweepError: the storage does not answer, there is nothing or a file, or a name that can be no file below it.
    """
    try:
        listed: Mapping[str, Mapping[str, Any]] = system.find(root, detail=True)
    except Exception as error:  # noqa: BLE001 - a library of the user's choice raises anything
        raise storage_error(url, error, RIGHTS) from None
    if len(listed) > MOST_OBJECTS:
        raise SweepError(f"{KEY}: {url} holds more than {MOST_OBJECTS:,} objects", "Put the images into archives.")
    found: dict[str, ImageObject] = {}
    for key, about in listed.items():
        if about.get("type") != "file" or key.endswith("/"):
            continue  # a console's mark of a folder
        if key == root:
            raise SweepError(
                f"{KEY}: {url} is a file", "Name the folder that holds the images; copy a sweep file here first."
            )
        name = key.removeprefix(f"{root}/")
        if not key.startswith(f"{root}/") or not _is_name(name):
            raise SweepError(
                f"{KEY}: {url} holds {key!r:.200}, which can be no file below it", "Nothing was brought. Rename it."
            )
        try:
            found[name] = ImageObject(key, int(about.get("size") or 0), _written(about))
        except (ValueError, TypeError, OverflowError):
            raise SweepError(f"{KEY}: what {url} says of {key!r:.200} cannot be read", "Look there.") from None
    if not found:
        raise SweepError(f"{KEY}: there is nothing below {url}", "Write the folder that holds the images.")
    return found


def _is_name(name: str) -> bool:
    """Whether a file called so lies below the folder that it is written into, on any machine."""
    parts = name.split("/")
    odd = any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    return not odd and "\\" not in name and not {"", ".", ".."} & set(parts)


def _written(about: Mapping[str, Any]) -> float:
    for key in _TIMES:
        at = about.get(key)
        if isinstance(at, str):
            at = datetime.fromisoformat(at)
        if isinstance(at, datetime):
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        if isinstance(at, int | float):
            if not 0 <= at <= _LATEST:
                raise ValueError("a time that none can be")
            return float(at)
    return 0.0


def digest_of(objects: Mapping[str, ImageObject]) -> str:
    """SHA-256 of names, sizes and times."""
    found = hashlib.sha256()
    for name, each in sorted(objects.items()):
        found.update(f"{name}\0{each.size}\0{each.written}\n".encode())
    return found.hexdigest()


def size_of(objects: Mapping[str, ImageObject]) -> int:
    """Bytes of them all."""
    return sum(each.size for each in objects.values())
