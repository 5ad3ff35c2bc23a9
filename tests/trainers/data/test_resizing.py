"""What becomes of pictures of another shape: by each rule, from each source, and in the exported file the same."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
from convscape.spaces import DataError
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Flatten, Linear
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.data.folder import Files
from convscape.trainers.data.pixels import Resize, scaled
from convscape.trainers.export.pytorch_source import source
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

RESIZES = get_args(Resize)
RED, WHITE, BLUE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 255), (0, 0, 0)


def photos(root: Path) -> None:
    """Wide, tall and square ones, some of them lying on their side as a camera leaves them."""
    for number in range(24):
        height, width = ((30, 90), (90, 30), (40, 40), (61, 83))[number % 4]
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        folder, exif = root / ("cat", "dog")[number // 12], Image.Exif()
        exif[274] = (1, 6, 3, 8)[number // 4 % 4]
        folder.mkdir(exist_ok=True)
        ending = ("png", "jpg", "webp")[number % 3]
        Image.fromarray(pixels).save(folder / f"{number:02}.{ending}", exif=exif, quality=95)


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """A picture of 40 x 20 pixels, a quarter red, half white, a quarter blue; and another class."""
    pixels = np.full((20, 40, 3), WHITE, dtype=np.uint8)
    pixels[:, :10], pixels[:, 30:] = RED, BLUE
    for name in ("flags", "others"):
        (tmp_path / name).mkdir()
        for number in range(10):
            pixels[14:18, 11:14] = 12 * number  # not where the test looks
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def rows_and_columns(image: np.ndarray) -> list[list[tuple[int, ...]]]:
    """Colours down the middle and across it, of an image (3, H, W)."""
    _, height, width = image.shape
    return [[tuple(map(int, image[:, *at])) for at in places] for places in (
        [(row, width // 2) for row in (height // 8, height // 2, height - 1)],
        [(height // 2, column) for column in (0, width // 2, width - 1)],
    )]  # fmt: skip


@pytest.mark.parametrize(
    ("resize", "size", "down", "across"),
    [
        ("crop", 8, [WHITE, WHITE, WHITE], [WHITE, WHITE, WHITE]),
        ("pad", 8, [BLACK, WHITE, BLACK], [RED, WHITE, BLUE]),
        ("stretch", 8, [WHITE, WHITE, WHITE], [RED, WHITE, BLUE]),
        ("crop", (8, 16), [WHITE, WHITE, WHITE], [RED, WHITE, BLUE]),
        ("crop", (4, 16), [WHITE, WHITE, WHITE], [RED, WHITE, BLUE]),
        ("pad", (16, 8), [BLACK, WHITE, BLACK], [RED, WHITE, BLUE]),
        ("pad", (8, 32), [WHITE, WHITE, WHITE], [BLACK, WHITE, BLACK]),
        ("stretch", (16, 8), [WHITE, WHITE, WHITE], [RED, WHITE, BLUE]),
    ],
)
@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
def test_what_is_left_of_a_wide_picture(flag, resize, size, down, across, memory):
    data = load_dataset("folder", flag, size=size, resize=resize, memory=memory)
    assert data.input == (3, *((size, size) if isinstance(size, int) else size))
    found = rows_and_columns(data.test.images[0])
    assert np.abs(np.array(found, dtype=int) - np.array([down, across])).max() < 40


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("size", [16, (12, 20), (20, 12)])
def test_the_exported_file_does_with_a_picture_what_training_did(tmp_path, resize, size):
    photos(tmp_path)
    data, streamed = (load_dataset("folder", tmp_path, size=size, resize=resize, memory=memory) for memory in (None, 1))
    assert streamed.streamed
    assert data.fingerprint == streamed.fingerprint
    architecture = Architecture(data.input, (Flatten(), Linear(2)), 2)
    (tmp_path / "model.py").write_text(source(architecture, data, "a name"))
    read = runpy.run_path(str(tmp_path / "model.py"))["read_image"]
    files, learnt = Files(tmp_path, data.classes, data.input[1:], resize), set()
    for part in (data.train, data.validation, data.test):
        learnt |= {image.tobytes() for image in part.images[:]}
    for index in range(len(files)):
        by_itself = read(files.name(index))
        assert by_itself.shape == (1, *data.input)
        assert by_itself.numpy().tobytes() in learnt
    assert len(files) == len(learnt) == 24


@pytest.mark.parametrize("resize", RESIZES)
def test_images_in_memory_become_what_files_become(tmp_path, mine, resize):
    """To within a rounding where they are stretched: in memory that is done in floats."""
    wide = [np.random.default_rng(n).integers(0, 256, (30, 50, 3), dtype=np.uint8) for n in range(20)]
    for number, pixels in enumerate(wide):
        (tmp_path / "ab"[number // 10]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "ab"[number // 10] / f"{number:02}.png")
    arrays = mine(lambda _root: (np.stack(wide).transpose(0, 3, 1, 2), np.arange(20) // 10))
    pictures = mine(lambda _root: [(Image.fromarray(image), number // 10) for number, image in enumerate(wide)])
    files, *others = (
        load_dataset(*where, size=(16, 12), resize=resize) for where in (("folder", tmp_path), (arrays,), (pictures,))
    )
    for other in others:
        assert other.resize == resize
        difference = np.abs(other.train.images[:].astype(int) - files.train.images[:])
        assert difference.max() <= (1 if resize == "stretch" else 0)


def test_what_was_resized_before_there_was_a_choice_is_as_it_was(tmp_path, mine):
    """The fingerprints are those of the last version that had none: its sweeps can be resumed."""
    for number in range(20):
        height, width = ((30, 90), (90, 30), (40, 40), (61, 83))[number % 4]
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        (tmp_path / "ab"[number // 10]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "ab"[number // 10] / f"{number:02}.png")
    folder = load_dataset("folder", tmp_path, size=16)
    arrays = np.random.default_rng(0).integers(0, 256, (20, 1, 30, 50), dtype=np.uint8)
    own = load_dataset(mine(lambda _root: (arrays, np.arange(20) // 10)), size=16)
    assert (folder.fingerprint, folder.resize) == ("d9e83501fbd00872", "crop")
    assert (own.fingerprint, own.resize) == ("7049df8d7406f624", "stretch")
    assert (load_dataset("digits", size=16).fingerprint) == "0fbac391b810f3dd"


def test_a_size_may_be_two_numbers():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 2, 9, 5), dtype=np.uint8)
    for resize in RESIZES:
        assert scaled(pixels, (4, 7), resize).shape == (3, 2, 4, 7)
    assert load_dataset("digits", size=[4, 6]).input == (1, 4, 6)


@pytest.mark.parametrize("size", [0, True, 5_000, [8], [8, 8, 8], [8, 0], [8, 2.5], "8x8", 8.0])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(DataError, match=r"data.size \(=.*two: height, width"):
        load_dataset("digits", size=size)
