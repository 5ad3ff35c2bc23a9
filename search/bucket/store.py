"""Objects below a URL: listed, read, written, and created only where they are not there yet."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, Protocol

from ...spaces import SweepError
from ..tracking import without_secrets
from .shared_path import SharedPath

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_OBJECTS = 1_000_000
"""Bound on a sweep's objects."""
_INSTALL = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs"}
_CREDENTIALS = (
    "Check the credentials where the provider's own programs look for them (AWS_PROFILE, ~/.aws, "
    "GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_…), and that they may {rights} there."
)


class NoAnswerError(SweepError):
    """Object storage that did not answer, and may the next time."""


class Store(Protocol):
    """Where a sweep's objects are. Names are relative to its URL, with slashes."""

    url: str
    """The URL below which they are, without secrets."""

    def sizes(self, below: str) -> dict[str, int]:
        """Bytes of each object whose name begins with `below` and a slash, by name."""
        ...

    def folders(self) -> list[str]:
        """The first parts of the names of all objects."""
        ...

    def read(self, name: str, most: int) -> bytes | None:
        """What an object holds, of `most` bytes; None where it is not there."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Writes an object whole or not at all, over one that is there."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Writes an object whole or not at all where there is none of that name. Gives whether there was none."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Deletes objects; ones that are not there will do."""
        ...


def open_store(url: str) -> Store:
    """The objects below a URL. Nothing is asked of the other side yet.

    Args:
        url: as `files.bucket_url` gives it.

    Raises:
        SweepError: what reads such URLs is not installed, or cannot create objects exclusively.
    """
    if url.startswith("file://"):
        return SharedPath(url)
    return ObjectStore(url)


class ObjectStore:
    """Objects of a file system of fsspec's: S3, Google's, Azure's, or the process's own memory.

    Every method raises SweepError where the other side does not answer, or refuses: says what and what to do.

    Args:
        url: below which they are.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = file_system(url)
        if not _creates(self._fs):
            raise SweepError(
                f"folder: {type(self._fs).__name__} cannot create an object only where there is none: "
                "two drivers could run one sweep",
                "Use a newer version of it, or another storage.",
            )

    def sizes(self, below: str) -> dict[str, int]:
        """Bytes of each object whose name begins with `below` and a slash, by name."""
        start = f"{self._root}/"
        found: dict[str, int] = {}
        try:
            self._fs.invalidate_cache()
            listed = self._fs.find(f"{start}{below}", detail=True)
        except FileNotFoundError as error:
            raise self._error(error) from None
        except Exception as error:  # noqa: BLE001
            raise self._error(error) from None
        if len(listed) > MOST_OBJECTS:
            raise SweepError(
                f"{self.url}/{below} holds more than {MOST_OBJECTS:,} objects, which no sweep wrote", "Name another."
            )
        for key, about in listed.items():
            if about.get("type") != "file" or str(key).endswith("/"):
                continue  # a console's mark of a folder
            if not str(key).startswith(f"{start}{below}/"):
                raise SweepError(
                    f"{self.url}/{below}: its listing names {key!r:.200}, which is not in it", "Look there."
                )
            size = about.get("size")
            found[str(key)[len(start) :]] = size if isinstance(size, int) else 0
        return found

    def folders(self) -> list[str]:
        """The first parts of the names of all objects."""
        try:
            self._fs.invalidate_cache()
            listed = self._fs.ls(self._root, detail=False)
        except FileNotFoundError:
            self.check()
            return []
        except Exception as error:  # noqa: BLE001
            raise self._error(error) from None
        return sorted({str(name).rstrip("/").rpartition("/")[2] for name in listed})

    def check(self) -> None:
        """Raises where there is no such bucket, or it may not be listed."""
        self.sizes("convscape")

    def read(self, name: str, most: int) -> bytes | None:
        """What an object holds, of `most` bytes; None where it is not there."""
        try:
            data = self._fs.cat_file(f"{self._root}/{name}", start=0, end=most + 1)
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001
            raise self._error(error) from None
        if len(data) > most:
            raise SweepError(
                f"{self.url}/{name}: more than {most:,} bytes, which no sweep wrote", "It comes from elsewhere."
            )
        return bytes(data)

    def write(self, name: str, data: bytes) -> None:
        """Writes an object whole or not at all, over one that is there."""
        try:
            self._fs.pipe_file(f"{self._root}/{name}", data)
        except Exception as error:  # noqa: BLE001
            raise self._error(error) from None

    def create(self, name: str, data: bytes) -> bool:
        """Writes an object whole or not at all where there is none of that name. Gives whether there was none."""
        try:
            self._fs.pipe_file(f"{self._root}/{name}", data, mode="create")
        except FileExistsError:
            return False
        except Exception as error:  # noqa: BLE001
            raise self._error(error) from None
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Deletes objects; ones that are not there will do."""
        for name in names:
            try:
                self._fs.rm_file(f"{self._root}/{name}")
            except FileNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001
                raise self._error(error) from None

    def _error(self, error: Exception) -> SweepError:
        return storage_error(self.url, error)


def file_system(url: str, key: str = "folder") -> tuple[Any, str]:
    """The file system of fsspec's that a URL names, and the path in it, without a slash at its end.

    Args:
        url: as `files.bucket_url` gives it.
        key: of the sweep file, under which it was written.

    Raises:
        SweepError: what reads such URLs is not installed, or fails.
    """
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0]
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what it tells of a lost connection is raised, too
    try:
        # Credentials, regions and endpoints are the library's own affair: nothing of them is in the URL.
        system, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=scheme != "memory")
    except ImportError as error:
        package = _INSTALL.get(scheme, "")
        raise SweepError(
            f"{key}: {url} cannot be read: {package or error} is not installed",
            f"Install it: `pip install {package}`"
            + (", or Convscape as `pip install 'convscape[s3]'`." if package == "s3fs" else "."),
        ) from None
    except Exception as error:  # noqa: BLE001 - a library of the user's choice raises anything
        raise storage_error(url, error) from None
    return system, root.rstrip("/")


def storage_error(url: str, error: Exception, rights: str = "list, read, write and delete") -> SweepError:
    """What object storage said, and what to do.

    Args:
        url: below which something was asked for.
        error: what that raised.
        rights: that are needed there.
    """
    said = without_secrets(" ".join(f"{error!s:.200}".split()))
    kind = type(error).__name__
    if isinstance(error, PermissionError) or "Credential" in kind or "Auth" in kind or "Forbidden" in said:
        return SweepError(f"{url}: no permission: {said or kind}", _CREDENTIALS.format(rights=rights))
    if isinstance(error, FileNotFoundError):
        return SweepError(f"{url}: {said or 'no such bucket'}", "Make the bucket first, or mend its name.")
    return NoAnswerError(f"{url} does not answer: {kind}: {said}", "Try again, and look whether the address is right.")


def _creates(system: Any) -> bool:
    """Whether a file system can create an object exclusively: fsspec's own way of it looks first and writes then."""
    from fsspec.spec import AbstractFileSystem

    if hasattr(system, "_pipe_file"):
        return "mode" in inspect.signature(system._pipe_file).parameters  # noqa: SLF001 - what `pipe_file` calls
    return type(system).pipe_file is not AbstractFileSystem.pipe_file
