"""Writes the readable PyTorch file of an exported network: torch and the standard library are all it needs."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import nn

from ...spaces import Flatten, GlobalPool, Linear, LocallyConnected, total_stride
from .. import modules
from ..network import build_network
from ..stages import stages
from .expressions import expression
from .source_template import RESIZES, filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...spaces import Architecture, Pair
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
INDENT = " " * 4


def source(architecture: Architecture, dataset: Dataset, name: str, *, slides: bool = False) -> str:
    """The text of a Python file that holds a network, its preprocessing and a reader of its weights.

    Its class has the network's `stages` as attributes, by which the tensors of its weights are named. Blocks that occur
    more than once are functions.

    Args:
        architecture: the network.
        dataset: whose classes, mean and standard deviation are written down.
        name: of the network, for people.
        slides: it is fully convolutional, and to give a map of scores for larger images.
    """
    with torch.device("meta"):
        network = build_network(architecture, inplace=False)
    parts = _Parts(architecture, network)
    helpers = _helpers(network)
    channels, height, width = architecture.input
    stride = total_stride(architecture) if slides else None
    resized, resize = RESIZES[dataset.resize]
    fields = {
        "name": re.sub(r"[\s\\\"]+", " ", name).strip(),
        "shape": " x ".join(map(str, architecture.input)),
        "size": f"{height}x{width}",
        "images": f"(N, {channels}, {height}, {width})",
        "larger": "" if stride is None else " or larger",
        "input": architecture.input,
        "stride": stride,
        "count": architecture.classes,
        "channels": channels,
        "height": height,
        "width": width,
        "resized": resized,
        "resize": resize.format(height=height, width=width),
        "mode": "L" if channels == 1 else "RGB",
        "weights": WEIGHTS,
        "examples": EXAMPLES,
        "classes": _strings(dataset.classes),
        "mean": dataset.mean,
        "std": dataset.std,
        "stages": "\n".join(parts.stages()),
        "passes": "\n".join(parts.passes("" if stride else ".flatten(1)")),
        "blocks": "".join(parts.blocks()),
        "helpers": helpers,
        "constants": _constants(helpers),
        "imports": "import math\n" if "math." in helpers else "",
        "functional": "import torch.nn.functional as F\n" if "F." in helpers else "",
    }
    return filled(_kinds(architecture, stride), fields)


def _kinds(architecture: Architecture, stride: Pair | None) -> set[str]:
    """What kinds of network it is, as the template's lines are marked; `stride` is None where it gives no map."""
    if stride is None:
        return {"vector", "whole"} | ({"any", "pooled", "anywhole"} if takes_any_size(architecture) else {"fixed"})
    halved = max(stride) > 1 and all(each == 1 or each % 2 == 0 for each in stride)
    return {"any", "map"} | ({"half"} if halved else {"whole", "anywhole"})


def takes_any_size(architecture: Architecture) -> bool:
    """Whether a network takes images of any height and width that its windows fit: its head pools each whole map."""
    for layer in architecture.layers:
        if isinstance(layer, GlobalPool):
            return not any(isinstance(step.layer, LocallyConnected) for step in architecture.steps)
        if isinstance(layer, Flatten | Linear):
            return False
    return False


class _Parts:
    """The lines of a network's stages, and of the functions that make its repeated blocks."""

    def __init__(self, architecture: Architecture, network: nn.Module) -> None:
        self._stages = stages(architecture)
        self._shapes = {step.path: " x ".join(map(str, step.output)) for step in architecture.steps}
        self._changes = {step.path for step in architecture.steps if step.output != step.input}
        self._layers = list(network.named_children())
        texts = {path: "\n".join(self._layer(module, path, "")) for path, module in self._layers if _is_block(module)}
        often = [text for text, count in Counter(texts.values()).items() if count > 1]
        self._functions = {text: f"block{number}" for number, text in enumerate(often, start=1)}
        self._made_by = {path: self._functions[text] for path, text in texts.items() if text in self._functions}

    def stages(self) -> Iterator[str]:
        """The lines of the constructor that make the stages."""
        for stage in self._stages:
            yield f"{INDENT * 2}self.{stage.name} = nn.Sequential("
            layers = self._layers[stage.first : stage.last + 1]
            for function, same in groupby(layers, lambda layer: self._made_by.get(layer[0])):
                members = list(same)
                if function is None:
                    for path, module in members:
                        yield from self._layer(module, path, INDENT * 3)
                elif len(members) == 1:
                    yield f"{INDENT * 3}{function}(),  # {self._shapes[members[0][0]]}"
                else:
                    size = self._shapes[members[0][0]]
                    yield f"{INDENT * 3}*({function}() for _ in range({len(members)})),  # {size}"
            yield f"{INDENT * 2})"

    def passes(self, end: str) -> Iterator[str]:
        """The lines that send the maps through the stages; `end` is what is done with the last."""
        *body, head = self._stages
        for number, stage in enumerate(body):
            yield f"{INDENT * 2}maps = self.{stage.name}({'maps' if number else 'images'})"
        yield f"{INDENT * 2}return self.{head.name}({'maps' if body else 'images'}){end}"

    def blocks(self) -> Iterator[str]:
        """The functions that make blocks which occur more than once."""
        modules_by_path = dict(self._layers)
        for function in self._functions.values():
            path = next(path for path, made_by in self._made_by.items() if made_by == function)
            first, *inner, _ = self._layer(modules_by_path[path], path, INDENT)
            kind = first.strip().removesuffix("(")
            lines = [f"{INDENT}return {kind}(", *inner, f"{INDENT})"]
            made = f'def {function}() -> {kind}:\n{INDENT}"""A block that gives {self._shapes[path]}."""\n'
            yield made + "\n".join(lines) + "\n\n\n"

    def _layer(self, module: nn.Module, path: str, indent: str) -> Iterator[str]:
        """One line of a layer, several of a block."""
        size = f"  # {self._shapes[path]}"
        if isinstance(module, modules.Residual):
            yield f"{indent}Residual("
            for part in ("body", "shortcut"):
                yield from self._sequence(module.get_submodule(part), f"{path}.{part}", indent + INDENT)
            yield f"{indent}),{size}"
        elif isinstance(module, modules.Parallel):
            yield f"{indent}Parallel("
            for number, branch in enumerate(module.branches):
                yield from self._sequence(branch, f"{path}.branches.{number}", indent + INDENT)
            yield f"{indent}),{size}"
        else:
            yield f"{indent}{expression(module)},{size if path in self._changes else ''}"

    def _sequence(self, sequence: nn.Module, path: str, indent: str) -> Iterator[str]:
        layers = list(sequence.named_children())
        if not layers:
            yield f"{indent}nn.Sequential(),"
            return
        yield f"{indent}nn.Sequential("
        for name, module in layers:
            yield from self._layer(module, f"{path}.{name}", indent + INDENT)
        yield f"{indent}),"


def _is_block(module: nn.Module) -> bool:
    return isinstance(module, modules.Residual | modules.Parallel)


def _strings(values: Sequence[str]) -> str:
    plain = repr(list(values))
    return plain if len(plain) < 100 else "[\n" + "".join(f"    {value!r},\n" for value in values) + "]"


def _constants(helpers: str) -> str:
    """The names of modules.py that `helpers` need."""
    values: Mapping[str, str] = {
        "SMALLEST_SQUARE": repr(modules.SMALLEST_SQUARE),
        "Pair": "tuple[int, int]",
        "Sides": "tuple[int, int, int, int]  # cells added at the top, bottom, left, right",
    }
    used = [f"{name} = {value}\n" for name, value in values.items() if re.search(rf"\b{name}\b", helpers)]
    return "".join(used)


def _helpers(network: nn.Module) -> str:
    """The sources of our own modules that `network` holds."""
    used = [helper for helper in HELPERS if any(isinstance(module, helper) for module in network.modules())]
    texts = [inspect.getsource(helper).replace(": Any", "") for helper in used]
    if any("pad(" in text for text in texts):
        texts.append(inspect.getsource(modules.pad))
    return "".join(f"{text}\n\n" for text in texts)
