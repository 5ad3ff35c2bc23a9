"""Lines of JSON with a seal: the line's number and a checksum, so that a changed, lost or doubled line is noticed.

The seal is the last key of the object. A line without one, as earlier versions wrote it, may stand before all sealed
lines.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ...spaces import SweepError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "seal"
_MARK = f',"{KEY}":"'.encode()
LONGEST_LINE = 64 * 2**20
"""Bound on a line, in bytes: no sweep writes one that is a hundredth of it."""
_END = re.compile(rb':"(\d{1,15})-[0-9a-f]{8}"}\s*$')
"""How a line with a seal ends, whatever became of the key."""


def seal(text: bytes, number: int) -> bytes:
    r"""A line with its seal.

    Args:
        text: a JSON object that is not empty, in one line, without the newline.
        number: the line's place in its file, from 1 on.

    >>> seal(b'{"a":1}', 7)
    b'{"a":1,"seal":"7-1de44a81"}\n'
    """
    return text[:-1] + _MARK + f'{number}-{_sum(text, number)}"}}'.encode() + b"\n"


def unseal(line: bytes, number: int, *, sealed: bool) -> tuple[dict[str, Any], bool]:
    """The object of a line, without its seal, and whether it had one.

    Args:
        line: as it is in the file.
        number: its place there.
        sealed: whether a line before it had a seal.

    Raises:
        ValueError: it is no JSON object, was changed, or does not belong there; says so.
    """
    found, place = open_seal(line)
    if place is None and sealed:
        raise ValueError("it was changed, or comes from elsewhere")
    if place is not None and place != number:
        what = "lines before it are gone" if place > number else "it stands there twice, or in another's place"
        raise ValueError(f"it was line {place}: {what}")
    return found, place is not None


def open_seal(line: bytes) -> tuple[dict[str, Any], int | None]:
    """The object of a line, without its seal, and the number there; None where it has no seal.

    Raises:
        ValueError: it is no JSON object, or was changed since it was sealed; says so.
    """
    text, mark, end = line.rstrip(b"\n").rpartition(_MARK)
    place = None
    if mark:
        text += b"}"
        number, _, found = end.removesuffix(b'"}').decode(errors="replace").partition("-")
        place = int(number) if number.isdecimal() and len(number) < 16 else 0
        if not end.endswith(b'"}') or found != _sum(text, place):
            raise ValueError("it was changed")
    elif _END.search(line):
        raise ValueError("it was changed")
    else:
        text = line
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not a line of JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value, place


def read_lines(path: Path, offset: int = 0) -> Iterator[bytes]:
    """The lines of a file from byte `offset` on, one at a time, each with its newline; a torn last one has none.

    Raises:
        OSError: the file cannot be read.
        SweepError: a line is longer than LONGEST_LINE.
    """
    with path.open("rb") as file:
        file.seek(offset)
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise too_long(path)
            yield line


def too_long(path: Path) -> SweepError:
    """The error that says that a line of a file is longer than LONGEST_LINE."""
    return SweepError(
        f"{path}: a line of more than {LONGEST_LINE:,} bytes (LONGEST_LINE), which no sweep wrote",
        "The file was changed from outside, or its disk fails: restore it from a copy.",
    )


def place_of(end: bytes) -> int | None:
    """The number in the seal of a line, by the last bytes of it; None where it has no seal."""
    found = _END.search(end)
    return int(found[1]) if found else None


def _sum(text: bytes, number: int) -> str:
    return f"{crc32(text, number):08x}"
