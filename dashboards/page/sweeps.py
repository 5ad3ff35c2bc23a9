"""The sweeps of a folder as the server of pages has them: opened anew each time, their content kept while it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...search import Sweep
from ..text import sweep_lines
from .content import page_content
from .kept_content import KeptContent
from .pictures import pictures_of, usual_places
from .sources import progress_of, source_of, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..text import SweepLine

OFTEN = 10.0
"""Seconds between two readings of a sweep that runs, at least: reading takes time that its trials could use."""


@dataclass(slots=True)
class FolderOfSweeps:
    """The sweeps of a folder, for a server of pages. Reading changes nothing."""

    folder: Path
    only: tuple[str, ...] = ()
    """Names of the sweeps that are shown; () for all of the folder."""
    _kept: KeptContent = field(default_factory=lambda: KeptContent(OFTEN))

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

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
        sweeps = [self._open(name) for name in names]
        return self._kept.content(names, lambda: self._version(sweeps), lambda: self._made(sweeps))

    def progress(self, names: Sequence[str]) -> dict[str, Any]:
        """How far the sweeps are, and a version that is another one once there is a new content to be asked for.

        Args:
            names: of the sweeps.

        Raises:
            SweepError: there is no such sweep, or its files are damaged.
        """
        sweeps = [self._open(name) for name in names]
        version = self._kept.version(names, lambda: self._version(sweeps))
        shown = self._kept.shown(names) or {each["name"]: each for each in self.content(names)["sweeps"]}
        return {
            "version": version,
            "sweeps": [{**shown[sweep.name], "running": progress_of(sweep)} for sweep in sweeps],
        }

    def _made(self, sweeps: Sequence[Sweep]) -> dict[str, Any]:
        sources = [source_of(sweep) for sweep in sweeps]
        return page_content(
            sources,
            live="api",
            running=[progress_of(sweep) for sweep in sweeps],
            pictures=pictures_of(sources[0].digest, usual_places(sweeps[0].name)) if len(sources) == 1 else (),
        )

    def _open(self, name: str) -> Sweep:
        return Sweep.open(name, self.folder)

    def _version(self, sweeps: Sequence[Sweep]) -> str:
        return " ".join(map(version_of, sweeps))
