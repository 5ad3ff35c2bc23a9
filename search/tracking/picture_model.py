"""An exported network as MLflow serves it: files of pictures come in, their classes and probabilities go out.

MLflow copies this file beside the exported bundle and runs it there. It needs MLflow, and what the bundle's `model.py`
needs: torch and Pillow.
"""

from __future__ import annotations

import base64
import io
import runpy
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

IMAGE = "image"
"""The column of the input."""
LABEL, PROBABILITY, PROBABILITIES = "label", "probability", "probabilities"
"""The columns of the output."""
TOGETHER = 64
"""Pictures that are classified at a time."""
MOST_TOLD = 10
"""Unreadable pictures that an error names, at most."""


class PictureModel(PythonModel):
    """Classifies pictures as they are sent: the bytes of PNG, JPEG and other files, of any size and mode.

    A picture is read by the bundle's own `read_image`, as the images were that the network was trained on.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Loads the network of the bundle, which is the artifact "bundle"."""
        bundle = Path(context.artifacts["bundle"])
        self._code = runpy.run_path(str(bundle / "model.py"), run_name="exported_model")
        self._network = self._code["load"](bundle)

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] - the base says nothing of what it gives
        self,
        context: PythonModelContext,  # noqa: ARG002 - what MLflow calls it with
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Names the class of each picture.

        Args:
            context: what `load_context` was given.
            model_input: its column `image` holds one file's bytes a row, or these as base64.
            params: none are known.

        Returns:
            A row for each picture, in their order: `label`, the most probable class; `probability`, its probability
            from 0 to 1; `probabilities`, those of all classes by name.

        Raises:
            MlflowException: some bytes are no picture that can be read; names the rows. None of the others is
                classified either, since an answer has a row for each picture. A server answers 400.
        """
        pictures = self._read(list(model_input[IMAGE]))
        rows = [row for first in range(0, len(pictures), TOGETHER) for row in self._rows(pictures, first)]
        return pd.DataFrame(rows, columns=[LABEL, PROBABILITY, PROBABILITIES])

    def _read(self, files: list[Any]) -> list[Any]:
        """Pictures as the network takes them, each a tensor uint8 (1, C, H, W)."""
        pictures, unreadable = [], []
        for row, content in enumerate(files):
            file = io.BytesIO(_bytes(content))
            try:
                pictures.append(self._code["read_image"](file))
            except Exception as error:  # noqa: BLE001 - of damaged bytes Pillow raises anything
                unreadable.append(f"row {row}: {str(error).replace(f' {file!r}', '')[:200]}")
        if unreadable:
            more = f"; and {len(unreadable) - MOST_TOLD:,} more" if len(unreadable) > MOST_TOLD else ""
            raise MlflowException(
                f"no picture that can be read, rows counted from 0: {'; '.join(unreadable[:MOST_TOLD])}{more}. "
                f"`{IMAGE}` holds the bytes of a picture's file, such as PNG or JPEG, in JSON as base64. Nothing was "
                "classified.",
                error_code=INVALID_PARAMETER_VALUE,
            )
        return pictures

    def _rows(self, pictures: list[Any], first: int) -> list[tuple[str, float, dict[str, float]]]:
        """Output rows of up to TOGETHER pictures from `first` on."""
        some = pictures[first : first + TOGETHER]
        images = some[0].new_empty((len(some), *some[0].shape[1:]))
        for index, picture in enumerate(some):
            images[index] = picture[0]
        classes = [str(each) for each in self._code["CLASSES"]]
        found = self._code["predict"](self._network, images).tolist()
        return [
            (classes[best], row[best], dict(zip(classes, row, strict=True)))
            for row in found
            for best in [row.index(max(row))]
        ]


def _bytes(content: Any) -> bytes:
    """The bytes of a file. MLflow has them ready, but leaves base64 as it is where a client sent `inputs`.

    No picture's file has only letters of base64 in it.
    """
    try:
        return base64.b64decode(content, validate=True)
    except (ValueError, TypeError):
        return bytes(content) if isinstance(content, bytes | bytearray) else b""


set_model(PictureModel())
