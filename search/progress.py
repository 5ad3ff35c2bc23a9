"""How a sweep stands: one live line on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

    from .engine import Engine

PLAIN_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """Shows an engine's state on standard error. Use it as a context, and as the engine's listener."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._started = time.monotonic()
        self._shown = self._started
        self._last = ""
        self._broken = False

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, engine: Engine) -> None:
        if self._broken:
            return
        try:
            self._show(engine)
        except (Exception, SystemExit):  # noqa: BLE001 - rich exits on a closed pipe; a log's end is not the sweep's
            self._broken = True

    def _show(self, engine: Engine) -> None:
        now = time.monotonic()
        if self._console.is_terminal:
            if now - self._shown > 0.1:
                self._shown = now
                width = self._console.width
                self._live.update(Text(line(engine, now - self._started)[: width - 1], no_wrap=True), refresh=True)
        elif now - self._shown > PLAIN_EVERY or engine.finished:
            text = line(engine, now - self._started)
            if text != self._last:
                self._shown, self._last = now, text
                self.say(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, soft_wrap=True, markup=False)


def line(engine: Engine, seconds: float) -> str:
    """One line: time, trials done, running, paused, the best with its design, images a second, time left."""
    counts = engine.counts()
    done = [record.role for record in engine.records.values() if record.state in ("completed", "stopped", "failed")]
    baselines = done.count("baseline")
    paused = sum(record.state == "paused" for record in engine.records.values())
    speed = sum(engine.images_per_second.values())
    search = engine.config.search
    stand = f"{len(done) - baselines} ended, {len(engine.active)} running, {paused} paused"
    parts = [clock(seconds), f"{engine.trained}/{search.trials} trials: {stand}"]
    if baselines:
        parts.append(f"baselines: {baselines} ended")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    ranking = engine.ranking()
    if ranking:
        best = ranking[0]
        parts.append(f"best {best.accuracy:.4f} (trial {best.number}, {best.design.parameters:,} parameters)")
    if speed:
        parts.append(f"{speed:,.0f} images/s")
    if engine.deadline is not None:
        parts.append(f"{clock(max(0.0, engine.deadline - time.monotonic()))} left")
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """A duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
