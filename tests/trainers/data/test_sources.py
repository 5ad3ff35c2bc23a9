"""Each reader on small files in the data set's own format, written here."""

from __future__ import annotations

import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from convscape.spaces.errors import DataError
from convscape.trainers.data.dataset import load_dataset
from PIL import Image
from scipy.io import savemat

COUNT, TEST_COUNT = 60, 20


@pytest.fixture
def no_checksums(monkeypatch):
    """Small files have other checksums than the published ones that torchvision asks for."""
    for module in ("cifar", "svhn", "stl10"):
        monkeypatch.setattr(
            f"torchvision.datasets.{module}.check_integrity", lambda path, _md5=None: Path(path).is_file()
        )


def pixels(count: int, *shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int) -> np.ndarray:
    return np.arange(count) % classes


def write_idx(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Yann LeCun's idx format, as of MNIST: magic number, sizes big-endian, bytes."""
    folder.mkdir(parents=True)
    for prefix, count, seed in (("train", COUNT, 0), ("t10k", TEST_COUNT, 1)):
        images, wanted = pixels(count, 28, 28, seed=seed), labels(count, 10).astype(np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + images.tobytes())
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + wanted.tobytes())
    return images[:, None], wanted


def write_cifar(folder: Path, files: dict[str, int], key: str, meta: str, names: str, classes: int):
    """CIFAR's pickled batches: rows of 3,072 bytes, red plane first."""
    folder.mkdir(parents=True)
    for seed, (file, count) in enumerate(files.items()):
        images, wanted = pixels(count, 3, 32, 32, seed=seed), labels(count, classes)
        batch = {"data": images.reshape(count, -1), key: wanted.tolist()}
        (folder / file).write_bytes(pickle.dumps(batch))
    (folder / meta).write_bytes(pickle.dumps({names: [f"name {number}" for number in range(classes)]}))
    return images, wanted


def check_test_part(data, images: np.ndarray, wanted: np.ndarray) -> None:
    assert np.array_equal(data.test.images, images)
    assert data.test.labels.tolist() == wanted.tolist()
    assert len(data.train) + len(data.validation) == COUNT


@pytest.mark.parametrize(
    ("name", "folder"),
    [("mnist", "MNIST/raw"), ("Fashion_MNIST", "FashionMNIST/raw"), ("KMNIST", "KMNIST/raw")],
)
def test_idx(tmp_path, name, folder):
    images, wanted = write_idx(tmp_path / folder)
    data = load_dataset(name, tmp_path)
    check_test_part(data, images, wanted)
    assert data.input == (1, 28, 28)
    assert len(data.classes) == 10


def test_cifar10(tmp_path, no_checksums):
    files = dict.fromkeys([f"data_batch_{number}" for number in range(1, 6)], COUNT // 5) | {"test_batch": TEST_COUNT}
    images, wanted = write_cifar(
        tmp_path / "cifar-10-batches-py", files, "labels", "batches.meta", "label_names", classes=10
    )
    data = load_dataset("CIFAR-10", tmp_path)
    check_test_part(data, images, wanted)
    assert data.classes[9] == "name 9"


CIFAR100 = ({"train": 300, "test": 100}, "fine_labels", "meta", "fine_label_names", 100)


def test_cifar100(tmp_path, no_checksums):
    write_cifar(tmp_path / "cifar-100-python", *CIFAR100)
    data = load_dataset("cifar_100", tmp_path)
    assert len(data.classes) == 100
    assert len(data.test) == 100


def test_svhn(tmp_path, no_checksums):
    """MATLAB arrays (rows, columns, colours, N); the label of the digit 0 is 10."""
    for part, count, seed in (("train", COUNT, 0), ("test", TEST_COUNT, 1)):
        images, wanted = pixels(count, 3, 32, 32, seed=seed), labels(count, 10)
        stored = np.where(wanted == 0, 10, wanted)[:, None].astype(np.uint8)
        savemat(tmp_path / f"{part}_32x32.mat", {"X": images.transpose(2, 3, 1, 0), "y": stored})
    check_test_part(load_dataset("svhn", tmp_path), images, wanted)


def test_stl10(tmp_path, no_checksums):
    """Bytes, column by column; labels from 1; the unlabelled images are not asked for."""
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    for part, count, seed in (("train", COUNT, 0), ("test", TEST_COUNT, 1)):
        images, wanted = pixels(count, 3, 96, 96, seed=seed), labels(count, 10)
        (folder / f"{part}_X.bin").write_bytes(images.transpose(0, 1, 3, 2).tobytes())
        (folder / f"{part}_y.bin").write_bytes((wanted + 1).astype(np.uint8).tobytes())
    (folder / "class_names.txt").write_text("\n".join(f"name {number}" for number in range(10)))
    data = load_dataset("stl-10", tmp_path)
    check_test_part(data, images, wanted)
    assert data.classes[0] == "name 0"


def test_a_missing_file_is_named(tmp_path):
    write_idx(tmp_path / "MNIST" / "raw")
    missing = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    missing.rename(missing.with_name("train-labels-idx1-ubyte.gz"))
    with pytest.raises(DataError, match=rf"no file {missing}\n  Unpack .*gunzip"):
        load_dataset("mnist", tmp_path)
    missing.with_name("train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"Set data.root to the folder that holds MNIST/raw/"):
        load_dataset("mnist", tmp_path)


def test_a_file_cut_short_is_an_error_for_people(tmp_path):
    write_idx(tmp_path / "MNIST" / "raw")
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"cannot be read.*\n  A file is damaged or cut short"):
        load_dataset("mnist", tmp_path)


def test_a_published_file_that_was_altered_is_refused(tmp_path):
    """With torchvision's checksums on: what CIFAR unpickles is the published file or nothing."""
    write_cifar(
        tmp_path / "cifar-100-python", {"train": 300, "test": 100}, "fine_labels", "meta", "fine_label_names", 100
    )
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset("cifar100", tmp_path)


def write_folder(base: Path, classes=("cat", "dog"), count=20, size=(6, 5), colour=True) -> None:
    for number, name in enumerate(classes):
        (base / name).mkdir(parents=True)
        for index in range(count):
            image = pixels(1, size[1], size[0], *((3,) if colour else ()), seed=100 * number + index)[0]
            Image.fromarray(image).save(base / name / f"{index:02d}.png")


def test_a_folder_a_class(tmp_path):
    write_folder(tmp_path)
    data = load_dataset("folder", tmp_path)
    assert data.classes == ("cat", "dog")
    assert data.input == (3, 5, 6)
    assert (len(data.train), len(data.validation), len(data.test)) == (26, 6, 8)
    dog = np.asarray(Image.open(tmp_path / "dog" / "00.png")).transpose(2, 0, 1)
    found = [
        (part.images == dog).all(axis=(1, 2, 3)) @ part.labels for part in (data.train, data.validation, data.test)
    ]
    assert sum(found) == 1


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
@pytest.mark.parametrize("test", [True, False])
def test_a_folder_with_its_own_validation_part(tmp_path, name, test, memory):
    write_folder(tmp_path / "train")
    write_folder(tmp_path / name, count=3)
    if test:
        write_folder(tmp_path / "test", count=2)
    data = load_dataset("folder", tmp_path, memory=memory)
    assert (len(data.train), len(data.validation), len(data.test)) == ((40, 6, 4) if test else (32, 6, 8))
    alone = load_dataset("folder", tmp_path / name, validation=1)
    whole = {image.tobytes() for part in (alone.train, alone.validation, alone.test) for image in part.images}
    assert {image.tobytes() for image in data.validation.images[:]} == whole
    refit = data.for_refit()
    assert len(refit.train.images[:]) == len(data.train) + 5
    assert len(load_dataset("folder", tmp_path, validation=4, memory=memory).validation) == 4


@pytest.mark.parametrize("memory", [None, 1])
@pytest.mark.parametrize("parts", [("",), ("train", "val"), ("train", "val", "test")])
def test_test_images_go_by_their_files(tmp_path, parts, memory):
    for part in parts:
        write_folder(tmp_path / part, size=(6, 6))
    damaged = sorted((tmp_path / parts[-1] / "dog").iterdir())[3]
    damaged.write_bytes(b"no picture")
    data = load_dataset("folder", tmp_path, memory=memory)
    base = tmp_path / "test" if "test" in parts else tmp_path
    for index in range(len(data.test)):
        file = base / data.test_name(index)
        with Image.open(file) as picture:
            assert np.array_equal(np.asarray(picture).transpose(2, 0, 1), data.test.images[index])
        assert file.parent.name == data.classes[data.test.labels[index]]


def test_hidden_files_and_other_endings_are_not_learnt(tmp_path):
    write_folder(tmp_path)
    whole = load_dataset("folder", tmp_path)
    (tmp_path / "cat" / ".ipynb_checkpoints").mkdir()
    shutil.copy(tmp_path / "cat" / "00.png", tmp_path / "cat" / ".ipynb_checkpoints" / "0-checkpoint.png")
    shutil.copy(tmp_path / "cat" / "00.png", tmp_path / "cat" / "._00.png")
    (tmp_path / "cat" / "9.gif").touch()
    (tmp_path / "dog" / "8.GIF").touch()
    (tmp_path / "dog" / "README").touch()
    data = load_dataset("folder", tmp_path)
    assert data.fingerprint == whole.fingerprint
    assert data.skipped == (f"{tmp_path}: 2 files with .gif", f"{tmp_path}: 1 file with no ending")


def test_a_folder_beside_the_parts_is_named(tmp_path):
    write_folder(tmp_path / "train")
    (tmp_path / "notes").mkdir()
    assert load_dataset("folder", tmp_path).skipped == (f"{tmp_path / 'notes'}: is beside train/ and no part",)


def test_a_folder_with_its_own_test_part(tmp_path):
    write_folder(tmp_path / "train")
    write_folder(tmp_path / "test", count=3)
    data = load_dataset("folder", tmp_path)
    assert len(data.test) == 6
    assert len(data.train) + len(data.validation) == 40


def test_grey_stays_grey_until_one_is_in_colour(tmp_path):
    write_folder(tmp_path, colour=False)
    assert load_dataset("folder", tmp_path).input == (1, 5, 6)
    Image.fromarray(pixels(1, 5, 6, 3, seed=0)[0]).save(tmp_path / "cat" / "colour.png")
    assert load_dataset("folder", tmp_path).input == (3, 5, 6)


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    write_folder(tmp_path, colour=False)
    deep = (np.arange(30).reshape(5, 6) * 2000).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "cat" / "00.png")
    data = load_dataset("folder", tmp_path)
    assert any(
        (part.images == (deep >> 8)).all(axis=(1, 2, 3)).any() for part in (data.train, data.validation, data.test)
    )


def test_unlike_sizes_need_a_size(tmp_path):
    write_folder(tmp_path)
    Image.fromarray(pixels(1, 9, 8, 3, seed=0)[0]).save(tmp_path / "dog" / "large.png")
    with pytest.raises(DataError, match=r"is 5x6 and .*large.png is 9x8[^\0]*Set data.size"):
        load_dataset("folder", tmp_path)
    assert load_dataset("folder", tmp_path, size=4).input == (3, 4, 4)


def test_damaged_images_are_skipped_and_named(tmp_path):
    write_folder(tmp_path)
    whole = (tmp_path / "cat" / "00.png").read_bytes()
    (tmp_path / "cat" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "dog" / "text.jpg").write_text("no image")
    data = load_dataset("folder", tmp_path)
    assert len(data.train) + len(data.validation) + len(data.test) == 40
    assert [Path(entry.split(": ")[0]).name for entry in data.skipped] == ["cut.png", "text.jpg"]


def test_a_class_without_images_is_refused(tmp_path):
    """A network would have an output for it that nothing teaches."""
    write_folder(tmp_path)
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "text.png").write_text("no image")
    for memory in (None, 1):
        with pytest.raises(DataError, match=r"be read; 1 could not .*text.png: cannot identify.*\n  Add images of it"):
            load_dataset("folder", tmp_path, memory=memory)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: write_folder(root, classes=("one",)), "holds 1 folders of images"),
        (lambda root: write_folder(root / "photos"), r"Did you mean data\.root: .*photos\?"),
        (lambda root: write_folder(root, classes=("training", "val")), "look like parts of a data set"),
        (lambda root: write_folder(root, classes=("test", "valid")), "look like parts of a data set"),
        (
            lambda root: [write_folder(root / year) for year in ("2019", "2020")],
            "cat, dog, which look like",
        ),
        (lambda root: [write_folder(root / n) for n in ("train", "val", "valid")], "val and valid, which both mean"),
        (
            lambda root: (
                write_folder(root / "train"),
                [(root / "val" / n).mkdir(parents=True) for n in ("cat", "dog")],
            ),
            "no images in the folders of .*val",
        ),
        (lambda root: [(root / name).mkdir() for name in ("a", "b")], "no images in the folders"),
        (lambda root: (write_folder(root / "train"), write_folder(root / "test", classes=("cow",))), "cow is no class"),
    ],
)
def test_folders_that_are_no_data_set(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        load_dataset("folder", tmp_path)
