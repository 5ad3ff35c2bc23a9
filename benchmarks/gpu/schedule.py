"""Runs the parts in their order while there is time for them; one that fails ends none of the others."""

from __future__ import annotations

import gc
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from convscape.trainers.device import empty_cache, still_computes

from .report import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .report import Report

OVERTIME = 15.0
"""Seconds that a part may take beyond all the time there is: what it measured is worth more than they are."""


class LeftOutError(Exception):
    """A part finds that it cannot or need not be measured here; says why."""


class TimeIsUp(BaseException):
    """The part that runs has used up all the time and the overtime. As of an interrupt, nobody who catches errors
    catches this.
    """


@dataclass(frozen=True)
class Part:
    """What is measured together."""

    name: str
    seconds: float
    """That it takes, about; it is begun only where so many are left, and is handed them."""
    run: Callable[[float], None]
    """Measures it, in about so many seconds. Raises `LeftOutError` where it cannot be measured here."""


def run_parts(
    parts: Sequence[Part],
    report: Report,
    seconds: float,
    device: torch.device,
    *,
    began: float | None = None,
    overtime: float = OVERTIME,
) -> bool:
    """Runs parts one after the other, each only where its time is left; smaller ones behind it may still fit.

    Args:
        parts: in the order they are run in.
        report: is told what fails and what is left out.
        seconds: for all of them.
        device: that they use; its unused memory is freed after each.
        began: when the time began, by `time.monotonic`; None for now.
        overtime: seconds beyond the time after which the part that runs is ended.

    Returns:
        Whether all had their turn: False where somebody interrupted it.
    """
    end = (time.monotonic() if began is None else began) + seconds
    lost, left = "", list(parts)
    try:
        while left:
            part, remaining = left[0], end - time.monotonic()
            if lost:
                report.leave_out(part.name, lost)
            elif part.seconds > remaining:
                report.leave_out(part.name, f"time: takes {part.seconds:.0f} s, {max(0.0, remaining):.0f} s were left")
            else:
                _run(part, report, remaining + overtime)
                lost = _lost(part, device)
            del left[0]
    except KeyboardInterrupt:
        for part in left:
            report.leave_out(part.name, "interrupted")
        return False
    return True


def _run(part: Part, report: Report, longest: float) -> None:
    begun = time.monotonic()
    try:
        with _ended_after(longest):
            part.run(part.seconds)
    except LeftOutError as why:
        report.leave_out(part.name, str(why))
    except TimeIsUp:
        report.leave_out(part.name, f"time: ended after {time.monotonic() - begun:.0f} s, it takes longer here")
    except Exception as error:  # noqa: BLE001 - whatever it runs into, the other parts are measured
        report.fail(part.name, error)
    say(f"         [{part.name}: {time.monotonic() - begun:.1f} s]")


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """A context that is ended by `TimeIsUp` after so many seconds, where the system has such a clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: object) -> None:
        raise TimeIsUp

    former = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 5.0)  # again, where something swallowed the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _lost(part: Part, device: torch.device) -> str:
    """Frees what the part held; why nothing more can be measured, where a GPU takes no more work of this process."""
    try:
        gc.collect()
        empty_cache(device)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        works = still_computes(str(device))
    except RuntimeError:  # an illegal access stays with the process
        works = False
    return "" if works else f"the GPU answers this process no more since {part.name}"
