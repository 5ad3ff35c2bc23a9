"""Memory that decoding pictures may take at a time, shared between threads or processes. Knows no PIL."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

MOST_BYTES = 500_000_000
"""Memory that decoding one picture may take, and the size of the largest file that is read. A PNG in colour has 125
million pixels then, half of that with an alpha channel. A larger JPEG is decoded at a half, a quarter or an eighth of
its size, where it is resized anyway."""
BYTES_A_CPU = 100_000_000
"""Memory that all pictures decoded at a time may take for each CPU that decodes, if that is more than MOST_BYTES."""
UNIT = 4_000_000
"""Bytes by which room is given."""


class Room:
    """Room for so many bytes at a time: who asks for more than is left waits, and gets all there is at most.

    Args:
        most: how many bytes.
        kind: `threading` or a context of `multiprocessing`: among whom the room is shared.
    """

    def __init__(self, most: int, kind: Any = threading) -> None:
        self._units = most // UNIT
        self._one_asks, self._free = kind.Lock(), kind.Semaphore(self._units)

    @contextmanager
    def of(self, needed: int) -> Iterator[None]:
        """A context manager in whose body so many bytes may be used."""
        units = min(-(-needed // UNIT), self._units)
        with self._one_asks:  # two that each hold half of what they need would wait for ever
            for _ in range(units):
                self._free.acquire()
        try:
            yield
        finally:
            for _ in range(units):
                self._free.release()


def room_for(cpus: int, kind: Any = threading) -> Room:
    """Room for as many CPUs to decode pictures, and for the largest picture in any case."""
    return Room(max(MOST_BYTES, cpus * BYTES_A_CPU), kind)


_room = room_for(os.cpu_count() or 1)


def room(needed: int) -> AbstractContextManager[None]:
    """A context manager in whose body this process may use so many bytes to decode a picture."""
    return _room.of(needed)


def share(room: Room) -> None:
    """From now on this process decodes within `room`, which others may share."""
    global _room
    _room = room
