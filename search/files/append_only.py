"""An append-only file of JSON lines that survives a kill, a full disk and a reader at the same time."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from .links import PLAIN
from .sealed import LONGEST_LINE, open_seal, place_of, read_lines, seal, too_long
from .telling import tell_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Entry = dict[str, Any]
"""One entry of an append-only file: a JSON object."""

_log = logging.getLogger(__name__)
_LONGEST_SEAL = 64
"""Bytes at the end of a line that hold its seal, at the most."""


class Spool:
    """The one writer of an append-only file of JSON lines; any number of readers use `read_entries` at the same time.

    Each entry is one line in one write, with a seal (`sealed`). A half line, left by a kill inside that write, is cut
    when the file is opened. While the disk takes nothing, entries wait in memory and are written by a later `append` or
    `drain`.

    Args:
        path: the file, which is made with its folder where it is not there.

    Raises:
        OSError: the file cannot be opened; once it is open, no error of the disk is raised.
        SweepError: its last line is longer than LONGEST_LINE.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._waiting: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | PLAIN, 0o666)
        try:
            self._size = _whole_lines(path, self._file)
        except SweepError:
            os.close(self._file)
            raise
        os.ftruncate(self._file, self._size)
        last = os.pread(self._file, _LONGEST_SEAL, max(0, self._size - _LONGEST_SEAL))
        self._count = place_of(last) or count_entries(path)
        self._sure = 0

    def append(self, entry: Entry) -> None:
        """Adds one entry, in memory where the disk does not take it now.

        Args:
            entry: plain JSON values; no NaN, no infinity.

        Raises:
            ValueError: a number is NaN or infinite.
            TypeError: a value is none that JSON has.
        """
        text = json.dumps(entry, allow_nan=False, separators=(",", ":")).encode()
        with self._lock:
            self._count += 1
            self._waiting.append(seal(text, self._count))
            self._write()

    def drain(self) -> int:
        """Writes what the disk refused earlier. Gives the number of entries that still wait in memory."""
        with self._lock:
            self._write()
            return len(self._waiting)

    def flushed_lines(self) -> int:
        """How many lines the file is sure to have from now on, whatever dies: they are on the disk."""
        with self._lock:
            if self._file is not None:
                try:
                    os.fsync(self._file)
                except OSError as error:
                    _log.debug("%s is not sure to be on the disk: %s", self.path, error)
                else:
                    self._sure = self._count - len(self._waiting)
            return self._sure

    def close(self) -> None:
        """Writes what the disk refused earlier, if it takes it now, and closes the file."""
        with self._lock:
            self._write()
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _write(self) -> None:
        while self._waiting and self._file is not None:
            line = self._waiting[0]
            try:
                if os.write(self._file, line) < len(line):
                    os.ftruncate(self._file, self._size)
                    return
            except OSError as error:
                _log.debug("%s takes no entry now: %s", self.path, error)
                return
            self._size += len(line)
            self._waiting.popleft()


def read_entries(path: Path, offset: int = 0, limit: int = 1 << 20) -> tuple[list[Entry], int]:
    """Whole entries from byte `offset` on, oldest first, and the offset behind the last of them, in bytes.

    A half line at the end is left for later. A line that was changed, or is no JSON object, is passed over; that, and
    that lines are gone, is told once. An absent file has no entries.

    Args:
        path: an append-only file of JSON lines.
        offset: 0, or what an earlier call gave, to read on.
        limit: bytes to read, about: an entry that is longer is read whole.

    Raises:
        SweepError: a line is longer than LONGEST_LINE.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset - _LONGEST_SEAL))
            before = place_of(file.read(min(offset, _LONGEST_SEAL)))
            data = file.read(limit)
            if b"\n" not in data:
                data += file.readline(LONGEST_LINE)
    except FileNotFoundError:
        return [], offset
    if len(data) > LONGEST_LINE and b"\n" not in data:
        raise too_long(path)
    whole = data[: data.rfind(b"\n") + 1]
    entries: list[Entry] = []
    for entry, problem in _opened(whole.split(b"\n")[:-1], before, known=before is not None or not offset):
        if problem:
            tell_once(path, f": {problem}")
        if entry is not None:
            entries.append(entry)
    return entries, offset + len(whole)


def _opened(lines: Iterable[bytes], before: int | None, *, known: bool) -> Iterator[tuple[Entry | None, str]]:
    """The entry of each line, None where it is passed over, and what is wrong, "" where nothing is.

    Args:
        lines: without newlines.
        before: number in the seal of the line before them, None where there is none.
        known: whether the number of the first one is known: that after `before`, or 1.
    """
    expected, sealed = (before or 0) + 1, before is not None
    for line in lines:
        where = f"line {expected if known else '?'}"
        try:
            entry, number = open_seal(line)
        except ValueError as error:
            yield None, f"{where}: {error}; it is passed over"
        else:
            if number is None and sealed:
                yield None, f"{where}: it was changed, or comes from elsewhere; it is passed over"
            elif number is None or number == expected or not known:
                yield entry, ""
            else:
                yield entry, f"line {number} stands where {where} should: lines are gone, or there twice"
            if number is not None:
                expected, sealed, known = number, True, True
        expected += 1


def every_entry(path: Path) -> Iterator[Entry]:
    """Every whole entry of an append-only file, oldest first, not all in memory; none where the file is absent.

    Raises:
        SweepError: a line is longer than LONGEST_LINE.
    """
    begin, end = -1, 0
    while begin != end:
        begin = end
        entries, end = read_entries(path, begin)
        yield from entries


def count_damaged(path: Path) -> int:
    """Number of lines of an append-only file that are passed over, or before which lines are gone or there twice.

    Raises:
        SweepError: a line is longer than LONGEST_LINE.
    """
    lines = (line[:-1] for line in read_lines(path) if line.endswith(b"\n")) if path.exists() else ()
    return sum(bool(problem) for _, problem in _opened(lines, None, known=True))


def count_entries(path: Path, offset: int = 0) -> int:
    """Number of whole lines of an append-only file from byte `offset` on; 0 where the file is absent.

    Raises:
        SweepError: a line is longer than LONGEST_LINE.
    """
    return sum(line.endswith(b"\n") for line in read_lines(path, offset)) if path.exists() else 0


def last_line(path: Path) -> int:
    """Number of the last whole line of an append-only file, by its seal where it has one; 0 where there is none.

    Raises:
        SweepError: the last line is longer than LONGEST_LINE.
    """
    try:
        with path.open("rb") as file:
            end = _whole_lines(path, file.fileno())
            last = os.pread(file.fileno(), _LONGEST_SEAL, max(0, end - _LONGEST_SEAL))
    except FileNotFoundError:
        return 0
    return place_of(last[: end or None]) or count_entries(path)


def _whole_lines(path: Path, file: int) -> int:
    """Bytes up to and with the last newline of an open file."""
    end = size = os.fstat(file).st_size
    while end:
        if size - end > LONGEST_LINE:
            raise too_long(path)
        start = max(0, end - 65536)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
