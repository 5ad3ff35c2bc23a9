"""What of a spool is in MLflow already: the uploader writes it to a journal, and everyone else reads it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..files import SPOOL, UPLOADED, Entry, count_entries, read_entries
from .mlflow_store import moved_store

if TYPE_CHECKING:
    from pathlib import Path


class UploadProgress:
    """How much of a sweep's spool is in MLflow, by the uploader's journal in the sweep's folder; `refresh` reads on.

    Args:
        folder: the sweep's folder.

    Attributes:
        runs: MLflow's run id of each trial, by trial number; of the sweep's own run under None.
        sent: bytes of the spool that are in MLflow.
        unsure: milliseconds since 1970 from which on a run may have been created twice; None when all is checked.
        problem: why MLflow does not take results, in a sentence; None while it does.
    """

    def __init__(self, folder: Path) -> None:
        self.spool = folder / SPOOL
        self.path = folder / UPLOADED
        self.runs: dict[int | None, str] = {}
        self.sent = 0
        self.unsure: int | None = None
        self.problem: str | None = None
        self._read = 0

    @property
    def uri(self) -> str | None:
        """MLflow's tracking URI, as the first line of the spool names it; None where there is no spool.

        Where runs were sent to an SQLite file that was moved with the sweep's folder, it is the URI of the moved file.
        """
        first = read_entries(self.spool, limit=1)[0]
        uri = first[0].get("uri") if first else None
        return moved_store(uri, self.path.parent) if uri and self.runs else uri

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
        """Takes in one line of the journal."""
        if "run" in line:
            self.runs[line["trial"]] = line["run"]
        self.sent = line.get("sent", self.sent)
        self.unsure = line.get("unsure", self.unsure)
        self.problem = line.get("problem", self.problem)

    def left(self) -> int:
        """Entries of the spool that are not known to be in MLflow, plus one while a run may be there twice."""
        return count_entries(self.spool, self.offset()) + (self.unsure is not None)

    def offset(self) -> int:
        """Bytes of the spool to skip: `sent`, or 0 when the spool is shorter than that (another one)."""
        return self.sent if self.spool.exists() and self.sent <= self.spool.stat().st_size else 0
