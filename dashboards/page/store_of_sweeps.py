"""The sweeps of an experiment in MLflow as the server of pages has them, wherever they ran."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...search.tracking import hide, without_secrets
from ...spaces import SweepError, nearest
from ..queries import stored_records, stored_sweeps
from ..text import SweepLine
from .content import page_content
from .kept_content import KeptContent
from .pictures import pictures_of, usual_places
from .stored import source_of_trials, stored_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..queries import StoredSweep, StoredTrials

OFTEN = 15.0
"""Seconds between two readings of a sweep that runs, at least."""
LISTED = 5.0
"""Seconds for which the list of the sweeps is taken to hold."""


@dataclass(slots=True)
class StoreOfSweeps:
    """The sweeps of an experiment in MLflow, for a server of pages. Reading changes nothing."""

    uri: str
    experiment: str
    only: tuple[str, ...] = ()
    """Names of the sweeps that are shown; () for all of the experiment."""
    _kept: KeptContent = field(default_factory=lambda: KeptContent(OFTEN))
    _read: dict[str, StoredTrials] = field(default_factory=dict)
    _listed: tuple[float, dict[str, StoredSweep]] | None = None

    @property
    def place(self) -> str:
        """The experiment and its store, without secrets."""
        return f"experiment {self.experiment} in MLflow at {without_secrets(hide(self.uri))}"

    def lines(self) -> list[SweepLine]:
        """Each sweep in a line, the one that began last first.

        Raises:
            SweepError: the store does not answer, has no such experiment, or no sweep in it.
        """
        return [
            SweepLine(
                name=sweep.name, state=sweep.state, trials=sweep.trials, best=sweep.best, written=sweep.written or None
            )
            for sweep in self._sweeps().values()
            if not self.only or sweep.name in self.only
        ]

    def content(self, names: Sequence[str]) -> dict[str, Any]:
        """What the page of these sweeps shows; sweeps that run are read anew, but for trials that had ended.

        Args:
            names: of the sweeps.

        Raises:
            SweepError: the store does not answer, or has no such sweep.
        """
        return self._kept.content(names, lambda: self._version(names), lambda: self._made(names))

    def progress(self, names: Sequence[str]) -> dict[str, Any]:
        """How far the sweeps are, and a version that is another one once there is a new content to be asked for.

        Args:
            names: of the sweeps.

        Raises:
            SweepError: the store does not answer, or has no such sweep.
        """
        version = self._kept.version(names, lambda: self._version(names))
        shown = self._kept.shown(names) or {each["name"]: each for each in self.content(names)["sweeps"]}
        running = {name: stored_progress(self._sweep(name)) for name in names}
        return {"version": version, "sweeps": [{**shown[name], "running": running[name]} for name in names]}

    def _made(self, names: Sequence[str]) -> dict[str, Any]:
        self._read = {name: stored_records(self.uri, self.experiment, name, self._read.get(name)) for name in names}
        sources = [source_of_trials(self.uri, self.experiment, each) for each in self._read.values()]
        return page_content(
            sources,
            live="api",
            running=[stored_progress(each.sweep) for each in self._read.values()],
            pictures=pictures_of(sources[0].digest, usual_places(sources[0].name)) if len(sources) == 1 else (),
        )

    def _version(self, names: Sequence[str]) -> str:
        """Of a sweep that runs it changes with time: no request tells whether a trial has another epoch."""
        sweeps = [self._sweep(name) for name in names]
        times = f":{time.monotonic() // OFTEN:.0f}" if any(sweep.running for sweep in sweeps) else ""
        return " ".join(f"{sweep.run_id}:{sweep.state}:{sweep.written}:{sweep.report}" for sweep in sweeps) + times

    def _sweep(self, name: str) -> StoredSweep:
        known = self._sweeps()
        if name not in known:
            raise SweepError(f"no sweep {name!r:.80} in {self.place}", nearest(name, list(known)[:10]))
        return known[name]

    def _sweeps(self) -> dict[str, StoredSweep]:
        now = time.monotonic()
        if self._listed is None or now - self._listed[0] >= LISTED:
            self._listed = now, {sweep.name: sweep for sweep in stored_sweeps(self.uri, self.experiment)}
        return self._listed[1]
