"""What `resources.gpus: auto` comes to for a network, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trainers.device import WORKSPACE
from .needs import Needs
from .shares import WHOLE, GpuNode

if TYPE_CHECKING:
    from ....trainers.data import Dataset
    from ...records import Design

USUAL = (12, 24, 80)
"""Memory of usual GPUs in GB."""
FRACTIONS = {1: "1/8", 2: "1/4", 4: "1/2", 8: "whole", 0: "too small, batches go in parts"}


def shares_line(design: Design, dataset: Dataset) -> str:
    """The memory that training a design takes, and which share of usual GPUs it would get, as a sentence.

    Counted in float32: with bfloat16 a training takes less.

    Args:
        design: what would be trained.
        dataset: the images.
    """
    needs = Needs(images=image_bytes(dataset), train=len(dataset.train), precision="float32")
    need = needs.of(design)
    shares = []
    for size in USUAL:
        node = GpuNode(id="", host="", gpus=1, cpus=WHOLE, memory=size * 10**9)
        shares.append(f"{FRACTIONS[needs.share_on(node, 0, need)]} ({size} GB)")
    return f"a step takes {(need.step + WORKSPACE) / 10**6:,.0f} MB; of a GPU it would get: {', '.join(shares)}"


def image_bytes(dataset: Dataset) -> int:
    """Bytes of the images that a data set trains and validates on; 0 where they are read anew each epoch.

    Args:
        dataset: the images.
    """
    parts = (dataset.train.images, dataset.validation.images)
    return sum(getattr(images, "nbytes", 0) for images in parts)
