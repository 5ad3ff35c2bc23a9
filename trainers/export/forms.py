"""A network as files that other programs run: torch.export's program, and ONNX."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch

from ...spaces import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.export import ExportedProgram

Format: TypeAlias = Literal["pt2", "onnx"]
"""Forms that an export writes beside the Python source: torch.export's program, and ONNX."""
FORMATS: tuple[Format, ...] = get_args(Format)
FORM_FILES: dict[Format, str] = {"pt2": "model.pt2", "onnx": "model.onnx"}
"""The file that each form is in."""
METADATA = "metadata.json"
"""The file within model.pt2 that says what labels and normalisation belong to it."""
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
IMAGES, SCORES = "images", "scores"
"""What an ONNX network calls its input, prepared images float32 (batch, C, H, W), and its output (batch, classes)."""


def without_packages(form: Format) -> str:
    """Why a form cannot be written here, with what to do, as two sentences; "" where it can.

    Args:
        form: which.
    """
    absent = [name for name in ONNX_PACKAGES if find_spec(name) is None] if form == "onnx" else []
    return f"not installed: {', '.join(absent)}. pip install 'convscape[export]'" if absent else ""


def exported_program(network: nn.Module, image: tuple[int, int, int]) -> ExportedProgram:
    """A network as torch.export's program, for any number of images at a time.

    Args:
        network: prepared images (N, C, H, W) -> scores (N, classes), in evaluation mode.
        image: (C, H, W).

    Raises:
        Exception: whatever torch.export raises of a network that it cannot follow.
    """
    with _quiet():
        batch = torch.zeros(2, *image)  # of one image the size would be taken for fixed
        return torch.export.export(network, (batch,), dynamic_shapes=({0: torch.export.Dim("batch")},))


def write_form(form: Format, program: ExportedProgram, file: Path, metadata: Mapping[str, object]) -> None:
    """Writes a form into one file.

    Args:
        form: which.
        program: what `exported_program` made.
        file: where.
        metadata: values for JSON that go into the file, each as a text under its own name.

    Raises:
        Exception: whatever torch or onnx raise of a network that cannot be said.
    """
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    with _quiet():
        if form == "pt2":
            torch.export.save(program, file, extra_files={METADATA: json.dumps(dict(metadata))})
            return
        dynamic = {"images": {0: "batch"}}
        onnx = torch.onnx.export(
            program, (), dynamo=True, dynamic_shapes=dynamic, input_names=[IMAGES], output_names=[SCORES], verbose=False
        )
        if onnx is None:
            raise ExportError("torch.onnx gave no network")
        onnx.model.metadata_props.update(texts)
        onnx.save(file, external_data=False)


def load_form(form: Format, file: Path) -> Callable[[Tensor], Tensor]:
    """A form, to be run: prepared images (N, C, H, W) -> scores (N, classes).

    It must have been written here: neither torch's reader nor onnxruntime protects from a file made to do harm.

    Args:
        form: which.
        file: what `write_form` wrote.
    """
    with _quiet():
        if form == "pt2":
            return torch.export.load(file).module()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return lambda images: torch.from_numpy(session.run([SCORES], {IMAGES: images.numpy()})[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what torch and onnx say of their own workings from the terminal."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
