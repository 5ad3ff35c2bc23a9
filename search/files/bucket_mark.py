"""How much of a sweep's folder on this machine is in object storage, written down beside it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from .sealed_json import read_or_tell, write_sealed
from .telling import tell_once

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = "bucket.json"
"""How much of the sweep is in object storage, and who wrote there last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketMark:
    """What of a sweep's folder is in object storage, and as what it was written there last."""

    segment: int = 0
    """Number of the last segment that this machine wrote or brought."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each append-only file that the segments up to that one hold."""
    ours: str = ""
    """What segments are marked with that a driver with this folder wrote; "" where none did."""
    token: str = ""
    """What that last segment is marked with."""
    holder: str = ""
    """Who wrote it, in words."""
    length: float = 0.0
    """Seconds for which it holds the lease."""
    given_back: bool = False
    """Whether it gives the lease back."""
    seen: float = 0.0
    """`time.time()` of this machine when it first knew of that segment."""

    def write(self, folder: Path) -> None:
        """Writes it into a sweep's folder.

        Raises:
            OSError: the folder cannot be written.
        """
        write_sealed(folder / BUCKET, asdict(self))


def read_mark(folder: Path) -> BucketMark | None:
    """The mark in a sweep's folder; None where the sweep is in no object storage, or the file is damaged."""
    values = read_or_tell(folder / BUCKET)
    if values is None:
        return None
    try:
        mark = BucketMark(**values)
        numbers = [mark.segment, *mark.sizes.values()]
        texts = [mark.ours, mark.token, mark.holder]
        if not all(type(n) is int and 0 <= n < 2**63 for n in numbers) or not all(isinstance(t, str) for t in texts):
            raise ValueError("a value that no sweep wrote")
        return mark
    except (TypeError, ValueError, AttributeError) as error:
        tell_once(folder / BUCKET, f" is passed over: {error!s:.200}")
        return None


def held_elsewhere(folder: Path) -> bool:
    """Whether a process that is not this machine's runs the sweep, by what was last brought from object storage.

    A segment that is the last one for longer than it holds the lease is of a process that is gone. By this machine's
    clock alone: how long that has been so counts from when it was first seen here.
    """
    mark = read_mark(folder)
    if mark is None or mark.given_back or not mark.token or mark.token == mark.ours:
        return False
    return 0 <= time.time() - mark.seen < mark.length


def copied_up(folder: Path, name: str) -> int | None:
    """Bytes of an append-only file of a sweep that are in object storage; None where the sweep is in none.

    Args:
        folder: the sweep's.
        name: of the file.
    """
    mark = read_mark(folder)
    if mark is None:  # of a mark that is damaged nothing is known to be there
        return 0 if (folder / BUCKET).exists() else None
    return mark.sizes.get(name, 0)
