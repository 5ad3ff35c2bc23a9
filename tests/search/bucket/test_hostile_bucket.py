"""What a bucket holds is believed as little as a file of anybody's: nothing of it leaves the sweep's folder."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.bucket import bringing, segment as segments
from convscape.search.bucket.bringing import bring
from convscape.search.bucket.checkpoints import bring_checkpoints
from convscape.search.bucket.layout import listed
from convscape.search.bucket.segment import Part, Segment
from convscape.search.bucket.store import open_store
from convscape.search.files.sealed import seal
from convscape.spaces.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared" / "tiny" / "segments").mkdir(parents=True)
    return tmp_path / "shared"


def written(*parts: Part, number: int = 1, **other: Any) -> Segment:
    values = {"does": "write", "token": "t", "id": "i", "holder": "somebody", "length": 1.0}
    return Segment(number=number, parts=parts, **{**values, **other})


def put(shared: Path, data: bytes, name: str = "segments/000000001") -> None:
    (shared / "tiny" / name).parent.mkdir(parents=True, exist_ok=True)
    (shared / "tiny" / name).write_bytes(data)


def forged(parts: list[list[Any]], payload: bytes = b"x\n", **other: Any) -> bytes:
    header = {
        "format": segments.FORMAT, "does": "write", "token": "t", "id": "i", "holder": "h", "length": 1.0,
        "parts": parts, "sha256": sha256(payload).hexdigest(), **other,
    }  # fmt: skip
    return seal(json.dumps(header).encode(), 1) + payload


HEADERS: dict[str, bytes] = {
    "a name that leaves the folder": forged([["../../evil", None, 2]]),
    "a name of another file": forged([["lock", None, 2]]),
    "an absolute name": forged([["/etc/passwd", None, 2]]),
    "a small file that is appended to": forged([["config.json", 3, 2]]),
    "a study that is written anew": forged([["study.jsonl", None, 2]]),
    "a study from the middle": forged([["study.jsonl", 7, 2]]),
    "a negative size": forged([["study.jsonl", 0, -2]]),
    "a size past the end": forged([["study.jsonl", 0, 200]]),
    "bytes of no part": forged([["study.jsonl", 0, 2]], b"x\nmore\n"),
    "a torn line": forged([["study.jsonl", 0, 1]], b"x"),
    "another payload": forged([["study.jsonl", 0, 2]], sha256="0" * 64),
    "a lease for ever": forged([["study.jsonl", 0, 2]], length=1e300),
    "no number of seconds": forged([["study.jsonl", 0, 2]], length=float("nan")),
    "no list of parts": forged({"study.jsonl": 0}),
    "no header": b"nothing\n",
    "nothing": b"",
    "another place's": Segment.to_bytes(written(number=2)),
    "a changed header": Segment.to_bytes(written()).replace(b"somebody", b"nobodyyy"),
}


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
def test_a_segment_that_no_sweep_wrote_is_refused(shared: Path, data: bytes) -> None:
    put(shared, data)
    with pytest.raises(SweepError, match="000000001"):
        bring(shared.as_uri(), "tiny")
    folder = bringing.make_local_copy(shared.as_uri()) / "tiny"
    assert {path.name for path in folder.iterdir()} <= {"bringing.lock"}


def test_a_segment_of_another_version_says_so(shared: Path) -> None:
    put(shared, forged([], b"", format="convscape-bucket/9"))
    with pytest.raises(
        SweepError, match=r"'convscape-bucket/9', and this version writes convscape-bucket/1"
    ) as refused:
        bring(shared.as_uri(), "tiny")
    assert "Another version" in refused.value.remedy


NAMES = (
    "evil",
    "segments/1",
    "segments/000000001.old",
    "checkpoints/00001/epoch-0001",
    "looks/x",
    "trials/00001/best.json",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_sweep_writes_is_refused(shared: Path, name: str) -> None:
    put(shared, written().to_bytes())
    put(shared, b"x", name)
    with pytest.raises(SweepError, match="which no sweep writes"):
        listed(open_store(shared.as_uri()), "tiny")


@pytest.mark.parametrize("name", ["segments/1", "segments/000000001.old", "segments/evil"])
def test_nothing_is_brought_from_among_other_names(shared: Path, name: str) -> None:
    put(shared, written(Part(name="config.json", at=None, data=b"{}")).to_bytes())
    put(shared, b"x", name)
    with pytest.raises(SweepError, match="which no sweep writes"):
        bring(shared.as_uri(), "tiny")
    assert not (bringing.make_local_copy(shared.as_uri()) / "tiny").exists()


def test_a_listing_that_leaves_the_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = open_store("memory://hostile/sweeps")
    store.create("tiny/segments/000000001", written().to_bytes())
    find = store._fs.find
    outside = {"/hostile/other/segments/000000001": {"type": "file", "size": 1}}
    monkeypatch.setattr(store._fs, "find", lambda *given, **more: {**find(*given, **more), **outside})
    with pytest.raises(SweepError, match="which is not in it"):
        bringing.last_segment(store, "tiny")


def test_a_gap_is_told(shared: Path) -> None:
    put(shared, written(number=2).to_bytes(), "segments/000000002")
    with pytest.raises(SweepError, match="000000001: it is gone"):
        bring(shared.as_uri(), "tiny")


def test_a_link_is_refused(shared: Path) -> None:
    (shared / "tiny" / "segments" / "000000001").symlink_to("/etc/passwd")
    with pytest.raises(SweepError, match="a link"):
        bring(shared.as_uri(), "tiny")


def test_a_link_in_the_local_copy_is_refused(shared: Path, tmp_path: Path) -> None:
    put(shared, written(Part(name="config.json", at=None, data=b"{}")).to_bytes())
    folder = bringing.make_local_copy(shared.as_uri()) / "tiny"
    folder.mkdir(parents=True)
    (tmp_path / "mine").write_text("kept")
    (folder / "config.json").symlink_to(tmp_path / "mine")
    with pytest.raises(SweepError, match="a link"):
        bring(shared.as_uri(), "tiny")
    assert (tmp_path / "mine").read_text() == "kept"


def test_sizes_past_their_bounds_are_refused_unread(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(shared, written(Part(name="config.json", at=None, data=b"{}" * 100)).to_bytes())
    monkeypatch.setattr(bringing, "MOST_BYTES", 100)
    with pytest.raises(SweepError, match="bytes, which no sweep wrote"):
        bring(shared.as_uri(), "tiny")


CHECKPOINTS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "cut short": lambda: (1 << 40).to_bytes(8, "big") + b"{}",
    "no checkpoint": lambda: (2).to_bytes(8, "big") + b"{}",
}


@pytest.mark.parametrize("data", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_what_is_no_checkpoint_is_refused(shared: Path, data: Callable[[], bytes]) -> None:
    put(shared, written().to_bytes())
    put(shared, data(), f"checkpoints/00001/epoch-0001-{'a' * 16}")
    folder = bring(shared.as_uri(), "tiny") / "tiny"
    with pytest.raises(SweepError, match="epoch-0001"):
        bring_checkpoints(shared.as_uri(), folder, [1])
    assert not list(folder.glob("trials/*/epoch-*"))
