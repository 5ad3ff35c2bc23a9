"""A sweep's folder is copied up as it grows: checkpoints before what tells of them, and MLflow's results after it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.bucket import driving
from convscape.search.bucket.bringing import bring
from convscape.search.bucket.checkpoints import bring_checkpoints
from convscape.search.bucket.driving import copied_up, refuse_there
from convscape.search.bucket.layout import listed
from convscape.search.bucket.lease import Lease, LostLeaseError
from convscape.search.bucket.store import open_store
from convscape.search.files import copied_up as bytes_there
from convscape.search.files.append_only import Spool
from convscape.search.files.sealed import seal
from convscape.trainers.checkpoint_files import packed, read_packed, write_packed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path) -> str:
    return (tmp_path / "shared").as_uri()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "tiny"
    folder.mkdir(parents=True)
    return folder


def mirrored(url: str, folder: Path, **more: Any) -> Any:
    return copied_up(url, folder, lambda _: None, **{"length": 2.0, "period": 0.02, "wait": 20.0, **more})


def checkpoint(folder: Path, trial: int, epoch: int) -> None:
    write_packed(
        folder / "trials" / f"{trial:05d}" / f"epoch-{epoch:04d}", packed(bytes([trial, epoch]), {"epoch": epoch})
    )


def there(url: str) -> set[str]:
    return {about[0] for about in listed(open_store(url), "tiny") if about[0].startswith("checkpoints")}


def wait(until: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_grows_is_copied_whole(url: str, here: Path) -> None:
    with mirrored(url, here, new=True) as mirror:
        lines = [seal(b'{"op_code":0}', number) for number in (1, 2, 3)]
        (here / "study.jsonl").write_bytes(b"".join(lines))
        spool = Spool(here / "spool.jsonl")
        spool.append({"event": "spool"})
        checkpoint(here, 3, 1)
        (here / "trials" / "00003" / "best.json").write_text("{}")
        mirror.follow(lambda: 2)  # the third is of a proposal that is not whole
        wait(lambda: bytes_there(here, "spool.jsonl"))
        spool.close()
        copy = bring(url, "tiny") / "tiny"
        assert (copy / "study.jsonl").read_bytes() == b"".join(lines[:2])
        assert (copy / "spool.jsonl").read_bytes() == (here / "spool.jsonl").read_bytes()
        assert (copy / "trials" / "00003" / "best.json").read_text() == "{}"
        mirror.follow(lambda: 3)
        assert mirror.wait(20)
    copy = bring(url, "tiny") / "tiny"
    assert (copy / "study.jsonl").read_bytes() == b"".join(lines)
    bring_checkpoints(url, copy, [3])
    assert read_packed(copy / "trials/00003/epoch-0001") == read_packed(here / "trials/00003/epoch-0001")


def test_checkpoints_that_are_deleted_here_are_deleted_there(url: str, here: Path) -> None:
    checkpoint(here, 1, 1)
    with mirrored(url, here, new=True) as mirror:
        mirror.follow(lambda: 0)
        assert mirror.wait(20)
        (first,) = there(url)
        checkpoint(here, 1, 2)
        assert mirror.wait(20)
        assert len(there(url)) == 2
        for file in (here / "trials" / "00001" / "epoch-0001").iterdir():
            file.unlink()
        (here / "trials" / "00001" / "epoch-0001").rmdir()
        assert mirror.wait(20)
        assert first not in there(url)
        assert len(there(url)) == 1


def test_nothing_is_left_of_a_new_sweep_in_which_nothing_was_trained(url: str, here: Path) -> None:
    with pytest.raises(ZeroDivisionError), mirrored(url, here, new=True):
        raise ZeroDivisionError
    refuse_there(url, "tiny", here)


def test_storage_that_is_away_is_told_once_and_waited_for(
    url: str, here: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / "trials").mkdir()
    with mirrored(url, here, new=True) as mirror:
        (tmp_path / "shared").rename(tmp_path / "away")
        (tmp_path / "shared").write_text("no folder")
        (here / "config.json").write_text("{}")
        wait(lambda: mirror.problem)
        time.sleep(0.1)
        (tmp_path / "shared").unlink()
        (tmp_path / "away").rename(tmp_path / "shared")
        wait(lambda: mirror.problem is None)
    assert (bring(url, "tiny") / "tiny" / "config.json").read_text() == "{}"
    assert len([record for record in caplog.records if "goes on" in record.message]) == 1


def test_what_never_arrives_is_told_at_the_end(
    url: str, here: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / "trials").mkdir()
    with mirrored(url, here, new=True, wait=0.3):
        (tmp_path / "shared").rename(tmp_path / "away")
        (tmp_path / "shared").write_text("no folder")
    assert "has not reached" in caplog.text
    assert "convscape sync tiny" in caplog.text
    (tmp_path / "shared").unlink()
    (tmp_path / "away").rename(tmp_path / "shared")


def test_who_has_lost_the_lease_ends_and_writes_nothing(url: str, here: Path, tmp_path: Path) -> None:
    ended: list[bool] = []
    (here / "trials").mkdir()
    (tmp_path / "other" / "tiny").mkdir(parents=True)
    other = Lease(open_store(url), "tiny", tmp_path / "other" / "tiny", 2.0)
    other._wait_for = lambda *_: None  # as if this one had been silent for long

    def run() -> None:
        with mirrored(url, here, new=True) as mirror:
            mirror.follow(lambda: 1, lambda: ended.append(True))
            other.take(lambda _: None)
            (here / "study.jsonl").write_bytes(seal(b'{"op_code":0}', 1))
            wait(lambda: ended)

    with pytest.raises(LostLeaseError, match="another driver"):
        run()
    assert not (bring(url, "tiny") / "tiny" / "study.jsonl").exists()


def test_a_stop_from_elsewhere_reaches_the_driver(url: str, here: Path) -> None:
    (here / "trials").mkdir()
    with mirrored(url, here, new=True):
        driving.stop_elsewhere(url, "tiny")
        wait((here / "stop").exists)
