"""Prints what was seen inside a network: the page, what was found in each picture, and what was left out."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ...spaces import WIDTH

if TYPE_CHECKING:
    from ...trainers.insight import Inspection

PAGE = "index.html"


def inspection_json(inspection: Inspection) -> dict[str, Any]:
    """What was seen inside a network, with the folder and its files, as values for JSON."""
    return {"folder": str(inspection.folder), "files": list(inspection.files), **inspection.to_json()}


def inspection_lines(inspection: Inspection) -> str:
    """What was seen inside a network, as lines of 80 columns."""
    count = len(inspection.drawings)
    looked = f", looked at with {inspection.images}" if inspection.images else ""
    lines = [
        f"Inside {inspection.name}{looked}: {count} pictures.",
        f"Open {inspection.folder / PAGE}",
        *(_wrapped(inspection.note) if inspection.note else []),
    ]
    if inspection.skipped:
        lines += _wrapped(f"{len(inspection.skipped):,} could not be read, the first: {inspection.skipped[0]}.")
    for drawing in inspection.drawings:
        if drawing.found:
            lines += _wrapped(f"{drawing.file}: {drawing.found}")
    for omission in inspection.omissions:
        lines += _wrapped(f"Left out: {omission.title}. {omission.why}")
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
