"""Brings what is new of a sweep from object storage into its folder on this machine; trusts nothing that it finds."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ...spaces import SweepError, read_plain
from ..files import (
    PLAIN,
    BucketMark,
    is_locked,
    lock_file,
    make_local_copy,
    read_mark,
    refuse_links,
    tell_once,
    temporary_path,
)
from .layout import SEGMENTS, listed, segment_name
from .segment import APPENDED, GIVE_BACK, MOST_BYTES, Part, Segment, damaged
from .store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .store import Store

AT_A_TIME = 16
"""Objects that are read at the same time."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_BRINGING = "bringing.lock"


def bring(url: str, name: str) -> Path:
    """Brings what is new of a sweep, but for its checkpoints, into the local copy of the folder that it lies in.

    Where the sweep runs on this machine the local copy is ahead, and is left as it is.

    Args:
        url: of the folder that holds sweeps, as `files.bucket_url` gives it.
        name: the sweep's.

    Returns:
        The local copy, which holds a folder of that name where there is such a sweep.

    Raises:
        SweepError: the storage does not answer, or holds what no sweep wrote. Then nothing was brought.
    """
    try:
        folder = make_local_copy(url)
        if not is_locked(folder / name):
            store = open_store(url)
            last = last_segment(store, name)
            if last:
                (folder / name).mkdir(exist_ok=True)
                with one_at_a_time(folder / name):
                    if not is_locked(folder / name):
                        bring_segments(store, name, folder / name, last)
    except OSError as error:
        raise SweepError(
            f"{error.filename}: what {url} holds cannot be written: {error.strerror}",
            "Free some space, or choose another place with the variable XDG_STATE_HOME.",
        ) from None
    return folder


def sweeps_in(url: str) -> list[str]:
    """Names of the sweeps in a folder in object storage. What else lies there is passed over.

    Raises:
        SweepError: the storage does not answer.
    """
    store = open_store(url)
    return [name for name in store.folders() if _NAME.fullmatch(name) and store.sizes(f"{name}/{SEGMENTS}")]


def last_segment(store: Store, name: str) -> int:
    """Number of a sweep's last segment; 0 where it has none.

    Raises:
        SweepError: segments are gone, too large, or something else is there.
    """
    found = listed(store, name, SEGMENTS)
    for about, size in found.items():
        if size > MOST_BYTES:
            raise damaged(f"{store.url}/{name}/{about[0]}", f"{size:,} bytes, which no sweep wrote")
    last = max((int(about[1]) for about in found), default=0)
    if last != len(found):
        missing = min(set(range(1, last + 1)) - {int(about[1]) for about in found})
        raise damaged(f"{store.url}/{segment_name(name, missing)}", "it is gone")
    return last


def read_segment(store: Store, name: str, number: int) -> Segment:
    """A segment of a sweep.

    Raises:
        SweepError: it is gone or damaged.
    """
    where = f"{store.url}/{segment_name(name, number)}"
    data = store.read(segment_name(name, number), MOST_BYTES)
    if data is None:
        raise damaged(where, "it is gone")
    return Segment.from_bytes(data, number, where)


def bring_segments(store: Store, name: str, folder: Path, last: int) -> BucketMark:
    """Brings the segments that a sweep's folder has not, up to the one of that number, and gives its mark then.

    What the folder holds beyond them stays where it wrote the last of them itself; else another driver went on without
    that, and it is cut off.

    Args:
        store: where the sweep is.
        name: the sweep's.
        folder: the sweep's on this machine, which no other process writes.
        last: number of the last segment.

    Raises:
        SweepError: a segment is gone or damaged.
        OSError: the folder cannot be written.
    """
    refuse_links(folder)
    mark = read_mark(folder) or BucketMark()
    if mark.segment > last:  # another process brought more since it was asked
        last = last_segment(store, name)
    if mark.segment > last:
        raise SweepError(
            f"{store.url}/{name}: it ends at segment {last}, and {folder} has {mark.segment} of it",
            f"Its end is gone: restore it from the bucket's versions. This machine's copy is in {folder}.",
        )
    if any(_size(folder / file) < size for file, size in mark.sizes.items()):  # the machine lost what it had written
        mark = replace(BucketMark(), ours=mark.ours)
    for segment in _segments(store, name, range(mark.segment + 1, last + 1)):
        _take_in(folder, mark, segment, f"{store.url}/{segment_name(name, segment.number)}")
        mark = marked(mark, segment)
    if mark.token != mark.ours:
        for file in APPENDED:
            if _size(folder / file) > mark.sizes.get(file, 0):
                tell_once(
                    folder / file,
                    ": its end never reached the bucket, and another driver went on without it: it is cut",
                )
                os.truncate(folder / file, mark.sizes.get(file, 0))
    if mark.segment:
        mark.write(folder)
    return mark


def marked(mark: BucketMark, segment: Segment) -> BucketMark:
    """The mark of a folder that has a further segment."""
    grown = {part.name: part.at + len(part.data) for part in segment.parts if part.at is not None}
    return replace(
        mark,
        segment=segment.number,
        sizes={**mark.sizes, **grown},
        token=segment.token,
        holder=segment.holder,
        length=segment.length,
        given_back=segment.does == GIVE_BACK,
        seen=time.time(),
    )


def _segments(store: Store, name: str, numbers: range) -> Iterator[Segment]:
    """Segments in their order, several of them read at a time, a few in memory."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for first in numbers[::AT_A_TIME]:
            some = range(first, min(first + AT_A_TIME, numbers.stop))
            yield from pool.map(lambda number: read_segment(store, name, number), some)


def _take_in(folder: Path, mark: BucketMark, segment: Segment, where: str) -> None:
    for part in segment.parts:
        path = folder / part.name
        if part.at is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, part.data)
        elif part.at != mark.sizes.get(part.name, 0):
            raise damaged(where, f"{part.name} goes on at byte {part.at:,}, and has {mark.sizes.get(part.name, 0):,}")
        else:
            _append(path, part)


def _append(path: Path, part: Part) -> None:
    """Has a file hold the part's bytes where they belong; what is there otherwise is cut off."""
    assert part.at is not None
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666), "r+b") as file:
        file.seek(part.at)
        if file.read(len(part.data)) != part.data:
            file.seek(part.at)
            file.truncate()
            file.write(part.data)
            file.flush()
            os.fsync(file.fileno())


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a small file anew, whole or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    beside = temporary_path(path)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | PLAIN, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def appended_bytes(path: Path, begin: int, end: int, most: int) -> bytes:
    """Whole lines of an append-only file from byte `begin` on and before `end`: `most` bytes of them, or one line."""
    if begin >= end:
        return b""
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(min(most, end - begin))
        if b"\n" not in data:
            data += file.readline(max(0, end - begin - len(data)))
    return data[: data.rfind(b"\n") + 1]


def small_file(path: Path, most: int) -> bytes | None:
    """What a small file holds; None where there is none."""
    try:
        return read_plain(path, most)
    except OSError:
        return None


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """A context manager in whose body no other process of this machine brings anything into that folder."""
    path = folder / _BRINGING
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)) as file:
        lock_file(file.fileno(), path, wait=True)
        yield


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
