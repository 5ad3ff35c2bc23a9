"""The spool: nothing half, nothing lost, nothing raised."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from convscape.search.files import append_only as module
from convscape.search.files.append_only import Spool, count_entries, every_entry, read_entries

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep" / "spool.jsonl"


def test_what_is_appended_is_read_in_order(path: Path) -> None:
    spool = Spool(path)
    for number in range(5):
        spool.append({"number": number, "text": "two\nlines · ümlaut"})
    assert [entry["number"] for entry in every_entry(path)] == list(range(5))
    assert next(every_entry(path))["text"] == "two\nlines · ümlaut"


def test_every_cut_of_the_last_line_leaves_the_whole_lines(path: Path) -> None:
    spool = Spool(path)
    spool.append({"number": 0})
    before = path.stat().st_size
    spool.append({"number": 1})
    spool.close()
    whole = path.read_bytes()
    for end in range(before, len(whole)):
        path.write_bytes(whole[:end])
        assert [*every_entry(path)] == [{"number": 0}]
        again = Spool(path)
        assert path.stat().st_size == before
        again.append({"number": 2})
        again.close()
        assert [*every_entry(path)] == [{"number": 0}, {"number": 2}]


def test_a_file_without_any_whole_line_is_emptied(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"half": "' + b"x" * 200_000)
    Spool(path).close()
    assert path.stat().st_size == 0


def test_a_long_half_line_is_cut_back_to_the_newline_before_it(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"number":0}\n{"half": "' + b"x" * 200_000)
    Spool(path).close()
    assert path.read_bytes() == b'{"number":0}\n'


def test_reading_goes_on_where_it_ended_and_leaves_a_half_line(path: Path) -> None:
    spool = Spool(path)
    spool.append({"number": 0})
    entries, offset = read_entries(path)
    with path.open("ab") as file:
        file.write(b'{"number":')
    assert entries == [{"number": 0}]
    assert read_entries(path, offset) == ([], offset)


def test_a_limit_gives_whole_entries_and_at_least_one(path: Path) -> None:
    spool = Spool(path)
    for number in range(10):
        spool.append({"number": number, "text": "x" * 100})
    first, offset = read_entries(path, limit=1)
    assert [entry["number"] for entry in first] == [0]
    some, offset = read_entries(path, offset, limit=300)
    assert [entry["number"] for entry in some] == [1, 2]
    assert [entry["number"] for entry in read_entries(path, offset)[0]] == list(range(3, 10))
    assert count_entries(path, offset) == 7


def test_a_damaged_line_is_skipped(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"number":0}\n\x00\x00\x00\xff\n[1]\n{"number":1}\n')
    assert [*every_entry(path)] == [{"number": 0}, {"number": 1}]


def test_an_absent_file_has_no_entries(path: Path) -> None:
    assert read_entries(path) == ([], 0)
    assert count_entries(path) == 0


class Disk:
    """os.write of a disk that may be full, or take only the first bytes."""

    def __init__(self) -> None:
        self.room: int | None = None

    def write(self, file: int, data: bytes) -> int:
        if self.room is None:
            return os.write(file, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(file, data[: self.room])
        self.room -= written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    real = module.os

    class Os:
        def __getattr__(self, name: str) -> object:
            return disk.write if name == "write" else getattr(real, name)

    monkeypatch.setattr(module, "os", Os())
    return disk


@pytest.mark.parametrize("room", [0, 5])
def test_a_full_disk_loses_nothing_and_raises_nothing(path: Path, disk: Disk, room: int) -> None:
    spool = Spool(path)
    spool.append({"number": 0})
    before = path.read_bytes()
    disk.room = room
    spool.append({"number": 1})
    spool.append({"number": 2})
    assert path.read_bytes() == before
    assert spool.drain() == 2
    disk.room = None
    assert spool.drain() == 0
    assert [entry["number"] for entry in every_entry(path)] == [0, 1, 2]


def test_a_spool_refuses_what_json_cannot_say(path: Path) -> None:
    spool = Spool(path)
    with pytest.raises(ValueError, match="JSON compliant"):
        spool.append({"loss": float("nan")})
    assert [*every_entry(path)] == []
