"""What of a spool is in MLflow already: the uploader writes it to a journal, and everyone else reads it there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ...spaces import SweepError
from ..files import (
    PROGRESS,
    SPOOL,
    SPOOLED,
    UPLOADED,
    Entry,
    command_about,
    count_damaged,
    count_entries,
    last_line,
    read_entries,
    read_or_tell,
)
from .datasets import FIELDS
from .mlflow_store import moved_store, uri_problem

LARGEST = 2**63
"""Bound on a number of bytes or milliseconds."""
_KINDS: dict[str, Any] = {
    "run": str, "trial": int | None, "sent": int, "unsure": int | None, "problem": str | None, "store": str,
    "place": str, "copy": str,
}  # fmt: skip
_SPOOLED: dict[str, Any] = {
    "event": str, "time": int, "id": str, "experiment": str, "sweep": str, "trial": int | None, "step": int,
    "status": str, "params": dict, "tags": dict, "metrics": dict, "artifacts": dict, "datasets": list,
}  # fmt: skip
_FILE = re.compile(r"\w[\w. -]*(/\w[\w. -]*)*")
_ABSENT = object()
COPIED = " is a copy of a sweep's folder that is still there: its results go to runs of their own in MLflow."
_REMEDY = "Restore the file from a copy."


def refuse_odd(entry: Entry, spool: Path) -> None:
    """Refuses an entry of a spool that no tracker wrote.

    Args:
        entry: one of its lines.
        spool: its file, for the error.

    Raises:
        SweepError: a value is of another kind, or a file's name is more than a name; says which.
    """
    for key, kind in _SPOOLED.items():
        value = entry.get(key, _ABSENT)
        if value is not _ABSENT and (not isinstance(value, kind) or isinstance(value, bool)):
            raise SweepError(f"{spool}: {key} is {value!r:.80}, which no sweep wrote", _REMEDY)
        for name, inner in value.items() if isinstance(value, dict) else ():
            if not isinstance(inner, (int, float) if key == "metrics" else str):
                raise SweepError(f"{spool}: {key}: {name!r:.80} is {inner!r:.80}, which no sweep wrote", _REMEDY)
            if key == "artifacts" and not _FILE.fullmatch(name):
                raise SweepError(f"{spool}: artifacts: {name!r:.80} is no file's name, and nothing is written", _REMEDY)
    for each in entry.get("datasets", ()):
        if not isinstance(each, dict) or each.keys() != FIELDS or not all(isinstance(v, str) for v in each.values()):
            raise SweepError(f"{spool}: datasets: {each!r:.80} is one which no sweep wrote", _REMEDY)
    if "event" not in entry or "time" not in entry:
        raise SweepError(f"{spool}: a line without event or time, which no sweep wrote", _REMEDY)


class UploadProgress:
    """How much of a sweep's spool is in MLflow, by the uploader's journal in the sweep's folder; `refresh` reads on.

    Args:
        folder: the sweep's folder.

    Attributes:
        runs: MLflow's run id of each trial, by trial number; of the sweep's own run under None.
        sent: bytes of the spool that are in MLflow.
        unsure: milliseconds since 1970 from which on a run may have been created twice; None when all is checked.
        problem: why MLflow does not take results, in a sentence; None while it does.
        store: MLflow's tracking URI that `sync` was told to send all to; None for that of the spool.
        place: where the spool was when its runs were made, as `spool_place` gives it; None where nothing says so.
        copy: what this copy of a sweep's folder is known by in MLflow; None for the first one. With it all begins anew.
    """

    def __init__(self, folder: Path) -> None:
        self.spool = folder / SPOOL
        self.path = folder / UPLOADED
        self.runs: dict[int | None, str] = {}
        self.sent = 0
        self.unsure: int | None = None
        self.problem: str | None = None
        self.store: str | None = None
        self.place: str | None = None
        self.copy: str | None = None
        self._read = 0

    @property
    def uri(self) -> str | None:
        """MLflow's tracking URI, as `sync` was told or the spool's first line has it; None where there is no spool.

        Where runs were sent to an SQLite file that was moved with the sweep's folder, it is the URI of the moved file.

        Raises:
            SweepError: the first line was changed or is gone, or what stands there is no URI that results are sent to.
        """
        first, end = read_entries(self.spool, limit=1)
        uri = self.store or (first[0].get("uri") if first else None)
        if uri is not None and (problem := uri_problem(uri)):
            where = self.path if self.store else f"{self.spool}: line 1"
            raise SweepError(
                f"{where}: its address of MLflow's store is not to be used: {problem}",
                f"Restore the file from a copy, or {self._elsewhere()}, which sends all of it there.",
            )
        if uri is None and end:
            raise SweepError(
                f"{self.spool}: line 1, which says where MLflow's store is, was changed or is gone",
                f"Restore the file from a copy, or {self._elsewhere()}, which sends all of it there.",
            )
        return moved_store(uri, self.path.parent) if uri and self.runs else uri

    def _elsewhere(self) -> str:
        return f"`{command_about(self.path.parent, 'sync')} --to URI`"

    def refresh(self) -> UploadProgress:
        """Reads what was added to the journal since the last call, and gives itself."""
        while True:
            lines, end = read_entries(self.path, self._read)
            if end == self._read:
                return self
            self._read = end
            for line in lines:
                self.take(line)

    def take(self, line: Entry) -> None:
        """Takes in one line of the journal.

        Raises:
            SweepError: no uploader wrote it.
        """
        for key, value in line.items():
            kind = isinstance(value, _KINDS.get(key, object)) and not isinstance(value, bool)
            if not kind or (isinstance(value, int) and not 0 <= value < LARGEST):
                raise SweepError(
                    f"{self.path}: {key} is {value!r:.80}, which no uploader wrote",
                    "Restore the file from a copy, or remove it: what MLflow has is then looked up there.",
                )
        if "store" in line or "copy" in line:  # where nothing is yet
            self.runs, self.sent, self.unsure, self.problem = {}, 0, None, None
        self.store = line.get("store", self.store)
        if "run" in line:
            if "trial" not in line:
                raise SweepError(f"{self.path}: a run of no trial", "Restore the file from a copy.")
            self.runs[line["trial"]] = line["run"]
        self.sent = line.get("sent", self.sent)
        self.unsure = line.get("unsure", self.unsure)
        self.problem = line.get("problem", self.problem)
        self.place = line.get("place", self.place)
        self.copy = line.get("copy", self.copy)

    def left(self) -> int:
        """Entries of the spool that are not known to be in MLflow, plus one while a run may be there twice."""
        return count_entries(self.spool, self.offset()) + (self.unsure is not None)

    def check_whole(self) -> None:
        """Refuses a spool of which lines were changed or are gone.

        Raises:
            SweepError: says how many.
        """
        if damaged := count_damaged(self.spool) + self.lost_lines():
            raise SweepError(
                f"{self.spool}: {_damage(damaged)} gone: MLflow has the rest, and not what they said",
                "Restore the file from a copy and sync again. The sweep's own results are in its study.",
            )

    def lost_lines(self) -> int:
        """How many lines at the end of the spool are gone, at least, by what the sweep's progress says of it."""
        least = (read_or_tell(self.spool.with_name(PROGRESS)) or {}).get(SPOOLED)
        return max(0, least - last_line(self.spool)) if isinstance(least, int) else 0

    def offset(self) -> int:
        """Bytes of the spool to skip: `sent`, or 0 when the spool is shorter than that (another one)."""
        return self.sent if self.spool.exists() and self.sent <= self.spool.stat().st_size else 0


def spool_place(path: str | Path) -> str | None:
    """A spool's device, inode and path, by which a copy is told from one that was moved; None where there is none."""
    try:
        place = Path(path).resolve(strict=True)
        about = place.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    return f"{about.st_dev} {about.st_ino} {place}"


def is_copy(spool: Path, known: str) -> bool:
    """Whether a spool is another file than the one whose `spool_place` is known, and that one is still there."""
    first = known.split(" ", 2)[-1]
    return spool_place(first) == known and not spool.samefile(first)


def _damage(lines: int) -> str:
    return "1 line was changed, or lines before it are" if lines == 1 else f"{lines} lines were changed, or others are"
