"""Writes the readable PyTorch file of an exported network: torch and the standard library are all it needs."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .. import modules
from ..network import build_network

if TYPE_CHECKING:
    from ...spaces import Architecture
    from ..data import Dataset

WEIGHTS = "model.safetensors"
EXAMPLES = "examples.safetensors"

HELPERS = (
    modules.PaddedConv2d,
    modules.PaddedMaxPool2d,
    modules.PaddedAvgPool2d,
    modules.L2Pool2d,
    modules.LocallyConnected2d,
    modules.LocalResponseNorm,
    modules.Residual,
    modules.Parallel,
)
"""Modules of ours whose source is copied into the file where the network has them."""

TEMPLATE = '''\
"""{name}: sorts images of {shape} into {count} classes.

    python model.py                       checks the weights against the scores recorded in {examples}
    python model.py IMAGE [IMAGE ...]     names the class of each picture (needs Pillow)

    from model import load, predict
    network = load()
    probabilities = predict(network, images)     # uint8 (N, {channels}, {height}, {width}) -> (N, {count})

The weights are in {weights}, beside this file. Only torch is needed.
"""

from __future__ import annotations

import json
{imports}import sys
from importlib.util import find_spec
from pathlib import Path

import torch
{functional}from torch import Tensor, nn

CLASSES = {classes}
MEAN = {mean}
STD = {std}
"""Of each channel of the training images, their pixels counted from 0 to 1."""
{constants}

{helpers}class Network(nn.Sequential):
    """Prepared images (N, {channels}, {height}, {width}) -> class scores (N, {count}).

    The comments give the size of each layer's output, for one image.
    """

    def __init__(self) -> None:
        super().__init__(
{layers}
        )

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).flatten(1)


def prepare(images: Tensor) -> Tensor:
    """Pixels 0..255 (N, {channels}, {height}, {width}) -> the values the network was trained on."""
    mean, std = (torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def load(folder: str | Path = Path(__file__).parent) -> Network:
    """The trained network, ready to predict."""
    network = Network()
    network.load_state_dict(read_safetensors(Path(folder) / "{weights}"))
    return network.eval()


@torch.inference_mode()
def predict(network: Network, images: Tensor) -> Tensor:
    """Probabilities (N, {count}) of CLASSES for pixels 0..255 (N, {channels}, {height}, {width})."""
    return network(prepare(images)).softmax(1)


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """Tensors by name. Eight bytes hold the length of a JSON header that says where in the rest each tensor lies."""
    types = {{"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8}}
    content = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {{}}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            tensors[name] = torch.frombuffer(content[first:last], dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def check(folder: str | Path = Path(__file__).parent) -> float:
    """Largest difference to the scores recorded for a few test images, as a part of the largest score."""
    examples = read_safetensors(Path(folder) / "{examples}")
    with torch.inference_mode():
        scores = load(folder)(prepare(examples["images"]))
    return ((scores - examples["scores"]).abs().max() / examples["scores"].abs().max()).item()


def read_image(file: str) -> Tensor:
    """A picture as uint8 (1, {channels}, {height}, {width}): {resized}."""
    from PIL import Image, ImageOps

    formats = ["BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP"]
    if find_spec("pillow_heif"):  # pip install pillow-heif
        from pillow_heif import register_heif_opener

        register_heif_opener()
        formats.append("HEIF")
    with open(file, "rb") as content, Image.open(content, formats=formats) as picture:
        if picture.mode == "F":
            raise ValueError("it holds floats, and nothing says which is white")
        if picture.mode.startswith("I"):  # of 16 bits the upper 8
            picture = picture.convert("I")
            low, high = picture.getextrema()
            if low < 0 or high > 65_535:
                raise ValueError("it holds numbers beyond 0 to 65,535, and nothing says which is white")
            picture = picture.point(lambda value: value * (1 / 256)).convert("L")
        elif picture.mode == "P":  # a palette may have see-through colours
            picture = picture.convert("RGBA")
        picture = ImageOps.exif_transpose(picture.convert("{mode}"))  # upright
        picture = {resize}
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.view(1, {height}, {width}, {channels}).permute(0, 3, 1, 2)


def printable(value: object) -> str:
    """What is said of a picture, in one line that a terminal does not act on."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(value))


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # whatever a terminal cannot show
    if len(sys.argv) == 1:
        print(f"scores agree with the recorded ones to {{check():.1e}} of the largest")
    failed = False
    for file in sys.argv[1:]:
        try:
            picture = read_image(file)
        except Exception as error:  # of a damaged file Pillow raises anything
            print(printable(f"{{file}}: no picture that can be read: {{error}}"), file=sys.stderr)
            failed = True
            continue
        probability, label = predict(load(), picture)[0].max(0)
        print(printable(f"{{file}}: {{CLASSES[label]}} ({{probability:.1%}})"))
    sys.exit(failed)
'''
"""Text of the file, to be formatted."""

RESIZES = {
    "crop": (
        "the part in its middle that has this shape, resized",
        "ImageOps.fit(picture, ({width}, {height}), Image.Resampling.BILINEAR)",
    ),
    "pad": (
        "all of it, resized, and black beside it",
        "ImageOps.pad(picture, ({width}, {height}), Image.Resampling.BILINEAR)",
    ),
    "stretch": (
        "all of it, stretched",
        "picture.resize(({width}, {height}), Image.Resampling.BILINEAR)",
    ),
}
"""What a picture of another shape becomes, in words and in Python, as `data.pixels` does it in training."""


def source(architecture: Architecture, dataset: Dataset, name: str) -> str:
    """The text of a Python file that holds a network, its preprocessing and a reader of its weights.

    Args:
        architecture: the network.
        dataset: whose classes, mean and standard deviation are written down.
        name: of the network, for people.
    """
    with torch.device("meta"):
        network = build_network(architecture, inplace=False)
    shapes = {step.path: " x ".join(map(str, step.output)) for step in architecture.steps}
    layers = "\n".join(_lines(network, "", shapes, indent=12))
    helpers = _helpers(network)
    channels, height, width = architecture.input
    resized, resize = RESIZES[dataset.resize]
    return TEMPLATE.format(
        name=re.sub(r"[\s\\\"]+", " ", name).strip(),
        shape=" x ".join(map(str, architecture.input)),
        count=architecture.classes,
        channels=channels,
        height=height,
        width=width,
        resized=resized,
        resize=resize.format(height=height, width=width),
        mode="L" if channels == 1 else "RGB",
        weights=WEIGHTS,
        examples=EXAMPLES,
        classes=_strings(dataset.classes),
        mean=dataset.mean,
        std=dataset.std,
        layers=layers,
        helpers=helpers,
        constants=_constants(helpers),
        imports="import math\n" if "math." in helpers else "",
        functional="import torch.nn.functional as F\n" if "F." in helpers else "",
    )


def _strings(values: tuple[str, ...]) -> str:
    plain = repr(list(values))
    return plain if len(plain) < 100 else "[\n" + "".join(f"    {value!r},\n" for value in values) + "]"


def _constants(helpers: str) -> str:
    """The names of modules.py that `helpers` need."""
    values = {
        "SMALLEST_SQUARE": repr(modules.SMALLEST_SQUARE),
        "Pair": "tuple[int, int]",
        "Sides": "tuple[int, int, int, int]  # cells added at the top, bottom, left, right",
    }
    used = [f"{name} = {value}\n" for name, value in values.items() if re.search(rf"\b{name}\b", helpers)]
    return "".join(["\n", *used]) if used else ""


def _helpers(network: nn.Module) -> str:
    """The sources of our own modules that `network` holds."""
    used = [helper for helper in HELPERS if any(isinstance(module, helper) for module in network.modules())]
    texts = [inspect.getsource(helper).replace(": Any", "") for helper in used]
    if any("pad(" in text for text in texts):
        texts.append(inspect.getsource(modules.pad))
    return "".join(f"{text}\n\n" for text in texts)


def _lines(network: nn.Module, prefix: str, shapes: dict[str, str], indent: int) -> list[str]:
    """One line a layer of the sequence `network`, blocks over several."""
    lines: list[str] = []
    space = " " * indent
    for name, module in network.named_children():
        path = f"{prefix}{name}"
        comment = f"  # {shapes[path]}"
        if isinstance(module, modules.Residual):
            lines += [f"{space}Residual("]
            for part in ("body", "shortcut"):
                lines += _block(module.get_submodule(part), f"{path}.{part}.", shapes, indent + 4)
            lines += [f"{space}),{comment}"]
        elif isinstance(module, modules.Parallel):
            lines += [f"{space}Parallel("]
            for number, branch in enumerate(module.branches):
                lines += _block(branch, f"{path}.branches.{number}.", shapes, indent + 4)
            lines += [f"{space}),{comment}"]
        else:
            lines += [f"{space}{expression(module)},{comment}"]
    return lines


def _block(sequence: nn.Module, prefix: str, shapes: dict[str, str], indent: int) -> list[str]:
    space = " " * indent
    inner = _lines(sequence, prefix, shapes, indent + 4)
    return [f"{space}nn.Sequential(", *inner, f"{space}),"] if inner else [f"{space}nn.Sequential(),"]


def expression(module: nn.Module) -> str:
    """The Python expression that makes `module` in the exported file, defaults left out."""
    match module:
        case modules.PaddedConv2d():
            return _call("PaddedConv2d", *_shape(module), module.sides, **_conv_options(module))
        case nn.Conv2d():
            return _call("nn.Conv2d", *_shape(module), padding=(module.padding, (0, 0)), **_conv_options(module))
        case modules.PaddedMaxPool2d():
            values = (module.kernel_size, module.stride, module.sides, module.dilation)
            return _call("PaddedMaxPool2d", *values, some_empty=(module.some_empty, None))
        case nn.MaxPool2d():
            options = {"padding": (module.padding, (0, 0)), "dilation": (module.dilation, (1, 1))}
            return _call("nn.MaxPool2d", module.kernel_size, stride=(module.stride, module.kernel_size), **options)
        case modules.PaddedAvgPool2d():
            return _call("PaddedAvgPool2d", module.kernel_size, module.stride, module.sides)
        case nn.AvgPool2d():
            stride = {"stride": (module.stride, module.kernel_size)}
            return _call("nn.AvgPool2d", module.kernel_size, **stride, padding=(module.padding, (0, 0)))
        case modules.L2Pool2d():
            return _call("L2Pool2d", module.kernel, module.stride, module.sides)
        case modules.LocallyConnected2d():
            return _call(
                "LocallyConnected2d",
                module.weight.shape[1] // (module.kernel[0] * module.kernel[1]),
                module.weight.shape[2],
                module.output, module.kernel, module.stride, module.sides, module.dilation,
                bias=(module.bias is not None, None),
            )  # fmt: skip
        case nn.LocalResponseNorm():
            options = {"alpha": (module.alpha, 1e-4), "beta": (module.beta, 0.75), "k": (module.k, 1.0)}
            return _call("LocalResponseNorm", module.size, **options)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return _call(f"nn.{type(module).__name__}", module.num_features)
        case nn.Linear():
            return _call("nn.Linear", module.in_features, module.out_features, bias=(module.bias is not None, True))
        case nn.Dropout() | nn.Dropout2d():
            return _call(f"nn.{type(module).__name__}", module.p)
        case nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            return _call(f"nn.{type(module).__name__}", 1)
        case _:
            return _call(f"nn.{type(module).__name__}")


def _shape(conv: nn.Conv2d) -> tuple[Any, ...]:
    return conv.in_channels, conv.out_channels, conv.kernel_size


def _conv_options(conv: nn.Conv2d) -> dict[str, tuple[Any, Any]]:
    return {
        "stride": (conv.stride, (1, 1)),
        "dilation": (conv.dilation, (1, 1)),
        "groups": (conv.groups, 1),
        "bias": (conv.bias is not None, True),
    }


def _call(name: str, *values: Any, **options: tuple[Any, Any]) -> str:
    """`name(values, option=value)` with the options, given as (value, default), that are not at their default."""
    given = [f"{option}={_text(value)}" for option, (value, default) in options.items() if value != default]
    keep = name in ("PaddedConv2d", "PaddedMaxPool2d", "PaddedAvgPool2d", "L2Pool2d", "LocallyConnected2d")
    texts = [repr(value) if keep else _text(value) for value in values]
    return f"{name}({', '.join([*texts, *given])})"


def _text(value: Any) -> str:
    """A pair of equal numbers as one."""
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]:
        return repr(value[0])
    return repr(value)
