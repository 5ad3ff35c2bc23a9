"""What an inspection wrote: inspection.json, with the hash of each file, so that nothing else is ever replaced."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ...spaces import ExportError, read_plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MANIFEST = "inspection.json"
FORMAT = "convscape-inspection/1"
SEAL = "seal"
"""Key of inspection.json: the hash of all others, so that it can be told when one was edited."""
MOST_MANIFEST = 16 * 2**20
"""Bound on the bytes of an inspection.json."""


def write_manifest(folder: Path, values: dict[str, Any], files: Sequence[str]) -> None:
    """Writes inspection.json.

    Args:
        folder: of the inspection.
        values: anything JSON can hold.
        files: names of all files of the inspection, inspection.json among them or not.

    Raises:
        OSError: the folder cannot be written.
    """
    hashes = {name: _hash(folder / name) for name in files if name != MANIFEST}
    told = {"format": FORMAT, **values, "sha256": hashes}
    (folder / MANIFEST).write_text(json.dumps(told | {SEAL: _seal(told)}, indent=1), encoding="utf-8")


def refuse_foreign(folder: Path) -> None:
    """Refuses a folder that holds anything but an earlier inspection. One that is not there, or is empty, will do.

    Only files whose hashes an inspection has recorded are an inspection's. One that was changed since is somebody's.

    Raises:
        ExportError: `folder` is a file or a link, or holds what no inspection wrote or what was changed since.
    """
    try:
        if folder.is_symlink():
            raise ExportError(f"{folder} is a link", "Name the folder that it leads to.")
        if not folder.exists():
            return
        if not folder.is_dir():
            raise ExportError(f"{folder} is a file", "Name another folder for the pictures.")
        recorded = _recorded(folder)
        for path in sorted(folder.iterdir()):
            if path.name not in recorded or path.is_symlink() or not path.is_file():
                raise ExportError(
                    f"{folder} holds {path.name}, which no inspection wrote", "Name another folder, or empty this one."
                )
            if _hash(path) != recorded[path.name]:
                raise ExportError(
                    f"{path} was changed since it was written",
                    "Keep it elsewhere, or name another folder; an inspection replaces only what it wrote.",
                )
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be read: {error.strerror}", "Name another folder for the pictures."
        ) from error


def _recorded(folder: Path) -> dict[str, str | None]:
    """The hashes of an earlier inspection's files, by name, its inspection.json included; {} where there is none."""
    path = folder / MANIFEST
    try:
        told = {} if path.is_symlink() else json.loads(read_plain(path, MOST_MANIFEST))
        if told["format"] != FORMAT:
            return {}
        seal = told.pop(SEAL)
        own = {name: str(said) for name, said in dict(told["sha256"]).items() if name.endswith((".png", ".html"))}
        return own | {MANIFEST: _hash(path) if seal == _seal(told) else None}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(told: dict[str, Any]) -> str:
    """SHA-256 of an inspection.json without its seal, however its text is laid out."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(told))).encode()).hexdigest()
