"""One driver writes a sweep's segments; who fails to create the next one has lost the lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.bucket.bringing import bring, bring_segments, last_segment
from convscape.search.bucket.lease import Lease, LostLeaseError
from convscape.search.bucket.probe import probe_storage
from convscape.search.bucket.segment import Part
from convscape.search.bucket.store import open_store
from convscape.search.files import read_mark
from convscape.search.files.sealed import seal
from convscape.spaces.errors import SweepError

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.bucket.store import Store
    from convscape.search.files.bucket_mark import BucketMark

SHORT = 0.3


def machine(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name / "tiny"
    folder.mkdir(parents=True)
    return folder


def taken(store: Store, folder: Path, *, new: bool = False) -> Lease:
    lease = Lease(store, "tiny", folder, SHORT)
    lease.take(lambda _: None, new=new)
    return lease


def line(number: int) -> bytes:
    return seal(b'{"op_code":0}', number)


def study(*numbers: int) -> Any:
    def parts(mark: BucketMark) -> list[Part]:
        data = b"".join(map(line, numbers))
        return [Part(name="study.jsonl", at=mark.sizes.get("study.jsonl", 0), data=data)]

    return parts


def test_a_second_machine_waits_brings_and_goes_on(url: str, tmp_path: Path) -> None:
    store, first, second = open_store(url), machine(tmp_path, "first"), machine(tmp_path, "second")
    lease = taken(store, first, new=True)
    (first / "study.jsonl").write_bytes(line(1))
    lease.append(study(1))
    said: list[str] = []
    other = Lease(open_store(url), "tiny", second, SHORT)
    other.take(said.append)
    assert "had the sweep last" in said[0]
    assert (second / "study.jsonl").read_bytes() == line(1)
    with pytest.raises(LostLeaseError, match="another driver"):
        lease.append(study(2))
    other.append(study(2))
    mark = read_mark(second)
    assert mark is not None
    assert mark.segment == last_segment(store, "tiny") == 4


def test_a_holder_that_renews_is_not_taken_over(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, first, second = open_store(url), machine(tmp_path, "first"), machine(tmp_path, "second")
    lease = taken(store, first, new=True)
    other = Lease(open_store(url), "tiny", second, SHORT)
    with pytest.raises(SweepError, match="is running it"):
        other.take(lambda _: lease.append(lambda _: ()))
    lease.append(lambda _: ())  # and it has lost nothing


def test_what_was_given_back_is_taken_at_once(url: str, tmp_path: Path) -> None:
    store, first, second = open_store(url), machine(tmp_path, "first"), machine(tmp_path, "second")
    taken(store, first, new=True).give_back()
    said: list[str] = []
    Lease(open_store(url), "tiny", second, 3600.0).take(said.append)
    assert not said


def test_the_same_folder_goes_on_at_once_with_what_never_arrived(url: str, tmp_path: Path) -> None:
    store, first = open_store(url), machine(tmp_path, "first")
    lease = taken(store, first, new=True)
    (first / "study.jsonl").write_bytes(line(1) + line(2))
    lease.append(study(1))
    again = Lease(open_store(url), "tiny", first, 3600.0)
    again.take(lambda said: pytest.fail(said))
    assert (first / "study.jsonl").read_bytes() == line(1) + line(2)


def test_what_never_arrived_is_cut_off_where_another_went_on(url: str, tmp_path: Path) -> None:
    store, first, second = open_store(url), machine(tmp_path, "first"), machine(tmp_path, "second")
    lease = taken(store, first, new=True)
    (first / "study.jsonl").write_bytes(line(1) + seal(b'{"op_code":9}', 2))
    lease.append(study(1))
    other = taken(open_store(url), second)
    other.append(study(2))
    other.give_back()
    Lease(open_store(url), "tiny", first, 3600.0).take(lambda said: pytest.fail(said))
    assert (first / "study.jsonl").read_bytes() == line(1) + line(2)


def test_a_lost_answer_is_no_lost_lease_also_where_what_was_written_arrives_late(tmp_path: Path) -> None:
    store, first = open_store((tmp_path / "shared").as_uri()), machine(tmp_path, "first")
    lease, create, late = taken(store, first, new=True), store.create, []

    def grown(*numbers: int) -> Any:
        def parts(mark: BucketMark) -> list[Part]:
            at = mark.sizes.get("study.jsonl", 0)
            return [Part(name="study.jsonl", at=at, data=b"".join(map(line, numbers))[at:])]

        return parts

    def lose_the_answer(name: str, data: bytes) -> bool:
        create(name, data)
        raise SweepError("no answer")

    def arrive_late(name: str, data: bytes) -> bool:
        late.append((name, data))
        raise SweepError("no answer")

    store.create = lose_the_answer  # real requests, but for what the network does to them
    with pytest.raises(SweepError, match="no answer"):
        lease.append(grown(1))
    store.create = create
    lease.append(grown(1, 2))
    store.create = arrive_late
    with pytest.raises(SweepError, match="no answer"):
        lease.append(grown(1, 2, 3))
    store.create = create
    create(*late[0])
    lease.append(grown(1, 2, 3, 4))
    brought = machine(tmp_path, "second")
    bring_segments(store, "tiny", brought, last_segment(store, "tiny"))
    assert (brought / "study.jsonl").read_bytes() == b"".join(map(line, (1, 2, 3, 4)))
    assert last_segment(store, "tiny") == 5


def test_a_new_sweep_is_refused_where_there_is_one(url: str, tmp_path: Path) -> None:
    taken(open_store(url), machine(tmp_path, "first"), new=True).give_back()
    with pytest.raises(SweepError, match="already in"):
        taken(open_store(url), machine(tmp_path, "second"), new=True)


def test_storage_that_writes_over_what_is_there_is_refused(tmp_path: Path) -> None:
    store = open_store((tmp_path / "shared").as_uri())

    def over(name: str, data: bytes) -> bool:
        store.write(name, data)
        return True

    store.create = over  # as a server without conditional writes does
    with pytest.raises(SweepError, match="writes over"):
        taken(store, machine(tmp_path, "first"), new=True)


def test_reading_brings_only_what_is_new(url: str, tmp_path: Path) -> None:
    store, first = open_store(url), machine(tmp_path, "first")
    lease = taken(store, first, new=True)
    lease.append(study(1))
    there = bring(url, "tiny") / "tiny"
    lease.append(lambda mark: [*study(2)(mark), Part(name="config.json", at=None, data=b"{}")])
    assert bring(url, "tiny") / "tiny" == there
    assert (there / "study.jsonl").read_bytes() == line(1) + line(2)
    assert (there / "config.json").read_bytes() == b"{}"
    assert not (bring(url, "other") / "other").exists()


def test_a_try_leaves_nothing(url: str) -> None:
    probe_storage(url)
    assert not open_store(url).folders()
