"""Shows how far a sweep is: one live line on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ...spaces import printable
from ..config import UNLIMITED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .progress import SweepProgress

PLAIN_EVERY = 10.0
"""Seconds between two lines where standard error is no terminal."""


class TerminalProgress:
    """Shows on standard error how far a sweep is. Use it as a context manager, and call it with each `SweepProgress`.

    Once a line cannot be written, as to a closed pipe, nothing more is shown, and the sweep goes on.

    Args:
        console: where to write instead of standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._newest: SweepProgress | None = None
        self._live = Live(
            console=self._console,
            transient=True,
            get_renderable=self._line,
            refresh_per_second=1,
            redirect_stdout=False,
        )
        self._shown = time.monotonic()
        self._last = ""
        self._broken = False

    def __enter__(self) -> TerminalProgress:
        if self._console.is_terminal:
            self._try(self._live.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            with suppress(Exception, SystemExit):  # though it be broken: its clock is to stop
                self._live.stop()

    def __call__(self, progress: SweepProgress) -> None:
        self._newest = progress
        self._try(lambda: self._show(progress))

    def _try(self, show: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            show()
        except (Exception, SystemExit):  # noqa: BLE001 - rich exits on a closed pipe; a log's end is not the sweep's
            self._broken = True

    def _show(self, progress: SweepProgress) -> None:
        if self._console.is_terminal:
            self._live.refresh()
        elif time.monotonic() - self._shown > PLAIN_EVERY or not progress.is_running:
            text = progress_line(progress)
            if text != self._last:
                self._shown, self._last = time.monotonic(), text
                self._print(text)

    def _line(self) -> Text:
        """The newest progress with its clock moved on, so that the line does not stand still while epochs are long."""
        if self._newest is None:
            return Text()
        return Text(printable(progress_line(as_of_now(self._newest), width=self._console.width - 1)), no_wrap=True)

    def say(self, text: str) -> None:
        """Prints `text` as a line that stays, above the live one."""
        self._try(lambda: self._print(text))

    def _print(self, text: str) -> None:
        self._console.print(printable(text), soft_wrap=True, markup=False)


def as_of_now(progress: SweepProgress) -> SweepProgress:
    """The progress of a while ago with its clocks moved on to now: seconds so far, and seconds left."""
    age = max(0.0, time.time() - progress.time)
    left = None if progress.left is None else max(0.0, progress.left - age)
    return replace(progress, seconds=progress.seconds + age, left=left)


def progress_line(progress: SweepProgress, width: int | None = None) -> str:
    """One line: time, trials ended, running, paused, the best, images a second, time left, the best's design.

    The design is last, for its length: a narrow terminal cuts it.

    Args:
        progress: how far the sweep is.
        width: most characters of the line, None for no limit.

    >>> from convscape.search.driver import SweepProgress, SweepState
    >>> now = SweepProgress(
    ...     state=SweepState.RUNNING, time=0.0, seconds=75, wanted=50, begun=12, ended=3, paused=7, running=2, failed=0,
    ...     baselines=0, finals=0, epochs=30, images_per_second=1234.5, left=90, trial=4, accuracy=0.91,
    ...     notation="INPUT -> FC-10",
    ... )
    >>> progress_line(now, 100)
    '1:15  12/50 trials: 3 ended, 2 running, 7 paused  best 0.9100 (trial 4)  1,234 images/s  about 1:30…'
    """
    stand = f"{progress.ended} ended, {progress.running} running, {progress.paused} paused"
    begun = progress.begun if progress.wanted == UNLIMITED else f"{progress.begun}/{progress.wanted}"
    parts = [format_duration(progress.seconds), f"{begun} trials: {stand}"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.baselines:
        parts.append(f"baselines: {progress.baselines} ended")
    if progress.finals:
        parts.append(f"finals: {progress.finals} runs ended")
    if progress.trial is not None:
        parts.append(f"best {progress.accuracy:.4f} (trial {progress.trial})")
    if progress.images_per_second and progress.running:
        parts.append(f"{progress.images_per_second:,.0f} images/s")
    if progress.left is not None:
        parts.append(f"about {format_duration(progress.left)} left")
    if progress.notation:
        parts.append(progress.notation)
    text = "  ".join(parts)
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def format_duration(seconds: float) -> str:
    """A duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
