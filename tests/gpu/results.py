"""What became of the checks: a file of JSON lines that the process of pytest writes and the one that watches reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OUTCOMES = ("passed", "failed", "skipped", "left out")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that a check measured."""

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one case of a check."""

    id: str
    """As pytest calls it."""
    check: str
    """The check as words."""
    case: str = ""
    """Of several, which."""
    group: str
    outcome: str
    """One of OUTCOMES."""
    seconds: float = 0.0
    figures: tuple[Figure, ...] = ()
    why: str = field(default="", repr=False)
    """Why it failed, was skipped or was left out."""

    @staticmethod
    def from_json(values: dict[str, Any]) -> Result:
        return Result(**{**values, "figures": tuple(Figure(**figure) for figure in values["figures"])})


def append(file: Path, kind: str, **values: Any) -> None:
    """Adds a line to the file."""
    with file.open("a") as lines:
        lines.write(json.dumps({"kind": kind, **values}) + "\n")


def read(file: Path) -> list[dict[str, Any]]:
    """All lines of the file that are whole."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def results(lines: Iterable[dict[str, Any]]) -> list[Result]:
    """The results among the lines, in order."""
    return [Result.from_json(line["result"]) for line in lines if line["kind"] == "end"]
