"""Objects in a folder that several machines see: `file://`, as on NFS. Written whole, created exclusively by a link."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...spaces import SweepError, read_plain
from ..files import refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterable


class SharedPath:
    """The objects in a folder, as files in it. fsspec's own way writes in place, and looks before it creates.

    Every method raises SweepError where the folder cannot be read or written, or a file is a link.

    Args:
        url: file:// and the folder.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._root = Path(url.removeprefix("file://"))

    def sizes(self, below: str) -> dict[str, int]:
        """Bytes of each object whose name begins with `below` and a slash, by name."""
        refuse_links(self._root / below)
        found: dict[str, int] = {}
        for here, _, files in os.walk(self._root / below):
            for name in files:
                path = Path(here, name)
                with suppress(FileNotFoundError):
                    if not name.startswith("."):  # being written
                        found[path.relative_to(self._root).as_posix()] = path.lstat().st_size
        return found

    def folders(self) -> list[str]:
        """The first parts of the names of all objects."""
        try:
            return sorted(entry.name for entry in os.scandir(self._root))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._error(error) from None

    def read(self, name: str, most: int) -> bytes | None:
        """What an object holds, of `most` bytes; None where it is not there."""
        try:
            if (self._root / name).is_symlink():
                raise SweepError(f"{self.url}/{name} is a link", "Convscape makes none: remove it.")
            return read_plain(self._root / name, most)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error) from None

    def write(self, name: str, data: bytes) -> None:
        """Writes an object whole or not at all, over one that is there."""
        try:
            self._written_beside(name, data).replace(self._root / name)
        except OSError as error:
            raise self._error(error) from None

    def create(self, name: str, data: bytes) -> bool:
        """Writes an object whole or not at all where there is none of that name. Gives whether there was none."""
        try:
            beside = self._written_beside(name, data)
            try:
                os.link(beside, self._root / name)
            except FileExistsError:
                return False
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise self._error(error) from None
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Deletes objects; ones that are not there will do. Folders that are empty then go, too."""
        for name in names:
            path = self._root / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise self._error(error) from None
            with suppress(OSError):
                while (path := path.parent) != self._root:
                    path.rmdir()

    def _written_beside(self, name: str, data: bytes) -> Path:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return beside

    def _error(self, error: OSError) -> SweepError:
        return SweepError(
            f"{self.url} cannot be used: {error.filename or ''}: {error.strerror}",
            "Make it readable and writable, with some space on its disk, or choose another.",
        )
