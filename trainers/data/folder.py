"""Reads images that lie in a folder a class: files that PIL decodes, once or whenever they are needed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ...spaces import DataError
from .decoding import FORMATS, prepare, read_head, read_image
from .sources import Source, check_classes
from .streaming import Look, Streamed, look_through, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

HEADS_READ = 1_000
"""Files of a folder, spread over all, that are opened to see how much memory all need."""
IMAGE_ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)
"""Endings of the files that are taken for images, in upper or lower case."""


class Files:
    """`Pictures` in a folder a class: decoded when they are read, and resized where that is asked for.

    Args:
        base: the folder that holds the classes' folders.
        classes: names of these folders, in the order of the labels.
        size: height and width in pixels of the central square, resized, to take; None to take all as it is.
    """

    def __init__(self, base: Path, classes: Sequence[str], size: int | None) -> None:
        self.passed_over: list[str] = []
        """Folders that cannot be read, or that were read by another name, with the reason."""
        seen: dict[tuple[int, int], str] = {}
        found = [
            (label, path.relative_to(base))
            for label, name in enumerate(classes)
            for path in sorted(_files_below(base / name, seen, self.passed_over))
            if path.suffix.lower() in IMAGE_ENDINGS
        ]
        self.base, self._size = base, size
        self.labels = np.array([label for label, _ in found], dtype=np.int64)
        # Names as one array of bytes: unlike strings, the workers of a node can share it.
        names = [os.fsencode(path) for _, path in found]
        self._names = np.frombuffer(b"".join(names), dtype=np.uint8)
        self._ends = np.cumsum([0, *map(len, names)])

    def __len__(self) -> int:
        return len(self.labels)

    def open(self) -> None:
        """Prepares PIL. Each file is opened where it is read."""
        prepare()

    def name(self, index: int) -> str:
        """Path of the file at `index`."""
        return str(self.base / os.fsdecode(self._names[self._ends[index] : self._ends[index + 1]].tobytes()))

    def read(self, index: int) -> tuple[NDArray[np.uint8] | str, int]:
        """The picture uint8 (1, H, W) or (3, H, W), or why it cannot be read; and its label."""
        return read_image(Path(self.name(index)), self._size), int(self.labels[index])

    def size_in_memory(self) -> int:
        """Bytes of all pictures once decoded, an estimate by the heads of up to HEADS_READ of the files."""
        some = np.unique(np.linspace(0, len(self) - 1, min(HEADS_READ, len(self)), dtype=np.int64))
        heads = [head for index in some if (head := read_head(Path(self.name(index))))]
        if not heads:
            return 0
        pixels = self._size**2 if self._size else max(pixels for pixels, _ in heads)
        return len(self) * pixels * max(channels for _, channels in heads)


def read_folder(root: Path, size: int | None, memory: int) -> Source:
    """Images in a folder a class below `root`, or below `root/train` and `root/test`.

    Grey when all are grey, RGB otherwise. Images that cannot be read are skipped and named.

    Args:
        root: the folder.
        size: shorter side in pixels to resize to before cutting the central square; None when all have one size
            already.
        memory: bytes of images that may be kept. Where all come to more, each is read anew whenever it is needed.

    Raises:
        DataError: no classes, no images, a class without any, or images of different sizes without `size`.
    """
    split = os.path.isdir(root / "train")  # noqa: PTH112 - False where that cannot be told
    base = root / "train" if split else root
    classes = _class_folders(base)
    if len(classes) < 2:
        raise DataError(
            f"data.root: {base} holds {len(classes)} folders of images and a classifier needs at least 2",
            "Put the images of each class into a folder with the class's name.",
        )
    parts = [Files(base, classes, size)]
    if split and os.path.isdir(root / "test"):  # noqa: PTH112
        unknown = sorted(set(_class_folders(root / "test")) - set(classes))
        if unknown:
            raise DataError(
                f"data.root: {root / 'test' / unknown[0]} is no class of {base}", "Remove it or add the class."
            )
        parts.append(Files(root / "test", classes, size))
    for part in parts:
        part.open()
    kept = sum(part.size_in_memory() for part in parts) <= memory
    found = [(part, _read(part) if kept else look_through(part)) for part in parts]
    skipped = [said for part in parts for said in part.passed_over]
    skipped += [
        f"{part.name(at)}: {said}" for part, seen in found for at, said in enumerate(seen) if isinstance(said, str)
    ]
    shape = _common_shape(found, skipped)
    arrays = [_stack(part, seen, shape) for part, seen in found]
    check_classes(arrays[0][1], classes, f"data.root: {base}")
    (images, labels), *test = arrays
    return Source(images, labels, tuple(classes), test=test[0] if test else None, skipped=tuple(skipped))


def _files_below(folder: Path, seen: dict[tuple[int, int], str], passed_over: list[str]) -> Iterator[Path]:
    """All files below a folder, links followed, each folder once however many links lead to it.

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
                inside = [(entry.path, _is_folder(entry)) for entry in entries]
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


def _class_folders(base: Path) -> list[str]:
    try:
        inside = sorted(base.iterdir())
    except OSError as error:
        raise DataError(
            f"data.root: {base} cannot be read: {error.strerror}", "Set data.root to the folder of the images."
        ) from None
    return [path.name for path in inside if os.path.isdir(path) and not path.name.startswith(".")]  # noqa: PTH112


def _read(files: Files) -> list[NDArray[np.uint8] | str]:
    with ThreadPoolExecutor() as pool:
        return [picture for picture, _ in pool.map(files.read, range(len(files)))]


def _common_shape(
    found: Sequence[tuple[Files, Sequence[NDArray[np.uint8] | Look | str]]], skipped: Sequence[str]
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
            hint = f"; {len(skipped)} could not be read, first {skipped[0]}" if skipped else ""
            known = f"Known: {', '.join(IMAGE_ENDINGS)}."
            raise DataError(f"data.root: no images in the folders of {files.base}{hint}", known)
    first, number, (_, height, width) = shapes[0]
    for files, at, (_, rows, columns) in shapes:
        if (rows, columns) != (height, width):
            raise DataError(
                f"data.root: {first.name(number)} is {height}x{width} and {files.name(at)} is {rows}x{columns} "
                "(rows x columns)",
                "Set data.size, in pixels: every image is then resized and its central square taken.",
            )
    return max(shape[0] for _, _, shape in shapes), height, width


def _stack(
    files: Files, seen: Sequence[NDArray[np.uint8] | Look | str], shape: tuple[int, int, int]
) -> tuple[NDArray[np.uint8] | Streamed, NDArray[np.int64]]:
    """Images (N, C, H, W) and labels of what could be read; grey ones are repeated when any is in colour."""
    good = np.array([at for at, picture in enumerate(seen) if not isinstance(picture, str)], dtype=np.int64)
    if any(isinstance(picture, Look) for picture in seen):
        return streamed(files, cast("Sequence[Look | str]", seen), shape[0])
    images = np.empty((len(good), *shape), dtype=np.uint8)
    for to, at in enumerate(good):
        images[to] = seen[at]
    return images, files.labels[good]
