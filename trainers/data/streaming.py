"""Streams images too many to keep: looked through once, then read anew each epoch by processes that work ahead."""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import signal
import sys
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from torch.utils.data import DataLoader

from ...spaces import DataError
from ..device import cpus_here
from .room import room_for, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from .pixels import Picture, Shape
    from .room import Room

AHEAD = 2
"""Batches each process has ready or in work."""
LOOKED_AT_ONCE = 64
"""Pictures that a process looks through at a time."""
PR_SET_PDEATHSIG = 1
"""Linux's prctl(2): the signal a process gets when its parent ends."""


class Pictures(Protocol):
    """Where pictures come from, by number. Pickles as names, not as pixels."""

    def __len__(self) -> int: ...

    def open(self) -> None:
        """Makes ready, once in each process, what reading needs."""

    def read(self, index: int) -> tuple[Picture | str, int]:
        """The picture or why it cannot be read, and its label; equal at each call."""
        ...

    def name(self, index: int) -> str:
        """What an error calls the picture at `index`, such as its file."""
        ...

    def short_name(self, index: int) -> str:
        """What a report calls the picture at `index`, such as its file below the folder of the data."""
        ...

    def mark(self, index: int) -> int:
        """A number that tells quickly, on another machine, whether the picture at `index` is the same there.

        Raises:
            OSError, DataError: it cannot be read.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at a picture leaves: enough for labels, normalisation and fingerprint. `shape` is (C, H, W)."""

    shape: tuple[int, ...]
    label: int
    sums: NDArray[np.int64]
    """Sum and sum of squares of the pixels, (C, 2)."""
    digests: tuple[int, int]
    """64 bits each of the picture's pixels as they are, and with one channel repeated to three."""
    original: Shape
    """Height and width that the picture has where it comes from."""


@dataclass(frozen=True)
class Streamed:
    """Images (N, C, H, W) that are read whenever they are asked for; indexed as an array is.

    Args:
        pictures: where from.
        where: number of each image in `pictures`, (N,).
        size: (C, H, W) of every image; pictures of one channel are repeated to C.
        sums: sum and sum of squares of each image's pixels a channel, (N, C, 2).
        digests: 64 bits of each image's pixels, (N,).
    """

    pictures: Pictures
    where: NDArray[np.int64]
    size: tuple[int, int, int]
    sums: NDArray[np.int64]
    digests: NDArray[np.uint64]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W) of all images."""
        return (len(self.where), *self.size)

    def __len__(self) -> int:
        return len(self.where)

    def picked(self, indices: NDArray[np.int64]) -> Streamed:
        """The images at `indices`, still unread."""
        return Streamed(
            pictures=self.pictures,
            where=self.where[indices],
            size=self.size,
            sums=self.sums[indices],
            digests=self.digests[indices],
        )

    def joined(self, other: Streamed) -> Streamed:
        """These images and then those of `other`, which come from the same pictures, all still unread."""
        return Streamed(
            pictures=self.pictures,
            where=np.concatenate([self.where, other.where]),
            size=self.size,
            sums=np.concatenate([self.sums, other.sums]),
            digests=np.concatenate([self.digests, other.digests]),
        )

    def __getitem__(self, indices: Any) -> NDArray[np.uint8]:
        """Reads the images at `indices` here and now: uint8 (B, C, H, W), or (C, H, W) for a single index.

        Raises:
            DataError: a file is gone or was changed since it was looked at.
        """
        chosen = self.where[indices]
        if chosen.ndim == 0:
            return self._read(int(chosen))
        images = np.empty((len(chosen), *self.size), dtype=np.uint8)
        for at, index in enumerate(chosen):
            images[at] = self._read(int(index))
        return images

    def _read(self, index: int) -> NDArray[np.uint8]:
        picture, _ = self.pictures.read(index)
        if isinstance(picture, str):
            raise DataError(f"{self.pictures.name(index)}: {picture}", "It could be read when the sweep started.")
        if picture.shape not in (self.size, (1, *self.size[1:])):
            raise DataError(
                f"{self.pictures.name(index)} is {picture.shape} (C, H, W) and was {self.size} when the sweep started",
                "Leave the images as they are while a sweep runs.",
            )
        return np.broadcast_to(picture.pixels, self.size)


def streamed(pictures: Pictures, looks: Sequence[Look | str], channels: int) -> tuple[Streamed, NDArray[np.int64]]:
    """The pictures that could be read, as streamed images, and their labels.

    Args:
        pictures: where from.
        looks: what was seen of each picture, or why it cannot be read; all have one height and width, at least one
            could be read.
        channels: C of the images; pictures of one channel are repeated.

    Returns:
        The images and labels (N,) of those that could be read.
    """
    seen = [(index, look) for index, look in enumerate(looks) if isinstance(look, Look)]
    size = (channels, *seen[0][1].shape[1:])
    sums = np.stack([np.broadcast_to(look.sums, (channels, 2)) for _, look in seen])
    digests = [look.digests[look.shape[0] != channels] for _, look in seen]
    where = np.array([index for index, _ in seen], dtype=np.int64)
    labels = np.array([look.label for _, look in seen], dtype=np.int64)
    return Streamed(
        pictures=pictures,
        where=where,
        size=cast("tuple[int, int, int]", size),
        sums=sums,
        digests=np.array(digests, np.uint64),
    ), labels


def look_through(pictures: Pictures) -> list[Look | str]:
    """Every picture read once, by as many processes as there are CPUs.

    Returns:
        For each picture what was seen of it, or why it cannot be read.

    Raises:
        DataError: what `pictures` gives is no image and label.
    """
    chunks = np.split(np.arange(len(pictures)), range(LOOKED_AT_ONCE, len(pictures), LOOKED_AT_ONCE))
    pictures.open()

    return [look for looks in _in_processes(partial(_looks, pictures), chunks, cpus_here()) for look in looks]


def digest(image: NDArray[np.uint8]) -> int:
    """64 bits of the BLAKE2b of an image's pixels."""
    return int.from_bytes(hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=8).digest(), "little")


class Loader:
    """Batches of streamed images, read ahead by one process for each of torch's threads, at most one for each CPU.

    The processes live for an epoch, which for images that do not fit into memory is long. Batches come in order
    whatever process was faster, and torch's global random state is left alone.

    Args:
        images: read when they are asked for.
        labels: (N,), on the device that batches go to.
    """

    def __init__(self, images: Streamed, labels: Tensor) -> None:
        self._images, self._labels = images, labels

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """One batch, read here and now, on the labels' device.

        Args:
            indices: of the images, (B,).

        Returns:
            Pixels uint8 (B, C, H, W), where in them the images are, (B,), and their labels, (B,).

        Raises:
            DataError: a file is gone or was changed since it was looked at.
        """
        return next(self._placed([self._read(indices)], [indices]))

    def epoch(self, chunks: Sequence[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches of an epoch, read ahead, on the labels' device.

        Args:
            chunks: indices of the images of each batch.

        Returns:
            For each batch pixels uint8 (B, C, H, W), where in them the images are, (B,), and their labels, (B,).

        Raises:
            DataError: a file is gone or was changed since it was looked at.
        """
        self._images.pictures.open()
        workers = min(torch.get_num_threads(), cpus_here())
        pinned = self._labels.device.type == "cuda"
        return self._placed(_in_processes(self._read, chunks, workers, pinned=pinned), chunks)

    def _read(self, indices: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self._images[indices])

    def _placed(
        self, batches: Iterable[Tensor], chunks: Sequence[NDArray[np.int64]]
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        device = self._labels.device
        for pixels, there in zip(batches, sent_at_once(chunks, device), strict=True):
            where = torch.arange(len(pixels), device=device)
            yield pixels.to(device, non_blocking=True), where, self._labels.index_select(0, there)


def sent_at_once(chunks: Sequence[NDArray[np.int64]], device: torch.device) -> Sequence[Tensor]:
    """Each chunk of indices as a tensor on `device`, all sent together.

    Sent one by one, each would wait for the GPU's step before it.
    """
    return torch.from_numpy(np.concatenate(chunks)).to(device).split([len(chunk) for chunk in chunks])


class _Work(torch.utils.data.Dataset[Any]):
    """What a process does with each chunk of numbers. A DataError comes back as its words: torch would rewrite it."""

    def __init__(self, do: Callable[[NDArray[np.int64]], Any]) -> None:
        self._do = do

    def __getitem__(self, index: Any) -> tuple[Any, tuple[str, str] | None]:
        try:
            return self._do(index), None
        except DataError as error:
            return None, (error.message, error.remedy)


def _looks(pictures: Pictures, chunk: NDArray[np.int64]) -> list[Look | str]:
    return [_look(*pictures.read(int(index))) for index in chunk]


def _look(picture: Picture | str, label: int) -> Look | str:
    if isinstance(picture, str):
        return picture
    pixels, channels = picture.pixels, picture.shape[0]
    squares = np.square(pixels, dtype=np.uint16).reshape(channels, -1).sum(1, dtype=np.int64)
    own = digest(pixels)
    return Look(
        shape=picture.shape,
        label=label,
        sums=np.stack([pixels.reshape(channels, -1).sum(1, dtype=np.int64), squares], axis=1),
        digests=(own, digest(np.repeat(pixels, 3, axis=0)) if channels == 1 else own),
        original=picture.original,
    )


def _in_processes(
    do: Callable[[NDArray[np.int64]], Any], chunks: Sequence[NDArray[np.int64]], workers: int, *, pinned: bool = False
) -> Iterator[Any]:
    """`do(chunk)` for one chunk after the other."""
    # Any other way would run a script that starts a sweep once more in each process.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    loader = DataLoader(
        _Work(do),
        batch_size=None,
        sampler=cast("Any", chunks),
        num_workers=workers,
        prefetch_factor=AHEAD,
        collate_fn=_as_it_is,
        pin_memory=pinned,
        generator=torch.Generator(),
        worker_init_fn=partial(_begin, os.getpid(), room_for(workers, context)),
        multiprocessing_context=context,
    )
    with warnings.catch_warnings():  # the processes use neither the threads nor the locks of this one
        warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
        batches = iter(loader)
    for found, refused in batches:
        if refused:
            raise DataError(*refused)
        yield found


def _begin(parent: int, room: Room, _: int) -> None:
    """Shares `room`, and ends with the process it was forked from, of which it holds open files, as Ray's sockets.

    Elsewhere than on Linux it ends when it is done with its images.
    """
    share(room)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before that
            os._exit(1)


def _as_it_is(found: Any) -> Any:
    return found
