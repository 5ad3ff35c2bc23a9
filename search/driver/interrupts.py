"""What Ctrl-C and SIGTERM do while a sweep is made ready, and while it trains."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..scheduling import Engine
    from .display import ProgressDisplay


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM, as schedulers send it, is taken as Ctrl-C: by itself it would end the process and tidy nothing up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former or signal.SIG_DFL)


@contextmanager
def interruptible(engine: Engine, progress: ProgressDisplay) -> Iterator[None]:
    """Ctrl-C, or SIGTERM as schedulers send it, lets the running epochs end and saves; a second leaves at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def put_back() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def finish(*_: object) -> None:
        engine.interrupted = "interrupted"
        put_back()
        first = "Finishing the running epochs and saving" if engine.active else "Interrupted: ending"
        progress.say(f"{first}. Ctrl-C again leaves at once.")

    former = {number: signal.signal(number, finish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        put_back()
