"""An exported bundle as a model of MLflow: its network with the code that serves it, a signature and an example."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import ExportError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from PIL.Image import Image

SERVING = Path(__file__).with_name("picture_model.py")
"""The code that MLflow runs where the model is served: it imports nothing of this project, and nothing imports it."""
ARCHITECTURE, EXAMPLES, PROOF = "architecture.json", "examples.safetensors", "proof.json"
NEEDED = ("model.py", "model.safetensors", ARCHITECTURE, EXAMPLES, PROOF)
"""Files of a bundle without which no model is made of it."""
WANTED = (*NEEDED, "MODEL_CARD.md")
"""Files of a bundle that go into the model, if they are there. What holds the weights a second time does not."""
_PACKAGES = ("pillow", "pillow-heif")
_AGAIN = "Export again: `convscape export NAME --to DIR`."


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is read of an exported bundle to register it."""

    folder: Path
    proof: dict[str, Any]
    """What its proof.json says."""
    channels: int
    """Of the images that its network takes."""

    @staticmethod
    def read(folder: Path) -> Bundle:
        """Reads a bundle's proof and architecture.

        Args:
            folder: the bundle, as `export_bundle` wrote it.

        Raises:
            ExportError: a file is not there or not readable, or its network takes images of 2 channels or of more than
                3, which no picture's file holds.
        """
        for name in NEEDED:
            if not (folder / name).is_file():
                raise ExportError(f"{folder} is no export: {name} is not there", _AGAIN)
        try:
            proof = json.loads((folder / PROOF).read_text(encoding="utf-8"))
            channels = json.loads((folder / ARCHITECTURE).read_text(encoding="utf-8"))["input"][0]
            found = Bundle(folder=folder, proof=dict(proof), channels=int(channels))
            found.metadata  # noqa: B018 - whether all of it is there
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ExportError(f"{folder} is no export that can be read: {error!r:.100}", _AGAIN) from error
        if found.channels not in (1, 3):
            raise ExportError(
                f"{folder}: its network takes images of {found.channels} channels, and a picture's file has 1 or 3",
                "Such a network is used from Python: `predict` in its model.py.",
            )
        return found

    @property
    def metadata(self) -> dict[str, Any]:
        """What MLflow keeps with the model: where it comes from, what it tells apart, how it did on the test images."""
        proof, details = self.proof, self.proof["details"]
        return {
            "sweep": details["sweep"],
            "trial": details["trial"],
            "run": details["run"],
            "architecture": proof["architecture"],
            "classes": [str(each).encode("utf-8", "backslashreplace").decode() for each in proof["classes"]],
            "data": proof["data"],
            "test_accuracy": proof["test"]["accuracy"],
            "test_images": proof["test"]["images"],
        }

    @property
    def requirements(self) -> list[str]:
        """What pip installs to run it: the torch that it was proved with, and what reads pictures here."""
        found = {"torch": self.proof["versions"]["torch"]}
        for package in _PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:  # pillow-heif, which reads photos of phones, is an extra
                continue
        return [f"{package}=={number.partition('+')[0]}" for package, number in found.items()]

    def example(self) -> pd.DataFrame:
        """One test image as a client would send it: the bytes of a PNG file in a frame of one row."""
        import pandas as pd
        from safetensors.numpy import load_file

        file = io.BytesIO()
        _picture(load_file(self.folder / EXAMPLES)["images"][0]).save(file, "PNG")
        return pd.DataFrame({"image": [file.getvalue()]})


def save_model(bundle: Bundle, model: Model, folder: Path) -> None:
    """Writes a bundle as a model of MLflow's flavour `python_function`, made from code: nothing in it is pickled.

    The model that was written is loaded and classifies its example.

    Args:
        bundle: what was exported.
        model: MLflow's description of it, to which signature, requirements and the rest are added.
        folder: where it is written; neither it nor a folder `bundle` beside it is there yet.

    Raises:
        ExportError: the model that was written does not run.
        OSError: the folder cannot be written.
        MlflowException: MLflow refuses it.
    """
    import mlflow

    beside = folder.with_name("bundle")
    beside.mkdir(parents=True)
    try:
        for name in WANTED:
            if (bundle.folder / name).is_file():
                shutil.copyfile(bundle.folder / name, beside / name)
        example = bundle.example()
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(SERVING),
            artifacts={"bundle": beside.as_uri()},
            signature=signature(),
            input_example=example,
            pip_requirements=bundle.requirements,
            metadata=bundle.metadata,
            mlflow_model=model,
            uv_project_path=str(beside),  # else what `uv` left in the current folder is taken for the model's
        )
        _forget_paths(model, folder)
        try:
            mlflow.pyfunc.load_model(str(folder)).predict(example)
        except Exception as error:
            raise ExportError(
                f"the model that MLflow would serve does not run: {error!s:.300}",
                "The bundle is there. Please report this with the architecture's JSON.",
            ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)


def signature() -> ModelSignature:
    """What the model takes, a column of files' bytes, and what it gives: label, probability, and all probabilities."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Map

    return ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, "image")]),
        outputs=Schema(
            [
                ColSpec(DataType.string, "label"),
                ColSpec(DataType.double, "probability"),
                ColSpec(Map(DataType.double), "probabilities"),
            ]
        ),
    )


def _forget_paths(model: Model, folder: Path) -> None:
    """Takes out of a saved model where its files lay on this machine. MLflow reads their names alone."""
    flavour = model.flavors["python_function"]
    flavour["model_code_path"] = SERVING.name
    for artifact in flavour["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(folder / "MLmodel"))


def _picture(pixels: Any) -> Image:
    """An image uint8 (C, H, W) as Pillow has it."""
    from PIL import Image

    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0).copy())
