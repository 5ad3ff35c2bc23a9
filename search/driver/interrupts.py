"""What Ctrl-C, SIGTERM and a closed terminal do while a sweep is made ready, and while it trains."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .phases import FINALS, LAST_TRAINING, SEARCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..scheduling import Engine
    from .display import ProgressDisplay


def _ends() -> list[signal.Signals]:
    """The signals that have a process end, beside Ctrl-C's: a scheduler's, and that of a terminal that is closed.

    The latter is left alone where it is ignored, as `nohup` has it.
    """
    if not hasattr(signal, "SIGHUP") or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # Windows has none
        return [signal.SIGTERM]
    return [signal.SIGTERM, signal.SIGHUP]


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP are taken as Ctrl-C: by themselves they would end the process and tidy nothing up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupt) for number in _ends()}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def interruptible(engine: Engine, progress: ProgressDisplay) -> Iterator[None]:
    """Ctrl-C, SIGTERM or SIGHUP lets the running epochs end and saves; a second leaves at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def put_back() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def finish(*_: object) -> None:
        engine.interrupted = "interrupted"
        put_back()
        trains = progress.phases.current in (SEARCH, FINALS, LAST_TRAINING)  # else workers may be starting
        first = "Finishing the running epochs and saving" if trains else "Interrupted: ending"
        begun = " An epoch that has begun is finished and saved." if engine.active and not trains else ""
        progress.say(f"{first}.{begun} Ctrl-C again leaves at once.")

    former = {number: signal.signal(number, finish) for number in (signal.SIGINT, *_ends())}
    try:
        yield
    finally:
        put_back()
