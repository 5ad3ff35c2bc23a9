"""Exports a trained network as files that run without this project, proved to agree with it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import runpy
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from ...spaces import ExportError
from .. import checkpoint as checkpoints
from ..data import Images
from ..network import build_network
from .pytorch_source import EXAMPLES, WEIGHTS, source

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from ...spaces import Architecture
    from ..data import Dataset

FORMAT = "convscape-export/1"
ARCHITECTURE, SOURCE, PROOF = "architecture.json", "model.py", "proof.json"
TOLERANCE = 1e-4
"""Largest difference of two scores, as a part of the largest score, at which two networks count as equal."""
BATCH_SIZES = (1, 2, 64)
"""Images at a time with which the exported network is compared with the trained one."""
EXAMPLE_IMAGES = 16
"""Test images that are exported with their scores, at most."""
REPORT = "Nothing was handed over. Please report this with the architecture's JSON."
TEST_BATCH = 500
"""Test images that the exported network classifies at a time."""


@dataclass(frozen=True)
class Exported:
    """An exported network, and how it did on the test part, which was looked at for the first time."""

    folder: Path
    files: tuple[str, ...]
    """Names of the files in `folder`."""
    test_accuracy: float
    """Share of the test images that is right, 0 to 1."""
    test_images: int
    largest_difference: float
    """Largest difference between scores of the exported and the trained network, as a part of the largest score."""


def export_bundle(
    architecture: Architecture,
    checkpoint: Path,
    dataset: Dataset,
    folder: Path,
    *,
    name: str,
    details: dict[str, Any] | None = None,
) -> Exported:
    """Exports a checkpoint's averaged weights with a PyTorch file that needs only torch, and proves that they agree.

    The file is run on its own and its scores on test images are compared with the trained network's, at several batch
    sizes. Nothing stands at `folder` until that has succeeded. An earlier export there is replaced; anything else is
    left alone.

    Args:
        architecture: of the network in `checkpoint`.
        checkpoint: a folder that `Training.save` wrote.
        dataset: the one the network was trained on; its test part is used here and nowhere else.
        folder: where the files go.
        name: of the network, for people.
        details: anything JSON can hold, for proof.json.

    Raises:
        CheckpointError: the checkpoint is absent or damaged.
        ExportError: the checkpoint belongs to another design or data, the exported network disagrees or does not run,
            or `folder` is in use or cannot be written.
    """
    tensors, values = checkpoints.read_checkpoint(checkpoint)
    for what, wanted in (("architecture", architecture.digest), ("data", dataset.fingerprint)):
        if values.get(what) != wanted:
            raise ExportError(
                f"checkpoint {checkpoint}: it was trained with {what} {values.get(what)!r}, not {wanted!r}",
                "Give the architecture and the data set, with its limits and seed, that it was trained with.",
            )
    # What the weights were learnt with, which after a transfer is not the training part's.
    normalisation = {key: tuple(value) for key, value in values["normalisation"].items()}
    dataset = replace(dataset, **normalisation)
    folder = folder.resolve()
    refuse_foreign(folder)
    weights = {key.removeprefix("averaged."): value for key, value in tensors.items() if key.startswith("averaged.")}
    trained = build_network(architecture).eval()
    trained.load_state_dict(weights)
    images = Images(dataset.test, dataset, torch.device("cpu"))

    temporary = folder.parent / f".{folder.name}-{os.getpid()}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        save_file(weights, temporary / WEIGHTS)
        (temporary / ARCHITECTURE).write_text(json.dumps(architecture.to_json(), indent=1))
        (temporary / SOURCE).write_text(source(architecture, dataset, name), encoding="utf-8")
        save_file(_examples(trained, dataset, images), temporary / EXAMPLES)
        differences, accuracy = _prove(temporary / SOURCE, trained, dataset, images)
        proof = {
            "format": FORMAT,
            "name": name,
            "architecture": architecture.digest,
            "parameters": sum(weight.numel() for weight in trained.parameters()),
            "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
            "normalisation": normalisation,
            "trained": {key: values.get(key) for key in ("epoch", "seed", "precision", "recipe")},
            "test": {
                "accuracy": accuracy,
                "images": len(dataset.test),
                "interval_95": _interval(accuracy, len(dataset.test)),
            },
            "agreement": {"tolerance": TOLERANCE, "largest_difference_at_batch_size": differences},
            "sha256": {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(temporary.iterdir())
            },
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "details": details or {},
        }
        (temporary / PROOF).write_text(json.dumps(proof, indent=1))
        files = tuple(sorted(path.name for path in temporary.iterdir()))
        _put(temporary, folder)
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written: {error.strerror}", "Name another folder, or make room for it."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Exported(
        folder=folder,
        files=files,
        test_accuracy=accuracy,
        test_images=len(dataset.test),
        largest_difference=max(differences.values()),
    )


def refuse_foreign(folder: Path) -> None:
    """Refuses a folder that holds anything but an earlier export. One that is not there, or is empty, will do.

    Raises:
        ExportError: `folder` is a file, or holds something that no export wrote.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ExportError(f"{folder} is a file", "Name another folder to export to.")
    inside = {path.name for path in folder.iterdir()} - {"__pycache__"}
    try:
        proof = json.loads((folder / PROOF).read_text())
        ours = {PROOF, *proof["sha256"]} if proof["format"] == FORMAT else set()
    except (OSError, ValueError, KeyError, TypeError):
        ours = set()
    if inside - ours:
        raise ExportError(
            f"{folder} holds {min(inside - ours)}, which no export wrote",
            "Name another folder, or empty this one.",
        )


def _put(temporary: Path, folder: Path) -> None:
    """Renames `temporary` to `folder`; an export that stood there goes once the new one is in place."""
    if not folder.exists():
        temporary.rename(folder)
        return
    old = folder.parent / f".{folder.name}-{os.getpid()}-old"
    folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old)


@torch.inference_mode()
def _examples(trained: nn.Module, dataset: Dataset, images: Images) -> dict[str, Tensor]:
    """A few test images as they are stored, their labels and the trained network's scores."""
    first = np.arange(min(EXAMPLE_IMAGES, len(dataset.test)))
    prepared, labels = images.batch(first)
    return {
        "images": torch.tensor(dataset.test.images[first]),
        "labels": labels,
        "scores": trained(prepared).contiguous(),
    }


def _prove(file: Path, trained: nn.Module, dataset: Dataset, images: Images) -> tuple[dict[int, float], float]:
    """Runs the exported file by itself: how far its scores are off at each batch size, and its test accuracy.

    Raises:
        ExportError: it does not run, or disagrees.
    """
    try:
        module = runpy.run_path(str(file), run_name="exported_model")
        return _compare(trained, module, dataset, images), _accuracy(module, dataset)
    except ExportError:
        raise
    except Exception as error:
        raise ExportError(f"the exported file does not run: {error!r:.200}", REPORT) from error


@torch.inference_mode()
def _compare(trained: nn.Module, module: dict[str, Any], dataset: Dataset, images: Images) -> dict[int, float]:
    """The largest difference of scores at each batch size, as a part of the largest score.

    Raises:
        ExportError: one is beyond TOLERANCE.
    """
    exported = module["load"]()
    differences: dict[int, float] = {}
    for size in BATCH_SIZES:
        first = np.arange(min(size, len(dataset.test)))
        wanted = trained(images.batch(first)[0])
        scores = exported(module["prepare"](torch.tensor(dataset.test.images[first])))
        difference = ((scores - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12)).item()
        if not difference <= TOLERANCE:  # also when it is not a number
            raise ExportError(
                f"the exported network's scores differ by {difference:.2g} of the largest score at batch size {size}, "
                f"more than {TOLERANCE:g}",
                REPORT,
            )
        differences[size] = difference
    return differences


def _accuracy(module: dict[str, Any], dataset: Dataset) -> float:
    """Share of the test part that the exported network names rightly."""
    network, correct = module["load"](), 0
    for start in range(0, len(dataset.test), TEST_BATCH):
        probabilities = module["predict"](network, torch.tensor(dataset.test.images[start : start + TEST_BATCH]))
        correct += int((probabilities.argmax(1).numpy() == dataset.test.labels[start : start + TEST_BATCH]).sum())
    return correct / len(dataset.test)


def _interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share seen in `count` draws (Wilson 1927)."""
    z = 1.959964
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - reach), min(1.0, centre + reach)
