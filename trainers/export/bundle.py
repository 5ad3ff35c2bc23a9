"""Exports a trained network as files that run without this project, proved to agree with it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import runpy
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from ...spaces import ExportError, read_plain
from .. import checkpoint as checkpoints
from ..data import Images
from ..measuring import evaluate
from ..network import build_network
from ..predicting import pictures_at_a_time
from .pytorch_source import EXAMPLES, WEIGHTS, source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from ...spaces import Architecture
    from ..data import Dataset
    from ..measuring import Evaluation

FORMAT = "convscape-export/1"
CACHE = "__pycache__"
ARCHITECTURE, SOURCE, PROOF = "architecture.json", "model.py", "proof.json"
FILES = (ARCHITECTURE, EXAMPLES, SOURCE, WEIGHTS)
"""Names of the files whose hashes proof.json holds: all that an export writes beside it."""
SEAL = "seal"
"""Key of proof.json: the hash of all others, so that it can be told when one was edited."""
MOST_PROOF = 16 * 2**20
"""Bound on the bytes of a proof.json, which names each class."""
TOLERANCE = 1e-4
"""Largest difference of two scores, as a part of the largest score, at which two networks count as equal."""
BATCH_SIZES = (1, 2, 64)
"""Images at a time with which the exported network is compared with the trained one, as far as memory holds them."""
EXAMPLE_IMAGES = 16
"""Test images that are exported with their scores, at most."""
REPORT = "Nothing was handed over. Please report this with the architecture's JSON."


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported network, and how it did on the test part."""

    folder: Path
    files: tuple[str, ...]
    """Names of the files in `folder`."""
    test: Evaluation
    """How the exported network did on the test images."""
    looks: int
    """How often the test images were looked at, this time included: from the second time on, choosing between exports
    by their accuracy makes it optimistic."""
    largest_difference: float
    """Largest difference between scores of the exported and the trained network, as a part of the largest score."""

    @property
    def test_accuracy(self) -> float:
        """Share of the test images that is right, 0 to 1."""
        return self.test.accuracy

    @property
    def test_images(self) -> int:
        """How many test images there are."""
        return self.test.images


def export_bundle(
    architecture: Architecture,
    checkpoint: Path,
    dataset: Dataset,
    folder: Path,
    *,
    name: str,
    details: dict[str, Any] | None = None,
    count_look: Callable[[], int] = lambda: 1,
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
        count_look: called once, when the network has been measured on the test images and before anybody is told;
            counts that and gives how often they were looked at.

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
    network = build_network(architecture).eval()
    normalisation = checkpoints.load_averaged(network, tensors, values, dataset.input[0], checkpoint)
    # What the weights were learnt with, which after a transfer is not the training part's.
    trained = _Trained(network, architecture, replace(dataset, **normalisation))
    folder = folder.parent.resolve() / folder.name
    refuse_foreign(folder)

    temporary = folder.parent / f".{folder.name}-{os.getpid()}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        trained.write(temporary, name)
        differences, test = trained.prove(temporary / SOURCE)
        looks = count_look()
        proof = {
            "format": FORMAT,
            "name": name,
            "architecture": architecture.digest,
            "parameters": sum(weight.numel() for weight in network.parameters()),
            "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
            "normalisation": normalisation,
            "resize": dataset.resize,
            "trained": {key: values.get(key) for key in ("epoch", "seed", "precision")}
            | {"recipe": _placeless(values)},
            "classes": list(dataset.classes),
            "test": {**_nameless(test), "looks": looks},
            "agreement": {"tolerance": TOLERANCE, "largest_difference_at_batch_size": differences},
            "sha256": {file: _hash(temporary / file) for file in FILES},
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "details": details or {},
        }
        (temporary / PROOF).write_text(json.dumps(proof | {SEAL: _seal(proof)}, indent=1))
        put_in_place(temporary, folder)
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written: {error.strerror}", "Name another folder, or make room for it."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Exported(
        folder=folder,
        files=(*FILES, PROOF),
        test=test,
        looks=looks,
        largest_difference=max(differences.values()),
    )


@dataclass(frozen=True)
class _Trained:
    """A trained network as it is exported, with the images that show how it does."""

    network: nn.Module
    architecture: Architecture
    dataset: Dataset

    def write(self, folder: Path, name: str) -> None:
        """Writes all but proof.json."""
        save_file(self.network.state_dict(), folder / WEIGHTS)
        (folder / ARCHITECTURE).write_text(json.dumps(self.architecture.to_json(), indent=1))
        (folder / SOURCE).write_text(source(self.architecture, self.dataset, name), encoding="utf-8")
        save_file(self._examples(), folder / EXAMPLES)
        for tensors in (WEIGHTS, EXAMPLES):  # safetensors keeps a file to its owner
            (folder / tensors).chmod((folder / ARCHITECTURE).stat().st_mode)

    def prove(self, file: Path) -> tuple[dict[int, float], Evaluation]:
        """Runs the exported file by itself: how far its scores are off at each batch size, and its test result.

        Raises:
            ExportError: it does not run, or disagrees.
        """
        try:
            module = runpy.run_path(str(file), run_name="exported_model")
            return self._compare(module), self._evaluate(module)
        except ExportError:
            raise
        except Exception as error:
            raise ExportError(f"the exported file does not run: {error!r:.200}", REPORT) from error

    @cached_property
    def _together(self) -> int:
        """Test images that are classified at a time, at most."""
        return min(pictures_at_a_time(self.architecture), len(self.dataset.test))

    def _pixels(self, start: int, end: int) -> Tensor:
        """Test images as they are stored, uint8 (N, C, H, W)."""
        return torch.tensor(self.dataset.test.images[start:end])

    def _scores(self, many: int) -> Tensor:
        """The trained network's scores of the first test images, (N, classes)."""
        images = Images(self.dataset.test, self.dataset, torch.device("cpu"))
        return self.network(images.batch(np.arange(many))[0])

    @torch.inference_mode()
    def _examples(self) -> dict[str, Tensor]:
        """A few test images as they are stored, their labels and the trained network's scores."""
        many = min(EXAMPLE_IMAGES, self._together)
        return {
            "images": self._pixels(0, many),
            "labels": torch.tensor(self.dataset.test.labels[:many]),
            "scores": self._scores(many).contiguous(),
        }

    @torch.inference_mode()
    def _compare(self, module: dict[str, Any]) -> dict[int, float]:
        """The largest difference of scores at each batch size, as a part of the largest score.

        Raises:
            ExportError: one is beyond TOLERANCE.
        """
        exported = module["load"]()
        differences: dict[int, float] = {}
        for size in sorted({min(size, self._together) for size in BATCH_SIZES}):
            wanted = self._scores(size)
            scores = exported(module["prepare"](self._pixels(0, size)))
            difference = ((scores - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12)).item()
            if not difference <= TOLERANCE:  # also when it is not a number
                raise ExportError(
                    f"the exported network's scores differ by {difference:.2g} of the largest score at batch size "
                    f"{size}, more than {TOLERANCE:g}",
                    REPORT,
                )
            differences[size] = difference
        return differences

    def _evaluate(self, module: dict[str, Any]) -> Evaluation:
        """How the exported network does on the test part."""
        test, exported, found = self.dataset.test, module["load"](), []
        for start in range(0, len(test), self._together):
            probabilities = module["predict"](exported, self._pixels(start, start + self._together))
            found.append(probabilities.max(1))
        predicted = np.concatenate([each.indices.numpy() for each in found])
        probabilities = np.concatenate([each.values.double().numpy() for each in found])
        return evaluate(test.labels, predicted, probabilities, self.dataset.classes, self.dataset.test_name)


def refuse_foreign(folder: Path) -> None:
    """Refuses a folder that holds anything but an earlier export. One that is not there, or is empty, will do.

    Only files whose hashes an export has recorded are an export's. One that somebody has changed since is theirs.

    Raises:
        ExportError: `folder` is a file or a link, or holds something that no export wrote or that was changed since.
    """
    try:
        if folder.is_symlink():
            raise ExportError(f"{folder} is a link", "Name the folder that it leads to.")
        if not folder.exists():
            return
        if not folder.is_dir():
            raise ExportError(f"{folder} is a file", "Name another folder to export to.")
        recorded = _recorded(folder)
        for path in sorted(folder.iterdir()):
            if recorded and _is_cache(path):
                continue
            if path.name not in recorded or path.is_symlink() or not path.is_file():
                raise ExportError(
                    f"{folder} holds {path.name}, which no export wrote", "Name another folder, or empty this one."
                )
            if _hash(path) != recorded[path.name]:
                raise ExportError(
                    f"{path} was changed since it was exported",
                    "Keep it elsewhere, or name another folder; an export replaces only what it wrote.",
                )
    except OSError as error:
        raise ExportError(f"{folder} cannot be read: {error.strerror}", "Name another folder to export to.") from error


def _is_cache(path: Path) -> bool:
    """Whether it is what Python leaves where `model.py` was imported."""
    if path.name != CACHE or path.is_symlink() or not path.is_dir():
        return False
    return all(file.match("model.*.pyc") and file.is_file() for file in path.iterdir())


def _recorded(folder: Path) -> dict[str, Any]:
    """The hashes of an earlier export's files, by name, and of its proof.json; {} where `folder` holds none."""
    path = folder / PROOF
    try:
        proof = {} if path.is_symlink() else json.loads(read_plain(path, MOST_PROOF))
        if proof["format"] != FORMAT:
            return {}
        seal = proof.pop(SEAL, None)  # which exports of earlier versions lack
        recorded = {name: said for name, said in dict(proof["sha256"]).items() if name in FILES}
        return recorded | {PROOF: _hash(path) if seal in (None, _seal(proof)) else None}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(proof: dict[str, Any]) -> str:
    """SHA-256 of a proof.json without its seal, however its text is laid out."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(proof))).encode()).hexdigest()


def put_in_place(temporary: Path, folder: Path) -> None:
    """Renames a folder with a whole export; an export that stood there goes once the new one is in place.

    Args:
        temporary: the folder with the new export, beside `folder`.
        folder: where it is to stand.

    Raises:
        ExportError: what stood there was changed meanwhile; it stays.
    """
    if not folder.exists():
        temporary.rename(folder)
        return
    old = folder.parent / f".{folder.name}-{os.getpid()}-old"
    folder.rename(old)
    try:
        refuse_foreign(old)
        temporary.rename(folder)
    except (ExportError, OSError):
        old.rename(folder)
        refuse_foreign(folder)  # as before, by the name that people know
        raise
    shutil.rmtree(old)


def _placeless(values: Mapping[str, Any]) -> Any:
    """The recipe of a checkpoint's values, of weights the last name alone: a path says whose machine it was."""
    recipe = values.get("recipe")
    if isinstance(recipe, dict) and isinstance(weights := recipe.get("weights"), str):
        return recipe | {"weights": weights.rstrip("/\\").replace("\\", "/").rpartition("/")[2]}
    return recipe


def _nameless(test: Evaluation) -> dict[str, Any]:
    """How the network did, as values for JSON, in which an image is its number alone.

    An export is made to be handed on, and the name of a file can say who is in the picture.
    """
    told = test.to_json()
    for mistake in told["mistakes"]:
        del mistake["image"]
    return told
