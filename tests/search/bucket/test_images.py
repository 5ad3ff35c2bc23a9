"""Images in object storage: brought whole, once, and nothing that a listing names may lie elsewhere."""

from __future__ import annotations

import io
import json
import shutil
from collections import namedtuple
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convscape.search.bucket import images
from convscape.search.bucket.images import bring_images, images_there
from convscape.search.bucket.store import file_system
from convscape.search.config import load_data, parse_sweep_file, sweep_file_text
from convscape.search.config.beginning import begin
from convscape.search.files import images_copy
from convscape.search.submission.parcel import pack
from convscape.search.workers.cluster.node_check import NodeCheck
from convscape.spaces import SweepError
from convscape.trainers.data import load_dataset
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine's folder for what can be had again, which is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photos(url: str) -> str:
    """Forty photos of two classes; gives their URL."""
    random = np.random.default_rng(0)
    system, root = file_system(f"{url}/photos")
    for label in "ab":
        system.makedirs(f"{root}/{label}", exist_ok=True)
    for number in range(40):
        there = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(there, "PNG")
        system.pipe_file(f"{root}/{'ab'[number % 2]}/{number}.png", there.getvalue())
    return f"{url}/photos"


def brought(url: str) -> dict[str, int]:
    """The files that are here then, by name, and when each was written."""
    folder = images_copy(url)
    bring_images(url, folder)
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ctime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_are_brought_once_and_only_what_changed_again(photos: str, caplog: pytest.LogCaptureFixture) -> None:
    first = brought(photos)
    assert len(first) == 40
    assert "40 files of images" in caplog.text
    assert images_there(photos) == (40, sum(path.stat().st_size for path in images_copy(photos).rglob("*.png")))
    assert brought(photos) == first, "none is written again"
    system, root = file_system(photos)
    system.rm_file(f"{root}/a/0.png")
    system.pipe_file(f"{root}/b/1.png", b"other")
    (images_copy(photos) / "b" / "3.png").unlink()
    (images_copy(photos) / "b" / "5.png").write_bytes(b"cut off")
    second = brought(photos)
    assert {name for name in first if second.get(name) != first[name]} == {"a/0.png", "b/1.png", "b/3.png", "b/5.png"}
    assert "a/0.png" not in second
    assert (images_copy(photos) / "b" / "1.png").read_bytes() == b"other"


def test_a_sweep_reads_them_as_from_a_folder_and_keeps_their_url(photos: str, tmp_path: Path) -> None:
    if photos.startswith("file:"):
        return
    text = f"name: a\ndata: {{name: folder, root: '{photos}', train: 20, validation: 10}}\n"
    config = parse_sweep_file(text)
    assert config.data.url == photos
    assert config.to_json()["data"]["root"] == photos
    folder = tmp_path / "cache" / "convscape" / "images"
    assert config.data.root
    assert config.data.root.is_relative_to(folder)
    found = load_data(config)
    shutil.copytree(config.data.root, tmp_path / "same")
    same = load_data(parse_sweep_file(text.replace(photos, str(tmp_path / "same"))))
    assert found.fingerprint == same.fingerprint
    assert parse_sweep_file(json.dumps(config.to_json())).data == config.data
    assert pack(config).values["data"]["root"] == photos
    assert f'root: "{photos}"' in sweep_file_text(begin(photos))


def test_a_path_is_read_where_it_is(tmp_path: Path) -> None:
    config = parse_sweep_file(f"name: a\ndata: {{name: folder, root: '{(tmp_path / 'photos').as_uri()}'}}\n")
    assert (config.data.root, config.data.url) == (tmp_path / "photos", None)


def test_a_node_brings_what_it_reads_from_files(photos: str) -> None:
    folder = images_copy(photos)
    bring_images(photos, folder)
    streamed, kept = (load_dataset("folder", folder, memory=memory) for memory in (1, 10**6))
    check = NodeCheck.of(streamed, [], (photos, folder))
    shutil.rmtree(folder)
    assert check.problem_here() is None
    assert len(list(folder.rglob("*.png"))) == 40
    assert NodeCheck.of(kept, [], (photos, folder)).brought is None, "they go through Ray"
    system, root = file_system(photos)
    system.rm(root, recursive=True)
    said = check.problem_here()
    assert said
    assert said[0].startswith("cannot bring the images: ")


def test_nothing_there_is_said(url: str) -> None:
    with pytest.raises(SweepError, match=r"nothing below|does not exist|not found|No such"):
        bring_images(f"{url}/nothing", images_copy(f"{url}/nothing"))


def test_what_does_not_fit_on_the_disk_is_refused_first(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 0, 10))
    with pytest.raises(SweepError, match=r"data\.root: .* needs .* and 0\.0 GB are free") as refused:
        bring_images(photos, images_copy(photos))
    assert "XDG_CACHE_HOME" in refused.value.remedy
    assert not list(images_copy(photos).iterdir())


@pytest.mark.parametrize(
    "key", ["b/p/../../evil", "b/p//evil", "b/p/./x", "b/other/x", "b/p/a\nb", "b/p/a\\b", "/etc/x"]
)
def test_a_listing_may_name_nothing_that_lies_elsewhere(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing: dict[str, Any] = {key: {"type": "file", "size": 1}}
    there = SimpleNamespace(find=lambda *_, **__: listing, get_file=lambda *_: pytest.fail("it was fetched"))
    monkeypatch.setattr(images, "file_system", lambda *_: (there, "b/p"))
    with pytest.raises(SweepError, match="which is no name of a file below it"):
        bring_images("memory://b/p", tmp_path / "here" / "p")


def test_a_link_in_the_folder_is_not_followed(photos: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "a").mkdir(parents=True)
    (outside / "a" / "mine").write_text("mine")
    folder = images_copy(photos)
    folder.mkdir(parents=True)
    (folder / "a").symlink_to(outside / "a")
    assert len(brought(photos)) == 40
    assert [path.name for path in (outside / "a").iterdir()] == ["mine"]
