"""What a data set holds is told in the same lines wherever it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from convscape.trainers.data import Source, data_report
from convscape.trainers.data.dataset import load_dataset, split
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 3, 8, 6), dtype=np.uint8)


def source(labels: list[int], **more: object) -> Source:
    classes = tuple(f"class {number}" for number in range(max(labels) + 1))
    return Source(IMAGES[: len(labels)], np.array(labels), classes, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0] * 20 + [1] * 20, "2 classes, 20 of each: class 0, class 1"),
        ([0] * 18 + [1] * 22, "2 classes, 18 to 22 of each: class 0, class 1"),
        ([0] * 30 + [1] * 10, "2 classes: class 0 30, class 1 10"),
        ([*range(13)] * 3, "13 classes, 3 of each: " + ", ".join(f"class {n}" for n in range(12)) + ", and 1 more"),
    ],
)
def test_classes_are_counted(labels: list[int], says: str) -> None:
    dataset = split("mine", source(labels))
    assert data_report(dataset)[0] == f"mine: images of 3x8x6 in {says}"
    assert len(data_report(dataset)) == 2


def test_parts_say_where_they_come_from() -> None:
    own = IMAGES[:4], np.array([0, 1, 0, 1])
    labels = [0] * 20 + [1] * 20
    said = [data_report(split("mine", source(labels, **more)))[1] for more in ({}, {"validation": own}, {"test": own})]
    assert said == [
        "26 to train on, 6 to validate on (cut from those to train on), 8 to test on (a fifth of all)",
        "32 to train on, 4 to validate on (its own part), 8 to test on (a fifth of all)",
        "32 to train on, 8 to validate on (cut from those to train on), 4 to test on (its own part)",
    ]


def test_images_in_two_parts_are_told() -> None:
    own = IMAGES[:4], np.array([0, 0, 0, 0])
    dataset = split("mine", source([0] * 20 + [1] * 20, validation=own, test=own))
    assert data_report(dataset)[2] == (
        "8 of the images to validate or test on are among those to train on, too: accuracies are too high."
    )


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
def test_images_in_two_classes_are_told_as_such_with_two_files(tmp_path: Path, memory: int | None) -> None:
    root = photos(tmp_path, [(8, 8)])
    for number in range(10):
        (root / "b" / f"x{number}.png").write_bytes((root / "a" / f"{number:02}.png").read_bytes())
    lines = data_report(load_dataset("folder", root, memory=memory))
    assert (
        f"20 images are in two classes, the same pixel by pixel, as {root}/a/00.png and {root}/b/x0.png: "
        "no network can tell them apart. Take each out of the class that it is not of."
    ) in lines
    assert not any("too high" in line for line in lines)


def test_images_in_two_classes_are_counted_where_they_come_from_no_files() -> None:
    images = np.concatenate([IMAGES[:20], IMAGES[:20]])
    lines = data_report(split("mine", Source(images, np.array([0] * 20 + [1] * 20), ("a", "b"))))
    assert any(line.startswith("40 images are in two classes, the same pixel by pixel: no network") for line in lines)


def test_what_was_not_read_is_named() -> None:
    skipped = tuple(f"{number}.png: cut short" for number in range(7))
    dataset = split("mine", source([0] * 20 + [1] * 20, skipped=skipped))
    assert data_report(dataset)[2] == f"not read: {', '.join(skipped[:5])}, and 2 more"


def photos(root: Path, sizes: list[tuple[int, int]], modes: str = "RGB") -> Path:
    """Twenty pictures of noise in two classes; their sizes, (height, width), and modes take turns."""
    for number in range(20):
        height, width = sizes[number % len(sizes)]
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        (root / "ab"[number // 10]).mkdir(exist_ok=True)
        picture = Image.fromarray(noise).convert(modes.split()[number % len(modes.split())])
        picture.save(root / "ab"[number // 10] / f"{number:02}.png")
    return root


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
@pytest.mark.parametrize(
    ("sizes", "modes", "options", "says"),
    [
        ([(8, 8)], "RGB", {}, ["all in colour: read as RGB", "all 8x8 (height x width)"]),
        ([(8, 8)], "L", {}, ["all grey: read with one channel", "all 8x8 (height x width)"]),
        (
            [(16, 16)], "RGB L RGB RGB", {"size": 8},
            ["15 in colour, 5 grey: read as RGB", "all 16x16 (height x width)", "brought to 8x8"],
        ),
        (
            [(12, 16)], "L", {"size": 8},
            [
                "all grey: read with one channel", "all 12x16 (height x width)",
                "brought to 8x8 by data.resize: crop, which cuts off up to 25%",
            ],
        ),
        (
            [(10, 20), (30, 20), (12, 12)], "RGB", {"size": 8, "resize": "pad"},
            [
                "all in colour: read as RGB",
                "12x12 to 30x20 (height x width), median 10x20, 0.67 to 2 times as wide as high",
                "brought to 8x8 by data.resize: pad, which leaves up to 50% of an image black",
            ],
        ),
        (
            [(10, 20), (20, 40)], "RGB", {"size": (8, 16), "resize": "stretch"},
            [
                "all in colour: read as RGB",
                "10x20 to 20x40 (height x width), median 10x20, 2 times as wide as high", "brought to 8x16",
            ],
        ),
        (
            [(10, 20), (20, 40)], "RGB", {"size": (8, 32), "resize": "stretch"},
            [
                "all in colour: read as RGB",
                "10x20 to 20x40 (height x width), median 10x20, 2 times as wide as high",
                "brought to 8x32 by data.resize: stretch, which makes things up to 2 times too wide or too high",
            ],
        ),
    ],
)  # fmt: skip
def test_colours_and_sizes_and_what_becomes_of_them(tmp_path, memory, sizes, modes, options, says):
    data = load_dataset("folder", photos(tmp_path, sizes, modes), memory=memory, **options)
    lines = [line for line in data_report(data)[2:] if "data.memory" not in line]
    assert lines == says


def test_sizes_of_large_and_turned_photos_are_those_of_the_upright_ones(tmp_path: Path) -> None:
    root, exif = photos(tmp_path, [(8, 8)]), Image.Exif()
    exif[274] = 6
    Image.new("RGB", (12_000, 7_000)).save(root / "a" / "large.jpg", exif=exif)  # decoded at a part of its size
    lines = data_report(load_dataset("folder", root, size=8))
    assert "8x8 to 12000x7000 (height x width), median 8x8, 0.58 to 1 times as wide as high" in lines


def test_pictures_of_a_dataset_of_ones_own_tell_their_sizes_too(mine) -> None:
    noise = [np.random.default_rng(n).integers(0, 256, (1, 6, 9), dtype=np.uint8) for n in range(20)]
    path = mine(lambda _root: [(torch.from_numpy(image), number // 10) for number, image in enumerate(noise)])
    told = [data_report(load_dataset(path, size=6, memory=memory))[2:5] for memory in (None, 1)]
    assert told[0] == told[1]
    assert told[0] == [
        "all grey: read with one channel", "all 6x9 (height x width)",
        "brought to 6x6 by data.resize: stretch, which makes things up to 1.5 times too wide or too high",
    ]  # fmt: skip


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
def test_blank_and_faint_images_are_told(tmp_path: Path, memory: int | None) -> None:
    root = photos(tmp_path, [(8, 8)])
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 9)).save(root / "a" / f"blank{number}.png")
    lines = data_report(load_dataset("folder", root, memory=memory))
    assert "3 images have one colour each: nothing is seen in them." in lines
    assert not any("standard deviation" in line for line in lines)
    for file in root.glob("?/*.png"):
        values = np.random.default_rng(list(file.name.encode())).integers(0, 1_024, (8, 8)).astype("u2")
        Image.fromarray(values).save(file)
    lines = data_report(load_dataset("folder", root, memory=memory))
    assert any("standard deviation is 1 of 255: the images are nearly black" in line for line in lines)


def test_names_stay_on_their_line() -> None:
    dataset = split("mine", Source(IMAGES, np.arange(40) % 2, ("a\nb", "c"), skipped=("d\ne.png: it is empty",)))
    lines = data_report(dataset)
    assert lines[0].endswith(r"2 classes, 20 of each: a\nb, c")
    assert lines[2] == r"not read: d\ne.png: it is empty"
