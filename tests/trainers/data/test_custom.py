"""One's own data by an import path: this module's functions, named the way a sweep file names them."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
import torch
from convscape.spaces.errors import DataError
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.data.sources import Source
from convscape.trainers.data.streaming import Streamed
from PIL import Image

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 3, 6, 5), dtype=np.uint8)
LABELS = np.arange(40) % 4


@pytest.fixture
def on_disk(tmp_path):
    """A module on disk whose function returns a torch Dataset that cannot be pickled, and how often it was called."""
    np.save(tmp_path / "images.npy", IMAGES)
    (tmp_path / "streamed_images.py").write_text(
        "import numpy as np\n"
        "class Mine:\n"
        "    classes = ('a', 'b', 'c', 'd')\n"
        "    def __init__(self, root):\n"
        "        self.images = np.load(root / 'images.npy', mmap_mode='r')\n"
        "        self.no_pickle = lambda: None\n"
        "        with open(root / 'calls', 'a') as calls:\n"
        "            calls.write('x')\n"
        "    def __len__(self):\n"
        "        return len(self.images)\n"
        "    def __getitem__(self, index):\n"
        "        if index == 7:\n"
        "            raise OSError('cut short')\n"
        "        return np.array(self.images[index]), index % 4\n"
        "def read(root):\n"
        "    return Mine(root)\n"
    )
    yield tmp_path
    sys.modules.pop("streamed_images", None)


class AsTorch(torch.utils.data.Dataset):
    """A map-style torch Dataset that gives pictures of any kind."""

    classes = ("a", "b", "c", "d")

    def __init__(self, picture):
        self.picture = picture

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        return self.picture(IMAGES[index]), int(LABELS[index])


def everything(data) -> list[bytes]:
    return sorted(image.tobytes() for part in (data.train, data.validation, data.test) for image in part.images)


@pytest.mark.parametrize(
    "found",
    [
        (IMAGES, LABELS),
        (torch.tensor(IMAGES), torch.tensor(LABELS)),
        AsTorch(torch.tensor),
        AsTorch(lambda image: Image.fromarray(image.transpose(1, 2, 0))),
        Source(IMAGES, LABELS, ("a", "b", "c", "d")),
    ],
    ids=["arrays", "tensors", "dataset of tensors", "dataset of pictures", "source"],
)
def test_what_a_function_may_return(mine, found):
    data = load_dataset(mine(lambda _root: found), train=0.5)
    assert data.input == (3, 6, 5)
    assert len(data.classes) == 4
    assert data.name == "my_images.read"
    assert set(everything(data)) <= {image.tobytes() for image in IMAGES}


def test_the_function_gets_the_root(mine, tmp_path):
    seen = []
    load_dataset(mine(lambda root: (seen.append(root), (IMAGES, LABELS))[1]), tmp_path)
    assert seen == [tmp_path]


def test_a_source_brings_its_own_test_part(mine):
    data = load_dataset(mine(lambda _root: Source(IMAGES, LABELS, ("a", "b", "c", "d"), test=(IMAGES[:5], LABELS[:5]))))
    assert np.array_equal(data.test.images, IMAGES[:5])


def test_grey_images_without_channels(mine):
    assert load_dataset(mine(lambda _root: (IMAGES[:, 0], LABELS)), size=8).input == (1, 8, 8)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((IMAGES / 255, LABELS), "images of type float64"),
        ((IMAGES[0, 0], LABELS), r"shape \(6, 5\)"),
        ((IMAGES, LABELS[:3]), r"40 images and labels of .* shape \(3,\)"),
        ((IMAGES, LABELS / 2), "labels of type float64"),
        ((IMAGES, LABELS.astype(str)), "labels of type <U21"),
        ((IMAGES, LABELS - 1), "labels from -1 to 2"),
        (Source(IMAGES, LABELS, ("a", "b")), "labels from 0 to 3 and 2 classes"),
        (3, "returned int"),
        (AsTorch(lambda image: image[:, : 4 + image[0, 0, 0] % 2]), "image 0 has shape"),
    ],
)
def test_what_cannot_be_used_is_named(mine, found, message):
    with pytest.raises(DataError, match=message):
        load_dataset(mine(lambda _root: found))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module.read", "there is no module no_such_module"),
        ("my_images.write", "my_images has no function write"),
        ("my_images.number", "is no function"),
    ],
)
def test_paths_that_lead_nowhere(mine, path, message):
    mine(None)
    with pytest.raises(DataError, match=message):
        load_dataset(path)


@pytest.mark.parametrize("size", [None, 9])
def test_a_torch_dataset_that_does_not_fit_is_streamed(on_disk, size):
    """Travels as its path; each process that reads makes it anew."""
    kept, streamed = (
        load_dataset("streamed_images.read", on_disk, code=[on_disk], size=size, memory=memory) for memory in (None, 1)
    )
    assert isinstance(streamed.train.images, Streamed)
    again = pickle.loads(pickle.dumps(streamed))  # noqa: S301
    for data in (streamed, again):
        for name in ("train", "validation", "test"):
            ours, theirs = getattr(kept, name), getattr(data, name)
            assert np.array_equal(ours.images, theirs.images[:])
            assert np.array_equal(ours.labels, theirs.labels)
        assert (data.mean, data.std, data.classes) == (kept.mean, kept.std, kept.classes)
        assert data.fingerprint == kept.fingerprint
        assert data.skipped == kept.skipped == ("image 7: cut short",)
    assert (on_disk / "calls").read_text() == "xxx"


def test_a_dataset_of_unlike_sizes_needs_a_size(mine):
    unlike = AsTorch(lambda image: image[:, : 4 + image[0, 0, 0] % 2])
    for memory in (None, 1):
        with pytest.raises(DataError, match="image 0 has shape"):
            load_dataset(mine(lambda _root: unlike), memory=memory)
        assert load_dataset(mine(lambda _root: unlike), size=5, memory=memory).input == (3, 5, 5)


@pytest.mark.parametrize("memory", [None, 1])
def test_an_image_that_breaks_the_dataset_is_named(mine, memory):
    def picture(image):
        if np.array_equal(image, IMAGES[30]):
            raise KeyError("nothing there")
        return image

    with pytest.raises(DataError, match=r"my_images.read: image 30: KeyError: 'nothing there' \(test_custom.py, line"):
        load_dataset(mine(lambda _root: AsTorch(picture)), memory=memory)


@pytest.mark.parametrize("found", [(IMAGES, LABELS + 1), Source(IMAGES, LABELS, tuple("abcde"))])
def test_a_class_without_images_is_named(mine, found):
    with pytest.raises(DataError, match=r"class '[0e]' has no image"):
        load_dataset(mine(lambda _root: found))
