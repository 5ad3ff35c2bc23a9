"""Reads images that lie in a folder a class: files that PIL decodes, once or whenever they are needed."""

from __future__ import annotations

import math
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ...spaces import DataError
from .decoding import HEIF, INSTALL_HEIF, formats, prepare, read_head, read_image
from .folder_layout import layout_of
from .originals import originals_of
from .sources import Source, check_classes
from .streaming import Look, Streamed, digest, look_through, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .pixels import Picture, Resize, Shape

HEADS_READ = 1_000
"""Files of a folder, spread over all, that are opened to see how much memory all need."""


def image_endings() -> tuple[str, ...]:
    """Endings of the files that are taken for images, in upper or lower case."""
    return tuple(ending for endings in formats().values() for ending in endings)


class Files:
    """`Pictures` in a folder a class: decoded when they are read, and resized where that is asked for.

    Args:
        base: the folder that holds all of them.
        classes: names of the classes' folders, in the order of the labels.
        shape: height and width that they are brought to, in pixels; None to take all as they are.
        resize: how they are brought to `shape`.
        parts: the folders in `base` that hold the classes' folders; "" is `base` itself.
    """

    def __init__(
        self,
        base: Path,
        classes: Sequence[str],
        shape: Shape | None,
        resize: Resize = "crop",
        parts: Sequence[str] = ("",),
    ) -> None:
        self.passed_over: list[str] = []
        """Folders that cannot be read, or that were read by another name, with the reason; files of other endings."""
        seen: dict[tuple[int, int], str] = {}
        files = [
            (part, label, path.relative_to(base))
            for part, folder in enumerate(parts)
            for label, name in enumerate(classes)
            for path in sorted(_files_below(base / folder / name, seen, self.passed_over))
        ]
        known = image_endings()
        found = [each for each in files if each[2].suffix.lower() in known]
        others = Counter(path.suffix.lower() or "no ending" for _, _, path in files)
        others -= Counter(path.suffix.lower() for _, _, path in found)
        self.passed_over += [
            f"{base}: {count:,} file{'s' if count > 1 else ''} with {other}{f' ({INSTALL_HEIF})' * (other in HEIF)}"
            for other, count in sorted(others.items())
        ]
        self.base, self._shape = base, shape
        self._resize: Resize = resize
        self.labels = np.array([label for _, label, _ in found], dtype=np.int64)
        self.parts = np.array([part for part, _, _ in found], dtype=np.int64)
        """For each file the index of the part that it lies in."""
        # Names as one array of bytes: unlike strings, the workers of a node can share it.
        names = [os.fsencode(path) for _, _, path in found]
        self._names = np.frombuffer(b"".join(names), dtype=np.uint8)
        self._ends = np.cumsum([0, *map(len, names)])

    def __len__(self) -> int:
        return len(self.labels)

    def open(self) -> None:
        """Prepares PIL. Each file is opened where it is read."""
        prepare()

    def name(self, index: int) -> str:
        """Path of the file at `index`."""
        return str(self.base / self.short_name(index))

    def short_name(self, index: int) -> str:
        """Path of the file at `index` below the folder that holds all of them."""
        return os.fsdecode(self._names[self._ends[index] : self._ends[index + 1]].tobytes())

    def mark(self, index: int) -> int:
        """Bytes of the file at `index`.

        Raises:
            OSError: there is none.
        """
        return Path(self.name(index)).stat().st_size

    def read(self, index: int) -> tuple[Picture | str, int]:
        """The picture, of one channel or three, or why it cannot be read; and its label."""
        return read_image(Path(self.name(index)), self._shape, self._resize), int(self.labels[index])

    def size_in_memory(self) -> int:
        """Bytes of all pictures once decoded, an estimate by the heads of up to HEADS_READ of the files."""
        some = np.unique(np.linspace(0, len(self) - 1, min(HEADS_READ, len(self)), dtype=np.int64))
        heads = [head for index in some if (head := read_head(Path(self.name(index))))]
        if not heads:
            return 0
        pixels = math.prod(self._shape) if self._shape else max(pixels for pixels, _ in heads)
        return len(self) * pixels * max(channels for _, channels in heads)


def read_folder(root: Path, shape: Shape | None, resize: Resize, memory: int) -> Source:
    """Images in a folder a class below `root`, or below `root/train`, `root/val` and `root/test` (see `folder_layout`).

    Grey when all are grey, RGB otherwise. Images that cannot be read are skipped and named; so are files of other
    endings, by how many there are of each. Hidden files and folders are passed over.

    Args:
        root: the folder.
        shape: height and width that images are brought to, in pixels; None when all have one size already.
        resize: how they are brought to `shape`.
        memory: bytes of images that may be kept. Where all come to more, each is read anew whenever it is needed.

    Raises:
        DataError: no classes, no images, a class without any, images of different sizes without `shape`, or folders
            that look like something else than classes.
    """
    layout = layout_of(root)
    # In one, since the last training joins what is trained and what is validated on.
    learnt = [str(place.relative_to(root)) for place in (layout.train, layout.validation) if place]
    parts = [Files(root, layout.classes, shape, resize, learnt)]
    if layout.test:
        parts.append(Files(layout.test, layout.classes, shape, resize))
    for part in parts:
        part.open()
    kept = sum(part.size_in_memory() for part in parts) <= memory
    found = [(part, _read(part) if kept else look_through(part)) for part in parts]
    skipped = [*layout.ignored, *(said for part in parts for said in part.passed_over)]
    skipped += [
        f"{part.name(at)}: {said}" for part, seen in found for at, said in enumerate(seen) if isinstance(said, str)
    ]
    common = _common_shape(found, skipped)
    (images, labels, parted), *test = [_stack(part, seen, common) for part, seen in found]
    validation = None
    if layout.validation:
        validation = _picked(images, parted == 1), labels[parted == 1]
        images, labels = _picked(images, parted == 0), labels[parted == 0]
        if not len(validation[1]):
            raise no_images(layout.validation, skipped)
    check_classes(labels, layout.classes, f"data.root: {layout.train}", skipped)
    tested, seen = found[-1]
    files = [tested.short_name(at) for at, picture in enumerate(seen) if not isinstance(picture, str)] if kept else []
    if not layout.test:
        files = [file for file, part in zip(files, parted, strict=kept) if part == 0]
    return Source(
        images,
        labels,
        layout.classes,
        test=test[0][:2] if test else None,
        skipped=tuple(skipped),
        validation=validation,
        files=tuple(files),
        originals=originals_of(
            (each.shape[0], each.original) for _, seen in found for each in seen if not isinstance(each, str)
        ),
        in_two_classes=_in_two_classes(found),
    )


def _in_two_classes(found: Sequence[tuple[Files, Sequence[Picture | Look | str]]]) -> tuple[str, str] | None:
    """The first two files of different classes that hold the same image."""
    first: dict[int, tuple[int, str]] = {}
    for files, seen in found:
        for at, picture in enumerate(seen):
            if isinstance(picture, str):
                continue
            of = picture.digests[0] if isinstance(picture, Look) else digest(picture.pixels)
            label, name = int(files.labels[at]), files.name(at)
            known, other = first.setdefault(of, (label, name))
            if known != label:
                return other, name
    return None


def _picked(images: NDArray[np.uint8] | Streamed, which: NDArray[np.bool_]) -> NDArray[np.uint8] | Streamed:
    return images.picked(np.flatnonzero(which)) if isinstance(images, Streamed) else images[which]


def images_below(folder: Path) -> list[Path]:
    """The files in a folder and those below it that are called images, sorted; hidden ones are left out.

    Raises:
        DataError: there are none.
    """
    passed_over: list[str] = []
    found = sorted(p for p in _files_below(folder, {}, passed_over) if p.suffix.lower() in image_endings())
    if not found:
        hint = f"; not read: {passed_over[0]}" if passed_over else ""
        raise DataError(f"{folder} holds no images{hint}", f"Known: {', '.join(image_endings())}.")
    return found


def _files_below(folder: Path, seen: dict[tuple[int, int], str], passed_over: list[str]) -> Iterator[Path]:
    """All files below a folder but hidden ones, links followed, each folder once however many links lead to it.

    Args:
        folder: where to begin.
        seen: the folders that were read, by device and inode; those below `folder` are added.
        passed_over: the others are added, each with the reason.
    """
    left = [str(folder)]
    while left:
        path = left.pop()
        try:
            about = os.stat(path)  # noqa: PTH116
            first = seen.setdefault((about.st_dev, about.st_ino), path)
            if first != path:
                passed_over.append(f"{path}: is the folder {first}, which is read already")
                continue
            with os.scandir(path) as entries:
                inside = [(entry.path, _is_folder(entry)) for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            passed_over.append(f"{path}: {error.strerror}")
            continue
        left += sorted((path for path, is_folder in inside if is_folder), reverse=True)
        yield from (Path(path) for path, is_folder in inside if not is_folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: told when it is read, if it is called an image
        return False


def _read(files: Files) -> list[Picture | str]:
    with ThreadPoolExecutor() as pool:
        return [picture for picture, _ in pool.map(files.read, range(len(files)))]


def _common_shape(
    found: Sequence[tuple[Files, Sequence[Picture | Look | str]]], skipped: Sequence[str]
) -> tuple[int, int, int]:
    """(C, H, W) of all pictures, C that of the ones with most channels.

    Raises:
        DataError: a part holds no picture, or two differ in height or width.
    """
    shapes = [
        (files, at, picture.shape)
        for files, seen in found
        for at, picture in enumerate(seen)
        if not isinstance(picture, str)
    ]
    for files, _ in found:
        if not any(files is theirs for theirs, _, _ in shapes):
            raise no_images(files.base, skipped)
    first, number, (_, height, width) = shapes[0]
    for files, at, (_, rows, columns) in shapes:
        if (rows, columns) != (height, width):
            raise DataError(
                f"data.root: {first.name(number)} is {height}x{width} and {files.name(at)} is {rows}x{columns} "
                "(rows x columns)",
                "Set data.size, in pixels: every image is then brought to it, as data.resize says.",
            )
    return max(shape[0] for _, _, shape in shapes), height, width


def no_images(place: Path, skipped: Sequence[str]) -> DataError:
    """The error of a folder in which no image can be read.

    Args:
        place: holds the classes' folders.
        skipped: files that were not read, each with the reason.
    """
    hint = f"; {len(skipped)} could not be read, first {skipped[0]}" if skipped else ""
    return DataError(
        f"data.root: no images in the folders of {place}{hint}",
        f"Put the images of each class into a folder with the class's name. Known: {', '.join(image_endings())}.",
    )


def _stack(
    files: Files, seen: Sequence[Picture | Look | str], shape: tuple[int, int, int]
) -> tuple[NDArray[np.uint8] | Streamed, NDArray[np.int64], NDArray[np.int64]]:
    """Images (N, C, H, W), labels and parts of what could be read; grey ones are repeated when any is in colour."""
    good = np.array([at for at, picture in enumerate(seen) if not isinstance(picture, str)], dtype=np.int64)
    if any(isinstance(picture, Look) for picture in seen):
        return *streamed(files, cast("Sequence[Look | str]", seen), shape[0]), files.parts[good]
    images = np.empty((len(good), *shape), dtype=np.uint8)
    for to, at in enumerate(good):
        images[to] = cast("Picture", seen[at]).pixels
    return images, files.labels[good], files.parts[good]
