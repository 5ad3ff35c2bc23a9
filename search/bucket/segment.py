"""A segment: what of a sweep was new when it was written, and who had the right to write it.

An object of a header, one sealed line of JSON whose number is the segment's, and behind it the bytes of its parts.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ...spaces import SweepError
from ..files import (
    CONFIG,
    INPUTS,
    LARGEST_JSON,
    PLACEMENT,
    PRECISION,
    PROGRESS,
    SPOOL,
    STUDY,
    TRIALS,
    UPLOADED,
    open_seal,
    seal,
)

FORMAT = "convscape-bucket/1"
APPENDED = (STUDY, UPLOADED, SPOOL)
"""Files that only grow, in the order in which they are copied: what MLflow is told, the study tells already."""
SMALL = re.compile(
    rf"{re.escape(CONFIG)}|{re.escape(INPUTS)}|{re.escape(PRECISION)}|{re.escape(PLACEMENT)}|{re.escape(PROGRESS)}"
    rf"|{TRIALS}/\d{{5,9}}/(best\.json|failure\.txt|hung\.txt)"
)
"""Names of the files that are copied whole."""
MOST_BYTES = 128 * 2**20
"""Bound on a segment: a line of a file may have 64 MB."""
LONGEST_LEASE = 3600.0
"""Bound on the seconds of a lease, for it is waited for."""
TAKE, WRITE, GIVE_BACK = "take", "write", "give back"
"""What a segment does to the lease: it begins it, goes on with it, or gives it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """New bytes of a file, or a file anew."""

    name: str
    """The file's, in the sweep's folder."""
    at: int | None
    """Where in the file they begin; None for a file anew."""
    data: bytes
    """The bytes that are new in the file, or the whole of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One of a sweep's numbered segments."""

    number: int
    """From 1 on, without a gap."""
    does: str
    """TAKE, WRITE or GIVE_BACK."""
    token: str
    """The mark of the folder from which it was written."""
    id: str
    """A mark of this segment alone, by which whoever wrote it knows it again."""
    holder: str
    """Who wrote it, in words."""
    length: float
    """Seconds for which it holds the lease."""
    parts: tuple[Part, ...] = ()
    """What was new."""

    def to_bytes(self) -> bytes:
        """The object as it is stored."""
        payload = b"".join(part.data for part in self.parts)
        header = {
            "format": FORMAT,
            "does": self.does,
            "token": self.token,
            "id": self.id,
            "holder": self.holder,
            "length": self.length,
            "parts": [[part.name, part.at, len(part.data)] for part in self.parts],
            "sha256": sha256(payload).hexdigest(),
        }
        return seal(json.dumps(header, separators=(",", ":")).encode(), self.number) + payload

    @staticmethod
    def from_bytes(data: bytes, number: int, where: str) -> Segment:
        """The segment that an object holds.

        Args:
            data: of the object.
            number: by its name.
            where: names it in errors.

        Raises:
            SweepError: it is damaged, of another version, another's place, or names what no segment holds.
        """
        line, _, payload = data.partition(b"\n")
        try:
            header, place = open_seal(line)
        except ValueError as error:
            raise damaged(where, str(error)) from None
        if header.get("format") != FORMAT:
            raise SweepError(
                f"{where}: its format is {header.get('format')!r:.60}, and this version writes {FORMAT}",
                "Another version of Convscape wrote it: use that one, or launch under another name.",
            )
        if place != number:
            raise damaged(where, f"it was segment {place}")
        try:
            return Segment._checked(header, payload, number)
        except (ValueError, TypeError, LookupError) as error:
            raise damaged(where, f"{error!s:.200}") from None

    @staticmethod
    def _checked(header: dict[str, Any], payload: bytes, number: int) -> Segment:
        texts = {key: header[key] for key in ("does", "token", "id", "holder")}
        if not all(isinstance(text, str) and len(text) < 500 for text in texts.values()):
            raise ValueError("a text in its header that no sweep wrote")
        length = header["length"]
        if not isinstance(length, int | float) or not math.isfinite(length) or not 0 <= length <= LONGEST_LEASE:
            raise ValueError(f"a lease of {length!r:.40} s")
        if sha256(payload).hexdigest() != header["sha256"]:
            raise ValueError("what it holds was changed")
        parts, begin = [], 0
        for name, at, size in header["parts"]:
            if type(size) is not int or size < 0 or begin + size > len(payload):
                raise ValueError(f"a part of {size!r:.40} bytes")
            appended = name in APPENDED
            if not isinstance(name, str) or not (appended or SMALL.fullmatch(name)):
                raise ValueError(f"it holds a file {name!r:.80}, which no sweep copies")
            if (type(at) is not int or at < 0) if appended else at is not None:
                raise ValueError(f"{name} begins at {at!r:.40}")
            data = payload[begin : begin + size]
            if appended and data and not data.endswith(b"\n"):
                raise ValueError(f"{name} ends in a torn line")
            if not appended and size > LARGEST_JSON:
                raise ValueError(f"{name} has {size:,} bytes")
            parts.append(Part(name=name, at=at, data=data))
            begin += size
        if begin != len(payload):
            raise ValueError("bytes at its end that are of no part")
        return Segment(number=number, length=float(length), parts=tuple(parts), **texts)


def damaged(where: str, what: str) -> SweepError:
    """The error that says that an object is not what a sweep wrote."""
    return SweepError(
        f"{where}: {what}", "It was changed from outside: restore it from the bucket's versions or a copy."
    )
