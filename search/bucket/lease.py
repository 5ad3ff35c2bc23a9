"""The right of one driver to write a sweep's segments: whoever creates the next one has it, whoever fails has lost it.

Nobody compares clocks. A lease is taken over where its holder gave it back, or where for its length, by the clock of
whoever waits, no segment came.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..files import BucketMark, command_about, read_mark
from .bringing import bring_segments, last_segment, marked, one_at_a_time, read_segment
from .layout import segment_name
from .segment import GIVE_BACK, TAKE, WRITE, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .segment import Part
    from .store import Store

LENGTH = 60.0
"""Seconds after which the lease of a driver that is silent may be taken over."""
RENEWALS = 4
"""Segments that a driver writes in that time, at least."""


class LostLeaseError(SweepError):
    """Another driver writes the sweep's segments."""


class Lease:
    """The right to write a sweep's segments, held by this process.

    Args:
        store: where the sweep is.
        name: the sweep's.
        folder: the sweep's on this machine, locked by this process.
        length: seconds for which each segment holds it.
    """

    def __init__(self, store: Store, name: str, folder: Path, length: float) -> None:
        self._store, self._name, self._folder = store, name, folder
        self.length = length
        """Seconds for which each segment holds it."""
        self._mark = read_mark(folder) or BucketMark()
        if not self._mark.ours:
            self._mark = BucketMark(ours=secrets.token_hex(16))
        self._holder = f"process {os.getpid()} on {socket.gethostname()}"
        self._one = threading.Lock()
        self._tried: dict[str, BucketMark] = {}
        """What the mark is where a try to write the next segment arrived, by the segment's id."""
        self.written = time.monotonic()
        """When the last segment was written, by `time.monotonic()`."""

    @property
    def mark(self) -> BucketMark:
        """What of the sweep the segments hold."""
        return self._mark

    def take(self, say: Callable[[str], None], *, new: bool = False) -> None:
        """Takes the lease, if need be after its length, and brings what the folder has not. From then on it is held.

        Args:
            say: called with why it waits, and how long.
            new: whether the sweep is to be a new one.

        Raises:
            SweepError: another process runs the sweep; or there is one and it was to be new; or the storage does not
                answer, holds what no sweep wrote, or cannot create objects exclusively.
            OSError: the folder cannot be written.
        """
        while True:
            last = last_segment(self._store, self._name)
            if last and new:
                raise already_there(self._store, self._name, self._folder)
            if last:
                self._wait_for(last, say)
                with one_at_a_time(self._folder):
                    found = bring_segments(self._store, self._name, self._folder, last)
                self._mark = replace(found, ours=self._mark.ours)
            if self._create(TAKE, lambda _: ()):
                break
        if self._store.create(segment_name(self._name, self._mark.segment), b"taken twice"):
            raise writes_over(self._store.url)

    def append(self, parts: Callable[[BucketMark], Sequence[Part]], does: str = WRITE) -> None:
        """Writes the next segment, and then the mark that tells of it.

        Args:
            parts: gives what is new since a mark.
            does: WRITE or GIVE_BACK.

        Raises:
            LostLeaseError: another driver wrote it.
            SweepError: the storage does not answer: nothing is lost, and the next call writes what is new then.
            OSError: the folder cannot be written.
        """
        if not self._create(does, parts):
            where = f"{self._store.url}/{segment_name(self._name, self._mark.segment + 1)}"
            raise LostLeaseError(
                f"sweep {self._name}: another driver has taken it over: {where} is not of this one",
                f"This one has ended. Watch the other: `{command_about(self._folder, 'status')}`. "
                "Nothing is lost: what this one trained last is trained again there.",
            )

    def renew(self) -> None:
        """Writes a segment without anything new, where none was written for a while. Raises as `append`."""
        if time.monotonic() - self.written > self.length / RENEWALS:
            self.append(lambda _: ())

    def give_back(self) -> None:
        """Lets another driver take the lease at once. Raises as `append`."""
        self.append(lambda _: (), GIVE_BACK)

    def _create(self, does: str, parts: Callable[[BucketMark], Sequence[Part]]) -> bool:
        """Writes the next segment. Gives whether that is this driver's, and not another's.

        An answer may be lost, and what was written arrive later: what stands in the segment's place may be an earlier
        try of this driver's own, which is then taken for what it is, and what is new since is written behind it.
        """
        with self._one:
            while True:
                segment = Segment(
                    number=self._mark.segment + 1,
                    does=does,
                    token=self._mark.ours,
                    id=secrets.token_hex(8),
                    holder=self._holder,
                    length=self.length,
                    parts=tuple(parts(self._mark)),
                )
                self._tried[segment.id] = marked(self._mark, segment)
                written = segment.id
                if not self._store.create(segment_name(self._name, segment.number), segment.to_bytes()):
                    written = read_segment(self._store, self._name, segment.number).id
                mark = self._tried.get(written)
                self._tried = {}
                if mark is None:
                    return False
                self._mark = mark
                self._mark.write(self._folder)
                self.written = time.monotonic()
                if written == segment.id:
                    return True

    def _wait_for(self, last: int, say: Callable[[str], None]) -> None:
        """Until the lease can be taken: at once where it was given back, or this folder's own driver had it.

        Raises:
            SweepError: its holder goes on.
        """
        head = read_segment(self._store, self._name, last)
        if head.does == GIVE_BACK or head.token == self._mark.ours:
            return
        say(f"{head.holder} had the sweep last. Waiting {head.length:.0f} s whether it goes on …")
        until = time.monotonic() + head.length
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, max(0.05, head.length / 20)))
            if last_segment(self._store, self._name) > last:
                raise SweepError(
                    f"sweep {self._name}: {head.holder} is running it",
                    f"Watch it with `{command_about(self._folder, 'status')}`, or end that process first.",
                )


def writes_over(url: str) -> SweepError:
    """The error that says that storage cannot create objects exclusively."""
    return SweepError(
        f"{url} writes over an object that it was asked to create: two drivers could run one sweep",
        "Use storage with conditional writes (S3 has them since 2024), or keep the sweep in a local folder.",
    )


def already_there(store: Store, name: str, folder: Path) -> SweepError:
    """The error that says that a sweep of that name is in object storage already."""
    return SweepError(
        f"sweep '{name}' is already in {store.url}",
        f"Go on with `{command_about(folder, 'resume')}`, or choose another name with `--set name=…`.",
    )
