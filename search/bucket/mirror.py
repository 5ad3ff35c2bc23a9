"""Copies a sweep's folder up while its driver runs, in a thread: checkpoints, then the segment that tells of them."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..files import (
    LARGEST_JSON,
    PLAIN,
    PROGRESS,
    STOP as LOCAL_STOP,
    STUDY,
    TRIALS,
)
from .bringing import appended_bytes, small_file
from .checkpoints import CheckpointCopies
from .layout import STOP
from .lease import LostLeaseError
from .segment import APPENDED, SMALL, Part

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..files import BucketMark
    from .lease import Lease
    from .store import Store

PERIOD = 5.0
"""Seconds between two looks at what is new; with the copying itself it is to stay below ten."""
HASTE = 0.3
"""Seconds between them when the sweep has ended and MLflow waits for what is not copied yet."""
_PIECE = 8 * 2**20  # bytes of append-only files in a segment
_log = logging.getLogger(__name__)


class Mirror:
    """Copies what is new in a sweep's folder into object storage, and keeps the lease, until `finish`.

    No call here waits for the storage but `finish`, and none raises because of it. While the storage does not answer
    nothing is copied, and that is told once.

    Args:
        store: where the sweep is.
        folder: the sweep's, locked by this process.
        lease: taken.
        period: seconds between two looks at what is new.
    """

    def __init__(self, store: Store, folder: Path, lease: Lease, period: float) -> None:
        self._store, self._folder, self._lease, self._period = store, folder, lease, period
        self._copies = CheckpointCopies(store, folder.name, folder)
        self._sent: dict[str, bytes] = {}
        self._study_lines: Callable[[], int] | None = None
        self._when_lost: Callable[[], None] = lambda: None
        self._counted, self._cycles = (0, 0), 0
        self._wake, self._ending, self._done = threading.Event(), False, threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"bucket-{work.__name__}", daemon=True)
            for work in (self._copy, self._renew)
        ]
        self.problem: str | None = None
        """Why nothing is copied now, in a sentence; None while it is."""
        self.lost: LostLeaseError | None = None
        """That another driver has the sweep; None while this one has it."""

    def start(self) -> None:
        """Begins. Of the study, of what MLflow is told, and of checkpoints nothing is copied before `follow`."""
        for thread in self._threads:
            thread.start()

    def follow(self, study_lines: Callable[[], int], when_lost: Callable[[], None] = lambda: None) -> None:
        """Has study, spool and checkpoints copied from now on.

        Args:
            study_lines: gives how many lines of the study are sure to stay.
            when_lost: called, in another thread, where another driver has taken the sweep over.
        """
        self._when_lost = when_lost
        self._study_lines = study_lines
        if self.lost:
            when_lost()

    def hasten(self) -> None:
        """Has what is new copied almost at once from now on."""
        self._period = min(self._period, HASTE)
        self._wake.set()

    def wait(self, seconds: float) -> bool:
        """Waits until all that is new now is there, so many seconds at most. Gives whether it is."""
        until, seen = time.monotonic() + seconds, self._cycles
        while self._cycles < seen + 2 and not self.lost and time.monotonic() < until:  # one may have begun before
            time.sleep(0.05)
        return self._cycles >= seen + 2

    def finish(self, seconds: float) -> str | None:
        """Copies the rest, gives the lease back and ends; waits so many seconds for that.

        Returns:
            What is not there, in a sentence; None where all is.
        """
        self._ending = True
        self._wake.set()
        if self._done.wait(seconds) and self.problem is None:
            return None
        why = f" ({self.problem})" if self.problem else ""
        return f"What is new since (of study and results {self._left():,} bytes, and checkpoints){why}"

    def _left(self) -> int:
        """Bytes of the append-only files that are not there yet."""
        sizes = self._lease.mark.sizes
        return sum(max(0, _size(self._folder / name) - sizes.get(name, 0)) for name in APPENDED)

    def _copy(self) -> None:
        ended = False
        while not ended and not self.lost:
            if not self._ending:
                self._wake.wait(self._period)
                self._wake.clear()
            ended = self._ending
            try:
                self._cycle()
                self._cycles += 1
                if ended:
                    self._lease.give_back()
                if self.problem is not None:
                    _log.warning("%s answers again: what waited is there.", self._store.url)
                self.problem = None
            except LostLeaseError as error:
                self._lose(error)
            except (SweepError, OSError) as error:
                ended = False
                self._tell(error)
                time.sleep(min(1.0, self._period))
            except Exception as error:  # noqa: BLE001 - nothing of this ends a training
                ended = False
                _log.debug("A fault of copying", exc_info=True)
                self._tell(SweepError(f"{type(error).__name__}: {error!s:.200}"))
                time.sleep(min(1.0, self._period))
        self._done.set()

    def _renew(self) -> None:
        """Keeps the lease while a large checkpoint is copied."""
        while not self._done.wait(min(1.0, self._lease.length / 20)) and not self.lost:
            try:
                self._lease.renew()
            except LostLeaseError as error:
                self._lose(error)
            except Exception:  # noqa: BLE001 - the other thread tells it
                _log.debug("The lease was not renewed", exc_info=True)

    def _lose(self, error: LostLeaseError) -> None:
        if not self.lost:
            self.lost = error
            self._when_lost()

    def _tell(self, error: SweepError | OSError) -> None:
        said = error.message if isinstance(error, SweepError) else f"{error.filename}: {error.strerror}"
        if self.problem is None:
            _log.warning("%s. The sweep goes on, and what is new waits in %s.", said, self._folder)
        self.problem = said

    def _cycle(self) -> None:
        """Copies what is new. Raises SweepError where the storage does not answer, OSError where the disk does not."""
        ends: dict[str, int] = {}
        beat = None
        if self._study_lines is not None:
            # Each before what it tells of: the study has what the spool has, the spool what MLflow was told.
            beat = small_file(self._folder / PROGRESS, LARGEST_JSON)
            for name in reversed(APPENDED):
                ends[name] = self._bytes_of(self._study_lines()) if name == STUDY else _size(self._folder / name)
            self._copies.stage()  # what the study tells of is there, or a later one
        small = self._small()
        kept = self._copies.send()
        while self._append(ends, small, beat):
            pass
        self._copies.tidy(kept)
        if self._store.read(f"{self._folder.name}/{STOP}", 100) is not None:
            os.close(os.open(self._folder / LOCAL_STOP, os.O_WRONLY | os.O_CREAT | PLAIN, 0o666))
            self._store.delete([f"{self._folder.name}/{STOP}"])

    def _append(self, ends: dict[str, int], small: dict[str, bytes], beat: bytes | None) -> bool:
        """Writes a segment where anything is new. Gives whether more may be."""
        more = False

        def new(mark: BucketMark) -> list[Part]:
            nonlocal more
            more, parts = False, []
            for name, end in sorted(ends.items(), key=lambda item: APPENDED.index(item[0])):
                begin = mark.sizes.get(name, 0)
                data = appended_bytes(self._folder / name, begin, end, _PIECE)
                if data:
                    parts.append(Part(name=name, at=begin, data=data))
                more = begin + len(data) < end and bool(data)
                if more:
                    return parts
            return [*parts, *(Part(name=name, at=None, data=data) for name, data in small.items())]

        fresh = {name: data for name, data in small.items() if self._sent.get(name) != data}
        small.clear()
        small.update(fresh)
        due = time.monotonic() - self._lease.written > self._lease.length / 4
        if not small and not due and not new(self._lease.mark) and not self._ending:
            return False
        if beat is not None and self._sent.get(PROGRESS) != beat:
            small[PROGRESS] = beat
        if not small and not new(self._lease.mark):
            return False
        self._lease.append(new)
        if not more:
            self._sent.update(small)
        return more

    def _small(self) -> dict[str, bytes]:
        """The small files but for the sweep's progress, which tells of lines of the study."""
        found = [path for path in self._folder.iterdir() if path.name != PROGRESS and SMALL.fullmatch(path.name)]
        if self._study_lines is not None:
            found += [
                path
                for path in (self._folder / TRIALS).glob("*/*")
                if SMALL.fullmatch(path.relative_to(self._folder).as_posix())
            ]
        read = {path.relative_to(self._folder).as_posix(): small_file(path, LARGEST_JSON) for path in sorted(found)}
        return {name: data for name, data in read.items() if data is not None}

    def _bytes_of(self, lines: int) -> int:
        """Bytes of so many lines of the study, counted on from the last time."""
        counted, size = self._counted
        if lines < counted:
            counted, size = 0, 0
        with suppress(FileNotFoundError), (self._folder / STUDY).open("rb") as file:
            file.seek(size)
            while counted < lines and (line := file.readline()).endswith(b"\n"):
                counted, size = counted + 1, size + len(line)
        self._counted = counted, size
        return size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
