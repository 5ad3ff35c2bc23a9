"""Pictures of what the winner learnt, which `convscape inspect` made, for the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import read_plain
from ...trainers.insight import INSPECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 3_000_000
"""Bytes of all pictures of a page together, at most: the rest is left out."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with what it shows."""

    title: str
    text: str
    png: bytes

    def to_json(self) -> dict[str, str]:
        """As the page takes it."""
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        return {"title": self.title, "text": self.text, "src": source}


def usual_places(sweep: str) -> list[Path]:
    """The folders in which `inspect` and `export` leave pictures of a sweep's winner, typed as the end of a sweep says.

    Args:
        sweep: name of the sweep.
    """
    return [Path("inspected") / sweep, Path("exported") / sweep / "insight"]


def pictures_of(digest: str, folders: Sequence[Path]) -> list[Picture]:
    """The pictures of the first folder that holds an inspection of a network, MOST_BYTES of them at most; [] for none.

    Args:
        digest: of the network.
        folders: in which `inspect` or `export` may have left pictures.
    """
    for folder in folders:
        try:
            told = INSPECTION.read_manifest(folder)
            if told["architecture"] == digest:
                return _read(folder, told)
        except (OSError, ValueError, LookupError, TypeError):  # there is none, or it was changed
            continue
    return []


def _read(folder: Path, told: dict[str, Any]) -> list[Picture]:
    found: list[Picture] = []
    room = MOST_BYTES
    for each in told["pictures"]:
        data = read_plain(folder / Path(each["file"]).name, MOST_BYTES)
        room -= len(data)
        if room < 0:
            break
        if data.startswith(b"\x89PNG"):
            found.append(Picture(str(each["title"]), f"{each['shows']} {each['found']}", data))
    return found
