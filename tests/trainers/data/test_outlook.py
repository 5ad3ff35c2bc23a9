"""What is told of images before they are decoded is what they turn out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.spaces.errors import DataError
from convscape.trainers.data import load_dataset, outlook, outlook_of
from PIL import ExifTags, Image

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("cat", "dog")


def save(file: Path, size: tuple[int, int] = (6, 8), *, mode: str = "RGB", orientation: int = 1) -> None:
    """A picture of (H, W) as it is stored, of another shade than those that are there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, (size[1], size[0]), 5 * len(list(file.parent.iterdir())))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(file, exif=exif)


def fill(root: Path, count: int, size: tuple[int, int] = (6, 8), *, mode: str = "RGB") -> None:
    for name in CLASSES:
        for at in range(count):
            save(root / name / f"{at}.png", size, mode=mode)


def test_one_folder_is_split_as_it_will_be(tmp_path: Path) -> None:
    fill(tmp_path, 50)
    found, dataset = outlook_of("folder", tmp_path), load_dataset("folder", tmp_path)
    assert (found.channels, *found.sizes) == (3, (6, 8))
    assert (found.channels, *found.sizes[0]) == dataset.input
    assert (found.train, found.classes) == (len(dataset.train), dataset.classes)


@pytest.mark.parametrize("parts", [("train", "val"), ("train", "test"), ("train", "val", "test")])
def test_parts_of_their_own_are_not_trained_on(tmp_path: Path, parts: tuple[str, ...]) -> None:
    for part in parts:
        fill(tmp_path / part, 20)
    assert outlook_of("folder", tmp_path).train == len(load_dataset("folder", tmp_path).train)


def test_a_size_is_that_of_all_images_in_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "train", 3)
    fill(tmp_path / "val", 3)
    assert outlook_of("folder", tmp_path).sizes == ((6, 8),)
    save(tmp_path / "val" / "dog" / "9.png", (8, 8))
    assert len(outlook_of("folder", tmp_path).sizes) > 1
    save(tmp_path / "val" / "dog" / "9.png")
    save(tmp_path / "train" / "cat" / "1.png", (8, 8))
    monkeypatch.setattr(outlook, "HEADS_READ", 2)
    assert len(outlook_of("folder", tmp_path).sizes) > 1, "though the first and the last are equal"


@pytest.mark.parametrize("ending", ["jpg", "tif", "png", "webp"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (6, 8)), (3, (6, 8)), (6, (8, 6)), (8, (8, 6))])
def test_sizes_are_those_of_pictures_upright(
    tmp_path: Path, ending: str, orientation: int, size: tuple[int, int]
) -> None:
    for at in range(6):
        for name in CLASSES:
            save(tmp_path / name / f"{at}.{ending}", orientation=orientation)
    assert outlook_of("folder", tmp_path).sizes == (size,)
    assert load_dataset("folder", tmp_path).input[1:] == size


def test_grey_pictures_are_grey_unless_one_is_in_colour(tmp_path: Path) -> None:
    fill(tmp_path, 4, mode="L")
    assert outlook_of("folder", tmp_path).channels == 1
    save(tmp_path / "dog" / "9.png")
    assert outlook_of("folder", tmp_path).channels == 3


def test_what_cannot_be_read_is_passed_over_and_nothing_else_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    (tmp_path / "cat" / "broken.jpg").write_bytes(b"no picture")
    assert outlook_of("folder", tmp_path).sizes == ((6, 8),)
    (bare := tmp_path / "bare").mkdir()
    for name in CLASSES:
        (bare / name).mkdir()
        (bare / name / "1.heic").write_bytes(b"no picture")
        (bare / name / "1.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"no images in the folders of .*; \d could not be read, first "):
        outlook_of("folder", bare)


def test_a_folder_of_broken_images_alone_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    for name, content in zip(CLASSES, (b"no picture", b""), strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(content)
    with pytest.raises(DataError) as refused:
        outlook_of("folder", tmp_path)
    first = f"{tmp_path}/cat/1.png: cannot identify what picture it is"
    assert f"no images in the folders of {tmp_path}; 2 could not be read, first {first}" in str(refused.value)
    (tmp_path / "cat" / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"first .*1.png: it is empty"):
        outlook_of("folder", tmp_path)


def test_a_data_set_known_by_name_is_as_it_is() -> None:
    found = outlook_of("digits", None)
    assert (found.train, found.channels, found.sizes, len(found.classes)) == (1_150, 1, ((8, 8),), 10)
