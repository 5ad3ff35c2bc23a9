"""What suits a folder of images or a data set, and this machine: a sweep's settings before anybody has written any."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from ...spaces import ConfigError, DataError, nearest
from ...trainers.data import DATA_SETS, data_set_called
from ..files import bucket_url, images_here
from .beginning_text import Beginning, scalar, sweep_file_text
from .data import bring_data
from .sweep_file import parse_sweep_file, read_sweep_file
from .transfer_space import suit_transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...trainers.data import Outlook
    from .schema import SweepConfig
    from .trust import Trust

DIGITS = ("digits", "mnist", "kmnist", "svhn")
"""Data sets of digits and letters, most of which are others, or none, in a mirror."""
SIDES = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)
"""Part of a class's name where a mirror makes another class."""
MANY, SHORT, LONG = 5_000, 600, 3_600
"""Images to train on above which the search has the LONG time in place of the SHORT one, in seconds."""
LARGEST, LARGEST_ON_A_GPU = 64, 128
"""Pixels along each side to begin with, at most; images that all have one size, and are no larger, keep it."""


def read_or_begin(place: str | Path, overrides: Sequence[str] = (), *, trust: Trust = "nothing") -> SweepConfig:
    """The config of a sweep file; of a folder of images, or a data set's name, the one to begin with.

    Args:
        place: a YAML file; a folder with a folder of images a class; or the name of a data set, where there is no file
            of that name.
        overrides: "key=value" settings as `--set` takes them.
        trust: what of the code that is named may run.

    Raises:
        ConfigError: says the file, the line, the key, what is wrong and what to write.
        DataError: there are no images in folders of classes.
    """
    if not is_beginning(place):
        if not os.path.lexists(place):
            raise ConfigError(
                f"{place}: cannot be read: No such file or directory",
                f"{_guess(place)}Name a sweep file, a folder with a folder of images for each class, or a data set "
                "such as digits.",
            )
        return read_sweep_file(place, overrides, trust=trust)
    text = sweep_file_text(begin(place, overrides, trust=trust))
    return parse_sweep_file(text, "sweep.yaml", overrides, trust=trust)


def is_beginning(place: str | Path) -> bool:
    """Whether it is no sweep file but what a sweep can begin with: a folder or its URL, or a data set's name."""
    if "://" in str(place):
        return True
    return os.path.isdir(_at_home(place)) or (not os.path.lexists(place) and _data_set(place) is not None)  # noqa: PTH112


def begin(
    place: str | Path,
    overrides: Sequence[str] = (),
    *,
    root: Path | None = None,
    seconds: float | None = None,
    trust: Trust = "nothing",
) -> Beginning:
    """Settings that suit a folder of images or a data set, and this machine.

    Args:
        place: a folder with a folder of images a class, its URL in object storage, or a data set's name.
        overrides: "key=value" settings as `--set` takes them, which the others are to suit.
        root: where the files of a data set are.
        seconds: time for the search; by the number of images when not given.
        trust: what may run of code that overrides name.

    Raises:
        ConfigError: an override cannot be, or the sweep's folder would lie among the images.
        DataError: there is no such folder or data set, or there are no images.
    """
    from ...trainers.data import outlook_of
    from ...trainers.device import cpus_here, gpus_here

    given = _given(place, root, overrides, trust)
    bring_data(given, anew=True)
    outlook, gpus = outlook_of(given.data.name, given.data.root), gpus_here()
    size = _size(outlook, LARGEST_ON_A_GPU if gpus else LARGEST)
    side = size or min(map(min, outlook.sizes))
    mirrored = any(len(name) == 1 or SIDES.search(name) for name in outlook.classes)
    return Beginning(
        name=given.name,
        data=given.data.name,
        root=given.data.root,
        outlook=outlook,
        size=size,
        seconds=seconds if seconds is not None else LONG if outlook.train > MANY else SHORT,
        flip=given.data.name not in DIGITS and not mirrored,
        transfer=suit_transfer(outlook.train, len(outlook.classes), outlook.channels, side),
        cpus=cpus_here(),
        gpus=gpus,
    )


def _at_home(place: str | Path) -> str:
    return os.path.expanduser(place)  # noqa: PTH111 - the home of nobody stays as it is written


def _data_set(place: str | Path) -> str | None:
    return data_set_called(str(place)) if re.fullmatch(r"[\w -]+", str(place)) else None  # else it is a path


def _guess(place: str | Path) -> str:
    """The data set whose name is close to what was given, as a question; "" where none is."""
    guess = nearest(str(place).lower(), DATA_SETS[:-1])
    return f"{guess} " if guess.startswith("Did") else ""


def _given(place: str | Path, root: Path | None, overrides: Sequence[str], trust: Trust) -> SweepConfig:
    """The least of a config: which images, and what overrides say."""
    url = bucket_url(place, "data.root")
    folder = str(images_here(url)) if url else _at_home(place)
    is_folder = bool(url) or os.path.isdir(folder)  # noqa: PTH112 - False as well where a name is too long
    known = "folder" if is_folder else _data_set(place)
    if known is None:
        missing = "it is a file" if os.path.lexists(folder) else "there is no such folder, and no data set of that name"
        raise DataError(
            f"{place}: {missing}",
            f"{_guess(place)}Name a folder that holds a folder of images for each class, or a data set: digits, "
            "cifar10, …",
        )
    if is_folder and root is not None:
        raise ConfigError(f"--root: {place} is a folder of images itself", "Leave --root out.", key="data.root")
    root = Path(os.path.abspath(folder)) if is_folder else root  # noqa: PTH100 - links keep their names
    if root and not _is_text(str(root)):
        raise DataError(f"{_printed(str(root))}: its name is not UTF-8, and no sweep file can hold it", "Rename it.")
    name = _name(root.name if is_folder and root else known)
    data = f"data: {{name: {known}{f', root: {scalar(str(root))}' if root else ''}}}"
    given = parse_sweep_file(f"name: {scalar(name)}\n{data}\n", "sweep.yaml", overrides, trust=trust)
    for key, one, other in (("name", known, given.data.name), ("root", root if is_folder else None, given.data.root)):
        if one is not None and one != other:
            raise ConfigError(
                f"--set: data.{key}: {other}: {place} says already which images", "Leave one out.", key=f"data.{key}"
            )
    if known not in ("folder", "digits") and given.data.root is None:
        raise DataError(
            f"{known} is read from files", "Say where: `init` takes --root DIR, `launch` --set data.root=DIR"
        )
    sweeps = given.folder.resolve()
    if is_folder and given.data.root and sweeps.is_relative_to(given.data.root.resolve()):
        raise ConfigError(
            f"folder: sweeps would be kept in {sweeps}, among the images",
            "Go to another folder first, as with `cd ..`",
            key="folder",
        )
    return given


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printed(text: str) -> str:
    """A path of any bytes as text."""
    return text.encode(errors="replace").decode()


def _name(text: str) -> str:
    """A sweep's name that is as much as may be of a text, such as a folder's name.

    >>> _name("Äpfel & Birnen"), _name("..."), _name("写真")
    ('Apfel-Birnen', 'images', 'images')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("._-")[:64].strip("._-") or "images"


def _size(outlook: Outlook, most: int) -> int | None:
    """Pixels along each side, a multiple of 16, of small images of 8: no more than half of the images have."""
    if len(outlook.sizes) == 1 and max(outlook.sizes[0]) <= most:
        return None
    shorter = sorted(map(min, outlook.sizes))[len(outlook.sizes) // 2]
    step = 16 if shorter >= 32 else 8
    return max(8, min(most, shorter // step * step))
