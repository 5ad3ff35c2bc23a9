"""URLs of folders in object storage: what is one, what is refused, and where it lies on this machine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from convscape.search.files.bucket_mark import BUCKET, BucketMark, copied_up, held_elsewhere
from convscape.search.files.buckets import bucket_url, local_copy, make_local_copy, url_of
from convscape.search.files.layout import SPOOL, option_for
from convscape.spaces.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("s3://bucket/sweeps", "s3://bucket/sweeps"),
        ("S3://bucket/sweeps//", "s3://bucket/sweeps"),
        (Path("s3://bucket/sweeps"), "s3://bucket/sweeps"),
        ("file:///mnt/shared", "file:///mnt/shared"),
        (Path("file:///mnt/shared"), "file:///mnt/shared"),
        ("abfs://box@account.dfs.core.windows.net/x", "abfs://box@account.dfs.core.windows.net/x"),
        ("sweeps", None),
        ("/a/b:/c", None),
        ("c:/windows", None),
    ],
)
def test_what_is_a_url(written: str | Path, found: str | None) -> None:
    assert bucket_url(written) == found


@pytest.mark.parametrize(
    "hostile",
    [
        "s3://me:topsecret@bucket/x",
        "s3://topsecret@bucket/x",
        "abfs://box:topsecret@account/x",
        "s3://bucket/x?secret=topsecret",
        "s3://bucket/x#topsecret",
        "simplecache::s3://bucket/topsecret",
        "s3://bucket/../topsecret",
        "s3://bucket//topsecret",
        "s3://bucket/top\nsecret",
        "s3://",
        "ftp://topsecret/x",
        "s3://" + "topsecret" * 200,
    ],
)
def test_what_is_refused_is_not_repeated(hostile: str) -> None:
    with pytest.raises(ConfigError) as refused:
        bucket_url(hostile)
    assert "topsecret" not in str(refused.value)
    assert refused.value.key == "folder"
    assert refused.value.remedy


def test_commands_name_the_url_of_a_local_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = make_local_copy("s3://bucket/sweeps")
    assert option_for(folder) == " --folder s3://bucket/sweeps"
    monkeypatch.setattr("convscape.search.files.buckets._known", {})  # as in another process
    assert url_of(folder) == "s3://bucket/sweeps"
    (folder / ".url").write_text("s3://other/sweeps")
    monkeypatch.setattr("convscape.search.files.buckets._known", {})
    assert url_of(folder) is None
    assert local_copy("s3://a/b-c") != local_copy("s3://a-b/c")


def test_who_holds_the_lease_goes_by_this_machine_s_clock(tmp_path: Path) -> None:
    ours, theirs = "a", "b"
    mark = BucketMark(segment=3, ours=ours, token=theirs, length=60.0, seen=time.time())
    for held, found in (
        (mark, True),
        (replace(mark, given_back=True), False),
        (replace(mark, token=ours), False),
        (replace(mark, seen=time.time() - 100), False),
    ):
        held.write(tmp_path)
        assert held_elsewhere(tmp_path) is found


def test_of_a_damaged_mark_nothing_counts_as_copied(tmp_path: Path) -> None:
    assert copied_up(tmp_path, SPOOL) is None
    BucketMark(segment=1, sizes={SPOOL: 7}).write(tmp_path)
    assert copied_up(tmp_path, SPOOL) == 7
    (tmp_path / BUCKET).write_text("{")
    assert copied_up(tmp_path, SPOOL) == 0
