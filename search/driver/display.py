"""Shows how far a launch or resume is, on whatever standard error is: a terminal, a log or a notebook."""

from __future__ import annotations

import textwrap
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from .notebook import Notebook, in_notebook
from .phases import Phases, phases_line
from .progress import as_of_now
from .terminal import Log, Terminal, stderr_console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from .phases import Phase
    from .progress import SweepProgress

WIDTH = 80
"""Columns of the line of phases at the end, at most: a longer one is wrapped."""
DRAWN_EVERY = 0.5
"""Seconds between two looks at a display."""


class Surface(Protocol):
    """Where progress is shown."""

    def open(self) -> None:
        """Begins to show."""

    def draw(self, phases: Sequence[Phase], progress: SweepProgress | None) -> None:
        """Shows how far it is: what was done so far, and how far the sweep is, None before it has begun."""

    def say(self, text: str) -> None:
        """Shows `text` as a line that stays."""

    def close(self) -> None:
        """Ends showing; lines that were said stay."""


class ProgressDisplay:
    """Shows how far a launch or resume is. Use it as a context manager, and call it with each `SweepProgress`.

    It is drawn twice a second by a thread of its own, so that clocks go on while nothing is heard; a call costs next
    to nothing. Once it cannot be written, as to a closed pipe, nothing more is shown, and the sweep goes on. It may be
    entered again while it is entered.

    Args:
        surface: where to show it; standard error, or the notebook that this runs in, when not given.
        live: whether anything is shown but what is said.
    """

    def __init__(self, surface: Surface | None = None, *, live: bool = True) -> None:
        self.phases = Phases()
        """What was done so far."""
        self._surface: Surface = surface or (Notebook() if live and in_notebook() else _on_stderr())
        self._live, self._depth, self._broken = live, 0, False
        self._newest: SweepProgress | None = None
        self._drawing = threading.RLock()
        self._closed = threading.Event()
        self._clock: threading.Thread | None = None

    def __enter__(self) -> ProgressDisplay:
        self._depth += 1
        if self._depth == 1 and self._live:
            self._try(self._surface.open)
            self._closed.clear()
            self._clock = threading.Thread(target=self._run, name="progress", daemon=True)
            self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth or not self._live:
            return
        self._closed.set()
        if self._clock is not None:
            self._clock.join(timeout=2 * DRAWN_EVERY)
        with suppress(Exception, SystemExit):  # though it be broken: a terminal is to be as it was
            self._surface.close()
        if self._newest is not None and self._newest.epochs and (took := phases_line(self.phases.so_far)):
            self.say(textwrap.fill(took, WIDTH, break_on_hyphens=False))

    def __call__(self, progress: SweepProgress) -> None:
        """Takes in how far the sweep is; the end is shown at once."""
        self._newest = progress
        if not progress.is_running:
            self.draw()

    def enter(self, phase: str) -> None:
        """Begins the phase of that name, which is shown at once where there is a screen."""
        self.phases.enter(phase)

    def draw(self) -> None:
        """Shows the newest progress, its clocks moved on to now."""
        if self._live:
            progress = self._newest and as_of_now(self._newest)
            self._try(lambda: self._surface.draw(self.phases.so_far, progress))

    def say(self, text: str) -> None:
        """Shows `text` as a line that stays."""
        self._try(lambda: self._surface.say(text))

    def note(self, text: str) -> None:
        """Shows `text` as a line that stays, where progress is shown: what nothing need be done about."""
        if self._live:
            self.say(text)

    def _run(self) -> None:
        while True:
            self.draw()
            if self._closed.wait(DRAWN_EVERY):
                return

    def _try(self, show: Callable[[], None]) -> None:
        with self._drawing:
            if self._broken:
                return
            try:
                show()
            except (Exception, SystemExit):  # noqa: BLE001 - rich exits on a closed pipe; a log's end is not the sweep's
                self._broken = True


def _on_stderr() -> Surface:
    console = stderr_console()
    return Terminal(console) if console.is_interactive and console.file.isatty() else Log(console)
