"""Folders of sweeps as a stranger or an earlier version may have left them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from convscape.search import Sweep
from convscape.search.files import open_seal

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.records import TrialRecord


def without_seals(file: Path) -> None:
    """Makes a file of sealed lines one of an earlier version."""
    events = [open_seal(line)[0] for line in file.read_bytes().splitlines()]
    file.write_text("".join(json.dumps(event) + "\n" for event in events))


def of_an_earlier_version(folder: Path) -> None:
    """Makes a sweep's folder one of a version that sealed neither its config nor its study."""
    without_seals(folder / "study.jsonl")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if key != "seal"}))


def opened(folder: Path) -> list[TrialRecord]:
    """The trials of the sweep in a folder."""
    return Sweep.open(folder.name, folder.parent).trials()
