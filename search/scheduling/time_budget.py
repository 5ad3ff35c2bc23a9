"""How long a launch or resume may take, by this process's clock and by that of its workers."""

from __future__ import annotations

import time


class TimeBudget:
    """The time until a deadline.

    Args:
        deadline: `time.monotonic()` past which nothing new starts; None for no limit.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        self._clocks_agree = True

    @property
    def left(self) -> float | None:
        """Seconds until the deadline, 0 past it; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    @property
    def spent(self) -> bool:
        """Whether the deadline is past."""
        return self.within(0.0)

    def within(self, seconds: float) -> bool:
        """Whether at most so many `seconds` are left; never so where there is no deadline."""
        return self.deadline is not None and time.monotonic() >= self.deadline - seconds

    @property
    def until(self) -> float | None:
        """The deadline as `time.time()`, which workers share more or less; None where workers get none."""
        if self.deadline is None or not self._clocks_agree:
            return None
        return time.time() + self.deadline - time.monotonic()

    def distrust_workers(self) -> None:
        """Has only this process's clock count from now on: a worker's clock is ahead of it."""
        self._clocks_agree = False
