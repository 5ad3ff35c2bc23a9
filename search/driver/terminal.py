"""How a sweep stands: one live line on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .heartbeat import SweepProgress

PLAIN_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """Shows snapshots on standard error. Use it as a context, and call it with each snapshot."""

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

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._try(self._live.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            with suppress(Exception, SystemExit):  # though it be broken: its clock is to stop
                self._live.stop()

    def __call__(self, snapshot: SweepProgress) -> None:
        self._newest = snapshot
        self._try(lambda: self._show(snapshot))

    def _try(self, show: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            show()
        except (Exception, SystemExit):  # noqa: BLE001 - rich exits on a closed pipe; a log's end is not the sweep's
            self._broken = True

    def _show(self, snapshot: SweepProgress) -> None:
        if self._console.is_terminal:
            self._live.refresh()
        elif time.monotonic() - self._shown > PLAIN_EVERY or snapshot.how != "running":
            text = line(snapshot)
            if text != self._last:
                self._shown, self._last = time.monotonic(), text
                self._print(text)

    def _line(self) -> Text:
        """The newest snapshot with its clock moved on, so that the line does not stand still while epochs are long."""
        if self._newest is None:
            return Text()
        return Text(line(aged(self._newest), width=self._console.width - 1), no_wrap=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._try(lambda: self._print(text))

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False)


def aged(snapshot: SweepProgress) -> SweepProgress:
    """A snapshot of a while ago with its clocks moved on to now."""
    age = max(0.0, time.time() - snapshot.time)
    left = None if snapshot.left is None else max(0.0, snapshot.left - age)
    return replace(snapshot, seconds=snapshot.seconds + age, left=left)


def line(snapshot: SweepProgress, width: int | None = None) -> str:
    """One line: time, trials ended, running, paused, the best, images a second, time left, the best's design.

    The design is last, for its length: a narrow terminal cuts it.

    >>> from convscape.search.driver.heartbeat import SweepProgress
    >>> now = SweepProgress("running", 0.0, 75, 50, 12, 3, 7, 2, 0, 0, 0, 30, 1234.5, 90, 4, 0.91, 29, "INPUT -> FC-10")
    >>> line(now, 100)
    '1:15  12/50 trials: 3 ended, 2 running, 7 paused  best 0.9100 (trial 4)  1,234 images/s  about 1:30…'
    """
    stand = f"{snapshot.ended} ended, {snapshot.running} running, {snapshot.paused} paused"
    parts = [clock(snapshot.seconds), f"{snapshot.begun}/{snapshot.wanted} trials: {stand}"]
    if snapshot.failed:
        parts.append(f"{snapshot.failed} failed")
    if snapshot.baselines:
        parts.append(f"baselines: {snapshot.baselines} ended")
    if snapshot.finals:
        parts.append(f"finals: {snapshot.finals} runs ended")
    if snapshot.trial is not None:
        parts.append(f"best {snapshot.accuracy:.4f} (trial {snapshot.trial})")
    if snapshot.images_per_second and snapshot.running:
        parts.append(f"{snapshot.images_per_second:,.0f} images/s")
    if snapshot.left is not None:
        parts.append(f"about {clock(snapshot.left)} left")
    if snapshot.notation:
        parts.append(snapshot.notation)
    text = "  ".join(parts)
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def clock(seconds: float) -> str:
    """A duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
