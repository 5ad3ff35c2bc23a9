"""The content of the page that is looked at, kept while it holds: to read it again takes time that trials could use."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..text import SweepLine

MOST = 4
"""Contents that are kept, at most: several pages may be open, and one of 10,000 trials takes tens of megabytes."""
SHARE = 5.0
"""How many times as long as a reading took the next one waits, at least."""


class Sweeps(Protocol):
    """Sweeps as a server of pages has them, wherever they are."""

    only: tuple[str, ...]
    """Names of the sweeps that are shown; () for all."""

    @property
    def place(self) -> str:
        """Where the sweeps are, in words."""
        ...

    def lines(self) -> list[SweepLine]:
        """Each sweep in a line, the latest first."""
        ...

    def content(self, names: Sequence[str]) -> dict[str, Any]:
        """What the page of these sweeps shows."""
        ...

    def progress(self, names: Sequence[str]) -> dict[str, Any]:
        """How far the sweeps are, and a version that is another one once there is a new content to be asked for."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """A content, and how it came about."""

    version: str
    content: dict[str, Any]
    made: float
    took: float


@dataclass(slots=True)
class KeptContent:
    """The last content that was made of some sweeps."""

    often: float
    """Seconds between two readings of a sweep that runs, at least."""
    _kept: dict[tuple[str, ...], _Kept] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def content(
        self, names: Sequence[str], version: Callable[[], str], make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The content of sweeps, made anew where their version is another one and the last reading is a while ago.

        Args:
            names: of the sweeps.
            version: gives a text that is another one where there is something new.
            make: reads the sweeps and makes their content.
        """
        key = tuple(names)
        with self._making:  # two people who look need one reading
            now, kept = version(), self._kept.get(key)
            if kept is not None and (kept.version == now or not self._is_due(kept)):
                return kept.content
            began = time.monotonic()
            content = make()
            made = time.monotonic()
            content["version"] = now
            self._kept.pop(key, None)
            self._kept[key] = _Kept(now, content, made, made - began)
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]  # what was made longest ago
            return content

    def version(self, names: Sequence[str], now: Callable[[], str]) -> str:
        """The version of the content that is shown until it can be made anew, else that of the sweeps now.

        Args:
            names: of the sweeps.
            now: gives that of the sweeps.
        """
        kept = self._kept.get(tuple(names))
        return kept.version if kept and not self._is_due(kept) else now()

    def shown(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """How each sweep stands by the content that is kept, by name; {} where none is.

        Args:
            names: of the sweeps.
        """
        kept = self._kept.get(tuple(names))
        return {each["name"]: each for each in kept.content["sweeps"]} if kept else {}

    def _is_due(self, kept: _Kept) -> bool:
        return time.monotonic() - kept.made >= max(self.often, SHARE * kept.took)
