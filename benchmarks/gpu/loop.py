"""The loop of every tutorial: a DataLoader with workers and pinned memory, and a step in PyTorch's defaults."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import time
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from convscape.trainers import build_network
from convscape.trainers.device import autocast, cpus_here
from torch.utils.data import DataLoader, Dataset

from .steps import sgd

if TYPE_CHECKING:
    from convscape.trainers import Dataset as Data
    from convscape.trainers.device import Precision
    from torch import Tensor

    from .networks import Network

MOST_WORKERS = 8
SHARED = Path("/dev/shm")  # noqa: S108 - workers hand batches over there; containers often have 64 MB of it
PREFETCHED = 2
"""Batches that each worker has ready, PyTorch's default."""


class Pictures(Dataset):
    """The training images as torchvision's ToTensor and Normalize give them: float32 (C, H, W), and a label."""

    def __init__(self, data: Data) -> None:
        self._images, self._labels = data.train.images, data.train.labels
        self._mean = torch.tensor(data.mean).view(-1, 1, 1)
        self._std = torch.tensor(data.std).view(-1, 1, 1)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self._images[index]).float().div(255)
        return image.sub(self._mean).div(self._std), int(self._labels[index])


def workers_here(network: Network) -> int:
    """Processes that load images for a network on this machine."""
    shared = shutil.disk_usage(SHARED).free if SHARED.exists() else 2**40
    return workers_for(4 * network.batch * prod(network.architecture.input), cpus_here(), shared)


def workers_for(batch_bytes: int, cpus: int, shared: int) -> int:
    """Processes that load images: a CPU each beside the loop's own, as many as find room for their batches.

    Args:
        batch_bytes: of one batch.
        cpus: that this process may use.
        shared: bytes of shared memory that are free, of which a half is planned with.
    """
    return max(0, min(MOST_WORKERS, cpus - 1, shared // 2 // ((PREFETCHED + 1) * batch_bytes)))


class Loop:
    """A plain PyTorch training loop.

    Args:
        network: to train.
        data: to learn from.
        precision: float32, or bfloat16 by autocast.
        device: where it computes.
        workers: processes that load images; 0 for none beside this one.
    """

    def __init__(self, network: Network, data: Data, precision: Precision, device: torch.device, workers: int) -> None:
        self._device = device
        self._precision: Precision = precision
        self._network = build_network(network.architecture).to(device)
        self._optimizer = sgd(self._network)
        self._loader = DataLoader(
            Pictures(data),
            network.batch,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            pin_memory=device.type == "cuda",
            persistent_workers=workers > 0,
            # Forked as by default up to Python 3.13: others would be sent a copy of the images each.
            multiprocessing_context=multiprocessing.get_context("fork")
            if workers and sys.platform == "linux"
            else None,
        )

    def speed(self) -> float:
        """Images a second of one epoch."""
        start, seen = time.perf_counter(), 0
        for images, labels in self._loader:
            images = images.to(self._device, non_blocking=True)
            labels = labels.to(self._device, non_blocking=True)
            self._optimizer.zero_grad()
            with autocast(self._device, self._precision):
                loss = F.cross_entropy(self._network(images), labels)
            loss.backward()
            self._optimizer.step()
            seen += len(labels)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return seen / (time.perf_counter() - start)
