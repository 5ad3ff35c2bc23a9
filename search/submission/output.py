"""What a submitted command wrote, taken out of its job's log: output, errors, and the files of an export."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import shutil
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import ExportError
from .on_head import ERR, FILE, OUT

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 12
"""Ray's own lines of a log that are kept, for an error to tell."""
LARGEST_BUNDLE = 8 * 2**30
"""Bytes of an export that is brought, at most."""
LONGEST_LINE = 64 * 2**20
"""Letters of one line of a log, at most."""


class Output:
    """Takes a job's log apart as it comes.

    Args:
        tell: gets each line of the command, and whether it is one of the errors.
        bundle: takes the files of an export, where one is awaited.
    """

    def __init__(self, tell: Callable[[str, bool], None], bundle: Bundle | None = None) -> None:
        self.ours = False
        """Whether the command wrote anything: else it did not begin."""
        self.others: deque[str] = deque(maxlen=KEPT)
        """Ray's own lines, the last of them."""
        self._tell, self._bundle = tell, bundle
        self._begun = ""

    def take(self, part: str) -> None:
        """Takes the next part of the log, which may end within a line."""
        *lines, self._begun = (self._begun + part).split("\n")
        for line in lines:
            self._take(line)
        if len(self._begun) > LONGEST_LINE:
            self._take(self._begun)
            self._begun = ""

    def end(self) -> None:
        """Takes what is left of a line that was cut off."""
        if self._begun:
            self._take(self._begun)
        self._begun = ""

    def _take(self, line: str) -> None:
        mark, text = line[: len(OUT)], line[len(OUT) :]
        if mark in (OUT, ERR):
            self.ours = True
            self._tell(text, mark == ERR)
        elif mark == FILE:
            if self._bundle is not None:
                self._bundle.take(text)
        else:
            self.others.append(line[:500])


class Bundle:
    """The files of an export, as a job's log brings them. They stand where they should once all have come, and agree.

    What comes is believed in nothing: not in its names, its sizes or its order.

    Args:
        to: the folder where the export is to stand; an export that stands there is replaced.

    Raises:
        ExportError: something else stands there, or it cannot be written.
    """

    def __init__(self, to: Path) -> None:
        from ...trainers.export import BUNDLE

        self.folder = to.expanduser()
        BUNDLE.refuse_foreign(self.folder)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._place = Path(tempfile.mkdtemp(prefix=".convscape-", dir=self.folder.parent))
        except OSError as error:
            raise ExportError(f"{to} cannot be written: {error.strerror}", "Name another folder.") from None
        self._awaited: list[tuple[str, int, str]] | None = None
        self._file: Any = None
        self._left, self._digest = 0, hashlib.sha256()

    def take(self, text: str) -> None:
        """Takes the next line: at first the list of files, then a part of the file that is next.

        Raises:
            ExportError: it is none of an export's, or more than was said; or it cannot be written.
        """
        try:
            if self._awaited is None:
                self._awaited = _listed(text)
                self._open()
                return
            data = base64.b64decode(text, validate=True)
            if self._file is None or len(data) > self._left:
                raise ValueError("more came than was said")
            self._file.write(data)
            self._digest.update(data)
            self._left -= len(data)
            if not self._left:
                self._close()
                self._open()
        except OSError as error:
            raise ExportError(f"{self.folder} cannot be written: {error.strerror}", "Make room for it.") from None
        except (ValueError, LookupError, TypeError, binascii.Error, RecursionError) as error:
            raise _hostile(str(error)) from None

    def finish(self) -> bool:
        """Puts the export in its place, where all of it came. False where none was sent.

        Raises:
            ExportError: it is not whole, its files do not agree with what its proof.json recorded, or it cannot be put
                there. What stood there before stays then.
        """
        from ...trainers.export import BUNDLE

        if self._awaited is None:
            return False
        if self._file is not None or self._awaited:
            raise ExportError("the export did not come whole", "Ask for it again: convscape export NAME --address …")
        BUNDLE.refuse_foreign(self._place)  # by the hashes that an export records
        BUNDLE.refuse_foreign(self.folder)
        try:
            self._place.chmod(0o777 & ~_umask())
            target = self.folder.parent.resolve() / self.folder.name
            BUNDLE.put_in_place(self._place, target)
        except OSError as error:
            raise ExportError(f"{self.folder} cannot be written: {error.strerror}", "Name another folder.") from None
        return True

    def discard(self) -> None:
        """Removes what has come, unless it stands in its place."""
        if self._file is not None:
            self._file.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def _open(self) -> None:
        """Opens the next file that is awaited; of an empty one there is nothing to come."""
        while self._awaited and self._file is None:
            name, size, _ = self._awaited[0]
            self._place.joinpath(name).parent.mkdir(exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.fdopen(os.open(self._place / name, flags, 0o666), "wb")
            self._left, self._digest = size, hashlib.sha256()
            if not size:
                self._close()

    def _close(self) -> None:
        assert self._awaited
        self._file.close()
        self._file = None
        name, _, digest = self._awaited.pop(0)
        if self._digest.hexdigest() != digest:
            raise ValueError(f"{name} is not what was sent, by its SHA-256")


def _listed(text: str) -> list[tuple[str, int, str]]:
    """Names, sizes and digests of the files of an export, as the head lists them.

    Raises:
        ValueError: it lists others, or too much.
    """
    from ...trainers.export import PROOF, is_bundle_file

    entries = [(entry["name"], entry["size"], entry["sha256"]) for entry in json.loads(text)]
    names = [name for name, _, _ in entries]
    if not all(isinstance(name, str) and is_bundle_file(name) for name in names):
        raise ValueError("its files are not those of an export")
    if len(set(names)) != len(names) or PROOF not in names:
        raise ValueError("a file comes twice, or its proof.json does not come")
    if not all(type(size) is int and size >= 0 for _, size, _ in entries):
        raise ValueError("a size is no number of bytes")
    if sum(size for _, size, _ in entries) > LARGEST_BUNDLE:
        raise ValueError(f"it has more than {LARGEST_BUNDLE:,} bytes")
    return entries


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _hostile(why: str) -> ExportError:
    return ExportError(
        f"what the head sent is no export: {why:.200}", "Nothing was written. Look at what answers there."
    )
