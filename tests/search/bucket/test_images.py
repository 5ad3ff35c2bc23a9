"""Images in object storage: brought whole, once, and nothing that a listing names may lie elsewhere."""

from __future__ import annotations

import fcntl
import io
import json
import shutil
from collections import namedtuple
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convscape.search.bucket import image_listing, images
from convscape.search.bucket.image_listing import images_there
from convscape.search.bucket.images import Brought, bring_as, bring_images
from convscape.search.bucket.store import NoAnswerError, file_system
from convscape.search.config import load_data, parse_sweep_file, sweep_file_text
from convscape.search.config.beginning import begin
from convscape.search.driver.description import datasets
from convscape.search.files import image_cache, images_copy, local_copy
from convscape.search.submission.parcel import pack
from convscape.search.workers.cluster.node_check import NodeCheck
from convscape.spaces import ConfigError, DataError, SweepError
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
    folder = bring_images(url).folder
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ctime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_are_brought_once_and_only_what_changed_again(photos: str, caplog: pytest.LogCaptureFixture) -> None:
    first = brought(photos)
    assert len(first) == 40
    assert "40 files, " in caplog.text
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


@pytest.mark.parametrize("url", ["memory", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
def test_a_sweep_reads_them_as_from_a_folder_and_keeps_their_url(photos: str, tmp_path: Path) -> None:
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
    assert [each.source_type for each in datasets(config, found)] == ["s3" if "s3" in photos else "abfss"] * 2


def test_a_path_is_read_where_it_is(tmp_path: Path) -> None:
    config = parse_sweep_file(f"name: a\ndata: {{name: folder, root: '{(tmp_path / 'photos').as_uri()}'}}\n")
    assert (config.data.root, config.data.url) == (tmp_path / "photos", None)


def test_a_node_brings_what_it_reads_from_files(photos: str) -> None:
    there = bring_images(photos)
    streamed, kept = (load_dataset("folder", there.folder, memory=memory) for memory in (1, 10**6))
    check = NodeCheck.of(streamed, [], there)
    shutil.rmtree(there.folder.parent)
    assert check.problem_here() is None
    assert len(list(there.folder.rglob("*.png"))) == 40
    assert NodeCheck.of(kept, [], there).brought is None, "they go through Ray"
    system, root = file_system(photos)
    system.rm_file(f"{root}/a/0.png")
    assert check.problem_here() is None, "it is not asked for again while all of it is here"
    (there.folder.parent / "whole").unlink()
    said = check.problem_here()
    assert said
    assert said[0].endswith("holds something else by now than when the sweep began")
    assert (there.folder / "a" / "0.png").exists()


@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_a_sweep_that_was_begun_reads_what_is_here_and_a_new_one_what_is_there(
    photos: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So a resume or an export needs neither the storage nor that nobody changes anything there."""
    config = parse_sweep_file(f"name: a\ndata: {{name: folder, root: '{photos}', train: 20, validation: 8}}\n")
    begun = load_data(config, anew=True)
    system, root = file_system(photos)
    system.rm_file(f"{root}/a/0.png")
    with monkeypatch.context() as patch:
        patch.setattr(images, "file_system", lambda *_: pytest.fail("the storage is asked"))
        assert load_data(config).fingerprint == begun.fingerprint
    system.pipe_file(f"{root}/a/0.png", (images_copy(photos) / "a" / "0.png").read_bytes())
    (images_copy(photos) / "a" / "2.png").unlink()
    assert load_data(config).fingerprint == begun.fingerprint, "one that was taken away here comes again"
    system.rm_file(f"{root}/a/0.png")
    assert load_data(config, anew=True).fingerprint != begun.fingerprint
    assert "1 of the files here are gone from" in caplog.text


def test_what_another_process_reads_is_not_changed(photos: str) -> None:
    folder = bring_images(photos).folder
    system, root = file_system(photos)
    with (folder.parent / "used.lock").open() as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        bring_images(photos)
        system.pipe_file(f"{root}/a/another.png", b"new")
        bring_images(photos)
        system.rm_file(f"{root}/a/0.png")
        with pytest.raises(SweepError, match="has changed, and another process reads what was brought"):
            bring_images(photos)
        assert (folder / "a" / "0.png").exists()
    bring_images(photos)
    assert not (folder / "a" / "0.png").exists()


def test_a_sweep_file_cannot_have_other_files_removed(photos: str, tmp_path: Path) -> None:
    """What a folder of another kind holds stays, whatever it is called."""
    sweeps = local_copy(photos)
    (sweeps / "mine").mkdir(parents=True)
    (sweeps / ".url").write_text(photos)
    config = parse_sweep_file(f"name: a\ndata: {{name: folder, root: '{sweeps}'}}\n")
    assert config.data.url is None
    with pytest.raises(DataError):
        load_data(config)
    assert (sweeps / "mine").exists()
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(SweepError, match="is no folder to which images are brought"):
        bring_as(Brought(url=photos, folder=kept, digest="", size=0))
    assert parse_sweep_file(f"name: a\nfolder: {images_copy(photos)}\ndata: {{name: digits}}\n").url is None


@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_sweeps_are_not_kept_among_images(url: str) -> None:
    text = f"name: a\nfolder: {url}/photos/sweeps\ndata: {{name: folder, root: '{url}/photos'}}\n"
    with pytest.raises(ConfigError, match="among the images") as refused:
        load_data(parse_sweep_file(text))
    assert refused.value.key == "folder"


def test_a_file_in_place_of_a_folder_is_told_as_one(photos: str) -> None:
    with pytest.raises(SweepError, match=r"a/0\.png is a file"):
        bring_images(f"{photos}/a/0.png")


def test_one_that_comes_short_is_not_kept(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = images.image_objects

    def promised(*arguments: Any) -> dict[str, Any]:
        return {name: replace(each, size=each.size + (name == "a/0.png")) for name, each in whole(*arguments).items()}

    monkeypatch.setattr(images, "image_objects", promised)
    with pytest.raises(SweepError, match=r"a/0\.png came with .* bytes"):
        bring_images(photos)
    assert not (images_copy(photos) / "a" / "0.png").exists()
    assert not (images_copy(photos).parent / "whole").exists()


@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_what_is_wrong_with_them_is_told_by_their_url(photos: str) -> None:
    config = parse_sweep_file(f"name: a\ndata: {{name: fashion-mnist, root: '{photos}'}}\n")
    with pytest.raises(DataError) as refused:
        load_data(config)
    assert f"there is no file {photos}/FashionMNIST/raw/" in refused.value.message
    assert "Mend it there" in refused.value.remedy
    assert str(config.data.root) not in str(refused.value)


def test_a_storage_that_fails_now_and_then_is_asked_again(
    photos: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fails, whole = [2], images.image_objects

    def now_and_then(*arguments: Any) -> dict[str, Any]:
        fails[0] -= 1
        if fails[0] >= 0:
            raise NoAnswerError(f"{photos} does not answer: ConnectionReset", "Try again.")
        return whole(*arguments)

    monkeypatch.setattr(images, "image_objects", now_and_then)
    monkeypatch.setattr(images, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(images, "TELLS", 0.0)
    assert len(brought(photos)) == 40
    assert caplog.text.count("does not answer: ConnectionReset; it is asked again") == 2
    assert "40 of 40 files" in caplog.text


def test_nothing_there_is_said(url: str) -> None:
    with pytest.raises(SweepError, match=r"nothing below|does not exist|not found|No such"):
        bring_images(f"{url}/nothing")


def test_what_does_not_fit_on_the_disk_is_refused_first(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 0, 10))
    with pytest.raises(SweepError, match=r"data\.root: .* needs .* and 0\.0 GB are free") as refused:
        bring_images(photos)
    assert "XDG_CACHE_HOME" in refused.value.remedy
    assert not list(images_copy(photos).iterdir())


def test_a_name_that_a_person_would_give_is_none_of_those(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("3.45\u202fPM.png", "a b.png", "\U0001f469\u200d.png")
    listing = {f"b/p/{name}": {"type": "file", "size": 1} for name in names}
    monkeypatch.setattr(
        image_listing, "file_system", lambda *_: (SimpleNamespace(find=lambda *_, **__: listing), "b/p")
    )
    assert images_there("memory://b/p") == (3, 3)


@pytest.mark.parametrize("about", [{"size": "many"}, {"mtime": "never"}, {"mtime": -1.0}, {"LastModified": 1e300}])
def test_a_listing_that_cannot_be_read_is_told(about: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    listing = {"b/p/x": {"type": "file", "size": 1, **about}}
    monkeypatch.setattr(images, "file_system", lambda *_: (SimpleNamespace(find=lambda *_, **__: listing), "b/p"))
    with pytest.raises(SweepError, match=r"what memory://b/p says of 'b/p/x' cannot be read"):
        bring_images("memory://b/p")


def test_a_user_without_a_home_is_told_where_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Any:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(image_cache, "cache_folder", nowhere)
    with pytest.raises(ConfigError, match="no home") as refused:
        parse_sweep_file("name: a\ndata: {name: folder, root: s3://b/p}\n")
    assert "XDG_CACHE_HOME" in refused.value.remedy


@pytest.mark.parametrize(
    "key", ["b/p/../../evil", "b/p//evil", "b/p/./x", "b/other/x", "b/p/a\nb", "b/p/a\\b", "/etc/x"]
)
def test_a_listing_may_name_nothing_that_lies_elsewhere(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listing: dict[str, Any] = {key: {"type": "file", "size": 1}}
    there = SimpleNamespace(find=lambda *_, **__: listing, get_file=lambda *_: pytest.fail("it was fetched"))
    monkeypatch.setattr(images, "file_system", lambda *_: (there, "b/p"))
    with pytest.raises(SweepError, match="which can be no file below it"):
        bring_images("memory://b/p")


def test_a_link_in_the_folder_is_not_followed(photos: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "a").mkdir(parents=True)
    (outside / "a" / "mine").write_text("mine")
    folder = images_copy(photos)
    folder.mkdir(parents=True)
    (folder / "a").symlink_to(outside / "a")
    assert len(brought(photos)) == 40
    assert [path.name for path in (outside / "a").iterdir()] == ["mine"]
