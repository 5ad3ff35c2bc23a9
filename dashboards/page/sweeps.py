"""The sweeps of a folder as the server of pages has them: opened anew each time, their content kept while it holds."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...search import Sweep
from ..text import sweep_lines
from .content import page_content, sweep_content
from .pictures import pictures_of, usual_places
from .sources import progress_of, source_of, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..text import SweepLine

OFTEN = 10.0
"""Seconds between two readings of a sweep that runs, at least: reading takes time that its trials could use."""
SHARE = 5.0
"""How many times as long as a reading took the next one waits, at least."""


@dataclass(slots=True)
class _Kept:
    """A content, and how it came about."""

    version: str
    content: dict[str, Any]
    made: float
    took: float


@dataclass(slots=True)
class FolderOfSweeps:
    """The sweeps of a folder, for a server of pages. Reading changes nothing."""

    folder: Path
    only: tuple[str, ...] = ()
    """Names of the sweeps that are shown; () for all of the folder."""
    _kept: dict[tuple[str, ...], _Kept] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def lines(self) -> list[SweepLine]:
        """Each sweep in a line, the latest first."""
        found = sweep_lines(self.folder)
        return [line for line in found if not self.only or line.name in self.only]

    def content(self, names: Sequence[str]) -> dict[str, Any]:
        """What the page of these sweeps shows, read anew where something is new and the last reading is a while ago.

        Args:
            names: of the sweeps.

        Raises:
            SweepError: there is no such sweep, or its files are damaged.
        """
        key = tuple(names)
        with self._making:  # two people who look need one reading
            sweeps = [self._open(name) for name in names]
            version = self._version(sweeps)
            kept = self._kept.get(key)
            if kept is not None and (kept.version == version or not self._is_due(kept)):
                return kept.content
            began = time.monotonic()
            sources = [source_of(sweep) for sweep in sweeps]
            content = page_content(
                sources,
                live="api",
                running=[progress_of(sweep) for sweep in sweeps],
                pictures=pictures_of(sources[0].digest, usual_places(names[0])) if len(sources) == 1 else (),
            )
            now = time.monotonic()
            self._kept = {key: _Kept(version, content, now, now - began)}  # the one that is looked at
            return content

    def progress(self, names: Sequence[str]) -> dict[str, Any]:
        """How far the sweeps are, and a version that is another one once there is a new content to be asked for.

        Args:
            names: of the sweeps.

        Raises:
            SweepError: there is no such sweep, or its files are damaged.
        """
        sweeps = [self._open(name) for name in names]
        kept = self._kept.get(tuple(names))
        shown = {each["name"]: each for each in kept.content["sweeps"]} if kept else {}
        version = kept.version if kept and not self._is_due(kept) else self._version(sweeps)
        lines = [
            {**shown[sweep.name], "running": progress_of(sweep)}
            if sweep.name in shown
            else sweep_content(source_of(sweep), progress_of(sweep))
            for sweep in sweeps
        ]
        return {"version": version, "sweeps": lines}

    def _open(self, name: str) -> Sweep:
        return Sweep.open(name, self.folder)

    def _version(self, sweeps: Sequence[Sweep]) -> str:
        return " ".join(map(version_of, sweeps))

    def _is_due(self, kept: _Kept) -> bool:
        return time.monotonic() - kept.made >= max(OFTEN, SHARE * kept.took)
