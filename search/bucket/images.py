"""Brings images from object storage to this machine: what is here and has not changed stays, as with rsync."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from ..files import tell_once
from .bringing import AT_A_TIME, one_at_a_time
from .store import MOST_OBJECTS, file_system, storage_error

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "data.root"
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
"""What file systems of fsspec's call the time at which an object was written."""
_SAME_TIME = 1e-3
"""Seconds: file systems keep times as integers, of nanoseconds at best."""


@dataclass(frozen=True, slots=True)
class _Object:
    """An object with an image, or with many."""

    key: str
    size: int
    """Bytes."""
    written: float
    """When, in seconds since 1970; 0 where that is not told."""

    def is_at(self, path: Path) -> bool:
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
    objects = _objects(url, *file_system(url, KEY))
    return len(objects), sum(each.size for each in objects.values())


def bring_images(url: str, folder: Path) -> None:
    """Has a folder of this machine hold what lies below a URL, and nothing else.

    What was brought before is not brought again while its size and the time at which it was written are the same. Each
    file is written whole or not at all. Processes of this machine take turns.

    Args:
        url: of the images, as `files.bucket_url` gives it.
        folder: as `files.images_copy` gives it.

    Raises:
        SweepError: the storage does not answer, there is nothing, or this machine has no room for it.
    """
    system, root = file_system(url, KEY)
    objects = _objects(url, system, root)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with one_at_a_time(folder.parent):
            _remove_others(folder, objects)
            missing = {name: each for name, each in objects.items() if not each.is_at(folder / name)}
            _refuse_without_room(url, folder, missing)
            _bring(url, system, folder, missing)
    except OSError as error:
        raise SweepError(
            f"{KEY}: {error.filename}: what {url} holds cannot be written: {error.strerror}",
            "Make some space, or choose another place with the variable XDG_CACHE_HOME.",
        ) from None


def _objects(url: str, system: Any, root: str) -> dict[str, _Object]:
    """What lies below a URL, by the names of files below a folder."""
    try:
        listed: Mapping[str, Mapping[str, Any]] = system.find(root, detail=True)
    except Exception as error:  # noqa: BLE001 - a library of the user's choice raises anything
        raise storage_error(url, error) from None
    if len(listed) > MOST_OBJECTS:
        raise SweepError(f"{KEY}: {url} holds more than {MOST_OBJECTS:,} objects", "Put the images into archives.")
    found: dict[str, _Object] = {}
    for key, about in listed.items():
        if about.get("type") != "file" or key.endswith("/"):
            continue  # a console's mark of a folder
        name = key.removeprefix(f"{root}/")
        if not key.startswith(f"{root}/") or not _is_name(name):
            raise SweepError(
                f"{KEY}: {url} holds {key!r:.200}, which is no name of a file below it",
                "Nothing was brought. Look where it comes from, and delete it.",
            )
        found[name] = _Object(key, int(about.get("size") or 0), _written(about))
    if not found:
        raise SweepError(f"{KEY}: there is nothing below {url}", "Write the folder that holds the images.")
    return found


def _is_name(name: str) -> bool:
    """Whether a file called so lies below the folder that it is written into, on any machine."""
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(parts) and len(name) < 1000


def _written(about: Mapping[str, Any]) -> float:
    for key in _TIMES:
        time = about.get(key)
        if isinstance(time, str) and re.match(r"\d{4}-\d\d-\d\dT", time):
            time = datetime.fromisoformat(time)
        if isinstance(time, datetime):
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        if isinstance(time, int | float):
            return float(time)
    return 0.0


def _remove_others(folder: Path, objects: Mapping[str, _Object]) -> None:
    """Removes what is below the folder and is no object's, links, and folders that are empty then."""
    for here, folders, files in os.walk(folder, topdown=False):
        for path in [Path(here, name) for name in files]:
            if path.is_symlink() or path.relative_to(folder).as_posix() not in objects:
                path.unlink()
        for path in [Path(here, name) for name in folders]:
            if path.is_symlink():
                path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()


def _refuse_without_room(url: str, folder: Path, missing: Mapping[str, _Object]) -> None:
    needed, free = sum(each.size for each in missing.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise SweepError(
            f"{KEY}: {url} needs {needed / 1e9:.1f} GB in {folder}, and {free / 1e9:.1f} GB are free",
            "Make some space, or choose another place with the variable XDG_CACHE_HOME.",
        )
    if missing:
        size = f"{needed / 1e9:.1f} GB" if needed >= 1e9 else f"{needed / 1e6:.1f} MB"
        tell_once(folder, f": {len(missing):,} files of images, {size}, are brought here from {url}")


def _bring(url: str, system: Any, folder: Path, missing: Mapping[str, _Object]) -> None:
    pool = ThreadPoolExecutor(AT_A_TIME)
    try:
        for parent in {(folder / name).parent for name in missing}:
            parent.mkdir(parents=True, exist_ok=True)
        for _ in pool.map(lambda each: _bring_one(url, system, folder / each[0], each[1]), missing.items()):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def _bring_one(url: str, system: Any, path: Path, each: _Object) -> None:
    beside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        try:
            system.get_file(each.key, str(beside))
        except Exception as error:  # noqa: BLE001
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
            raise storage_error(url, error) from None
        if (size := beside.stat().st_size) != each.size:
            raise SweepError(
                f"{url}: {each.key} came with {size:,} of {each.size:,} bytes", "Somebody writes there. Try again."
            )
        os.utime(beside, (each.written, each.written))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
