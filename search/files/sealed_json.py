"""Small JSON files with a checksum, so that a changed digit is noticed.

The checksum is the last key of the object. A file without one, as earlier versions wrote it, is read as it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ...spaces import read_plain
from .atomic import write_atomically
from .sealed import KEY
from .telling import tell_once

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SUM = "crc32:"
"""How a checksum begins, by which it is known in another place, too."""
LARGEST_JSON = 16 * 2**20
"""Bound on a file of JSON, in bytes."""


def write_sealed(path: Path, values: Mapping[str, Any]) -> None:
    """Writes a JSON object and its checksum anew, whole or not at all.

    Args:
        path: the file; its folder must be there.
        values: what JSON can hold.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    write_atomically(path, json.dumps({**values, KEY: _sum(values)}, indent=1) + "\n")


def read_sealed(path: Path) -> dict[str, Any]:
    """The JSON object in a file, without its checksum.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON object, or was changed since it was written; says so.
    """
    values, changed = read_changed(path)
    if changed:
        raise ValueError("it was changed since it was written: its checksum is another")
    return values


def read_or_tell(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file that can be done without; None where it is absent, or damaged, which is told once."""
    try:
        return read_sealed(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        tell_once(path, f" is passed over: {error!s:.200}")
        return None


def read_changed(path: Path) -> tuple[dict[str, Any], bool]:
    """The JSON object in a file that somebody may edit, without its checksum, and whether it was changed.

    However it is spaced, it is the same.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON object; says so.
    """
    try:
        content = read_plain(path, LARGEST_JSON)
        values = json.loads(content)
    except RecursionError:
        raise ValueError("not JSON that can be read: too deep") from None
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    said = values.pop(KEY, None)
    elsewhere = said is None and f'"{_SUM}'.encode() in content  # under another key, or deeper
    return values, elsewhere or (said is not None and said != _sum(values))


def has_seal(path: Path) -> bool:
    """Whether a file has a checksum, be it right or wrong; False where it cannot be read.

    Earlier versions wrote none: a sweep whose config has one was begun by a version that seals all it writes.
    """
    try:
        return f'"{_SUM}'.encode() in read_plain(path, LARGEST_JSON)
    except OSError:
        return False


def reseal(path: Path) -> None:
    """Makes the checksum anew of a file that somebody edited: from now on that is what it holds.

    Raises:
        OSError: the file cannot be read or written.
        ValueError: it is no JSON object; says so.
    """
    values, changed = read_changed(path)
    if changed:
        write_sealed(path, values)


def _sum(values: Mapping[str, Any]) -> str:
    return f"{_SUM}{crc32(json.dumps(values).encode()):08x}"
