"""Brings images from object storage to this machine: what is here and has not changed stays, as with rsync."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError, read_plain
from ..files import PLAIN, images_copy, is_copy, lock_file, tell_once, write_atomically
from .bringing import AT_A_TIME, one_at_a_time
from .image_listing import KEY, RIGHTS, ImageObject, digest_of, image_objects, size_of
from .store import NoAnswerError, file_system, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)
WAITS = (1.0, 5.0)
"""Seconds before a request that failed is repeated, and repeated again."""
TELLS = 10.0
"""Seconds after which it is told how much has come, and twice as many each time after that."""
_WHOLE, _USED = "whole", "used.lock"
_brought: dict[str, Brought] = {}
_used: dict[Path, int] = {}
"""Descriptors of files whose locks say that this process reads what was brought; they last as long as it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What was brought from object storage, and where it is."""

    url: str
    folder: Path
    digest: str
    """Of names, sizes and times there."""
    size: int
    """Bytes of it all."""


def bring_images(url: str, *, anew: bool = True) -> Brought:
    """Has `files.images_copy(url)` hold what lies below a URL, and nothing else, for as long as this process runs.

    What was brought before is not brought again while its size and the time at which it was written are the same. Each
    file is written whole or not at all. Processes of this machine take turns, and none changes what another reads.

    Args:
        url: of the images, as `files.bucket_url` gives it.
        anew: whether the storage is asked what lies there now, although all that did is here.

    Raises:
        ConfigError: the user has no home to bring them to.
        SweepError: the storage does not answer, there is nothing, this machine has no room for it, or it has changed
            there while another process reads what was brought.
    """
    folder = images_copy(url)
    _brought[url] = (None if anew else _whole(url, folder)) or _bring_to(url, folder)
    return _brought[url]


def brought_here(url: str | None) -> Brought | None:
    """What this process brought from a URL the last time; None where it brought nothing."""
    return _brought.get(url or "")


def bring_as(there: Brought) -> None:
    """Has a folder of the same path on this machine hold what another machine brought, and nothing else.

    Raises:
        SweepError: as `bring_images`; or there is something else by now.
    """
    if not is_copy(there.folder, there.url):
        raise SweepError(f"{KEY}: {there.folder} is no folder to which images are brought", "Launch the sweep anew.")
    here = _whole(there.url, there.folder)
    if here is None or here.digest != there.digest:
        _bring_to(there.url, there.folder, there.digest)


def _bring_to(url: str, folder: Path, expected: str = "") -> Brought:
    system, root = file_system(url, KEY)
    objects = _patiently(lambda: image_objects(url, system, root))
    digest = digest_of(objects)
    if expected not in ("", digest):
        raise SweepError(
            f"{KEY}: {url} holds something else by now than when the sweep began",
            "Put back what was there; or begin a new sweep.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with one_at_a_time(folder.parent):
            missing = {name: each for name, each in objects.items() if not each.is_at(folder / name)}
            former = _others(folder, objects) + [folder / name for name in missing if os.path.lexists(folder / name)]
            _take(url, folder.parent, changes=bool(former))
            (folder.parent / _WHOLE).unlink(missing_ok=True)
            if former:
                tell_once(folder, f": {len(former):,} of the files here are gone from {url}, or others by now")
            for path in former:
                path.unlink()
            _remove_empty(folder)
            _refuse_without_room(url, folder, missing)
            _bring(url, system, folder, missing)
            write_atomically(folder.parent / _WHOLE, f"{digest} {len(objects)} {size_of(objects)}")
            _take(url, folder.parent, changes=False)
    except OSError as error:
        raise _not_written(url, error) from None
    return Brought(url=url, folder=folder, digest=digest, size=size_of(objects))


def _take(url: str, folder: Path, *, changes: bool) -> None:
    """Has others see that this process reads what is in a folder; where it `changes` that, nobody else may read it."""
    path = folder / _USED
    if path not in _used:
        _used[path] = os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)
    if not lock_file(_used[path], path, shared=not changes, wait=not changes):
        lock_file(_used[path], path, shared=True, wait=True)  # what was asked for cost what was had
        raise SweepError(
            f"{KEY}: {url} has changed, and another process reads what was brought from there to {folder}",
            "Wait until that has ended; or give this one a place of its own with the variable XDG_CACHE_HOME.",
        )


def _whole(url: str, folder: Path) -> Brought | None:
    """What a folder holds of all that was below a URL, which no other process changes from now on; else None."""
    try:
        read_plain(folder.parent / _WHOLE, 100)
        _take(url, folder.parent, changes=False)
        digest, count, size = read_plain(folder.parent / _WHOLE, 100).decode().split()
        sizes = [Path(here, name).lstat().st_size for here, _, names in os.walk(folder) for name in names]
        if (len(sizes), sum(sizes)) == (int(count), int(size)):  # nobody has taken one away
            return Brought(url=url, folder=folder, digest=digest, size=int(size))
    except (OSError, ValueError):
        pass
    return None


def _patiently(call: Callable[[], Any]) -> Any:
    """What a call gives, which is repeated where the storage did not answer."""
    for wait in WAITS:
        try:
            return call()
        except NoAnswerError as error:
            _log.warning("%s; it is asked again", error.message)
            time.sleep(wait)
    return call()


def _others(folder: Path, objects: Mapping[str, ImageObject]) -> list[Path]:
    """What is below the folder and is no object's, and links."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        found += [path for name in folders if (path := Path(here, name)).is_symlink()]
        for path in [Path(here, name) for name in files]:
            if path.is_symlink() or path.relative_to(folder).as_posix() not in objects:
                found.append(path)
    return found


def _remove_empty(folder: Path) -> None:
    """Removes folders in which nothing is, so that no class is seen where there are no images."""
    for here, folders, _ in os.walk(folder, topdown=False):
        for path in [Path(here, name) for name in folders]:
            if not any(path.iterdir()):
                path.rmdir()


def _refuse_without_room(url: str, folder: Path, missing: Mapping[str, ImageObject]) -> None:
    needed, free = size_of(missing), shutil.disk_usage(folder).free
    if needed > free:
        raise SweepError(
            f"{KEY}: {url} needs {needed / 1e9:.1f} GB in {folder}, and {free / 1e9:.1f} GB are free",
            "Make some space, or choose another place with the variable XDG_CACHE_HOME.",
        )
    if missing:
        files = f"{len(missing):,} file{'s' * (len(missing) != 1)}"
        tell_once(folder, f": {files}, {needed / 1e6:,.1f} MB, come here from {url}")


def _bring(url: str, system: Any, folder: Path, missing: Mapping[str, ImageObject]) -> None:
    for parent in {(folder / name).parent for name in missing}:
        parent.mkdir(parents=True, exist_ok=True)
    over = threading.Event()
    pool = ThreadPoolExecutor(AT_A_TIME)

    def one(name: str, each: ImageObject) -> int:
        _patiently(lambda: _bring_one(url, system, folder / name, each, over))
        return each.size

    told, wait, size = time.monotonic(), TELLS, 0
    try:
        for count, came in enumerate(pool.map(one, missing, missing.values()), 1):
            size += came
            if time.monotonic() >= told + wait:
                _log.warning(
                    "%s: %s of %s files, %.1f MB, are here", url, f"{count:,}", f"{len(missing):,}", size / 1e6
                )
                told, wait = time.monotonic(), 2 * wait
    finally:
        over.set()
        pool.shutdown(cancel_futures=True)


def _bring_one(url: str, system: Any, path: Path, each: ImageObject, over: threading.Event) -> None:
    from fsspec.callbacks import Callback

    class Heeding(Callback):
        def relative_update(self, inc: int = 1) -> None:  # noqa: ARG002
            if over.is_set():
                raise InterruptedError("nobody waits for it any more")

    beside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        try:
            system.get_file(each.key, str(beside), callback=Heeding())
        except Exception as error:  # noqa: BLE001
            here = isinstance(error, OSError) and (
                error.filename == str(beside) or error.errno in (errno.ENOSPC, errno.EDQUOT)
            )
            if here and isinstance(error, OSError):
                raise OSError(error.errno, error.strerror, str(path)) from None
            raise storage_error(url, error, RIGHTS) from None
        if (size := beside.stat().st_size) != each.size:
            raise SweepError(
                f"{url}: {each.key} came with {size:,} of {each.size:,} bytes", "Somebody writes there. Try again."
            )
        os.utime(beside, (each.written, each.written))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _not_written(url: str, error: OSError) -> SweepError:
    """What to do where a file cannot be written here."""
    if error.errno == errno.ENAMETOOLONG:
        remedy = "Rename it there: that is too long for a file of this machine."
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Make some space, or choose another place with the variable XDG_CACHE_HOME."
    else:
        remedy = (
            "Choose another place with the variable XDG_CACHE_HOME where the sweep is launched: each node of a cluster "
            "brings images to the same path as the driver, and must be able to write it."
        )
    return SweepError(f"{KEY}: images of {url} cannot be brought to {error.filename}: {error.strerror}", remedy)
