"""Progress on standard error: a live view on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from ...spaces import printable
from .phases import format_duration
from .view import progress_line, progress_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .phases import Phase
    from .progress import SweepProgress

PLAIN_EVERY = 10.0
"""Seconds between two lines of a log."""
ECHOED = 5
"""Columns that are left free for the ^C that a terminal shows behind the view: a line that wraps would stay behind."""
SLOW = 0.4
"""Seconds after which a log says what goes on before the sweep has begun."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raises; rich would put /dev/null in the place of standard output, which has readers of its own."""
        raise BrokenPipeError


def stderr_console() -> Console:
    """Standard error, as rich writes to it: with colours on a terminal unless NO_COLOR is set."""
    return _Console(stderr=True, highlight=False, force_jupyter=False)


class Terminal:
    """A view that is kept up to date in its place on a terminal, and is gone at the end.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, auto_refresh=False, redirect_stdout=False)

    def open(self) -> None:
        """Begins to show; what others write to standard error meanwhile stays above."""
        self._live.start()
        self._console.show_cursor(True)  # a process that is killed cannot bring it back

    def draw(self, phases: Sequence[Phase], progress: SweepProgress | None) -> None:
        """Shows phases and progress in place of those before."""
        self._live.update(progress_view(phases, progress, self._console.width - ECHOED), refresh=True)

    def say(self, text: str) -> None:
        """Prints `text` above the view."""
        _print(self._console, text)

    def close(self) -> None:
        """Wipes the view."""
        self._live.stop()


class Log:
    """Plain lines, one every PLAIN_EVERY seconds at most, and one for each phase before the sweep that takes a while.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown, self._last, self._phase = time.monotonic(), "", ""

    def open(self) -> None:
        """Does nothing."""

    def draw(self, phases: Sequence[Phase], progress: SweepProgress | None) -> None:
        """Prints a line where it is time for one and there is something new to say."""
        now = time.monotonic()
        if progress and (now - self._shown > PLAIN_EVERY or not progress.is_running):
            line = progress_line(progress)
            if progress.is_running or line != self._last:
                self._shown, self._last = now, line
                self.say(line)
            return
        begun = progress is not None and progress.epochs > 0
        if not begun and phases and phases[-1].seconds >= SLOW and phases[-1].name != self._phase:
            self._shown, self._phase = now, phases[-1].name
            self.say(f"{format_duration(sum(phase.seconds for phase in phases))}  {phases[-1].name}")

    def say(self, text: str) -> None:
        """Prints `text` as a line."""
        _print(self._console, text)

    def close(self) -> None:
        """Does nothing."""


def _print(console: Console, text: str) -> None:
    from ..tracking import without_secrets

    console.print(printable(without_secrets(text)), soft_wrap=True, markup=False)
