"""Architecture: one network as a frozen value, its JSON, and the digest under which equal networks are equal."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, cast

from .errors import ArchitectureError, nearest, shown
from .geometry import FITS, Fit
from .layers import (
    LARGEST_WIDTH,
    LAYERS,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    LocallyConnected,
    Parallel,
    Pool,
    Residual,
    whole,
)
from .notation import layer_notation, to_notation
from .printable import html_table
from .tracing import DEEPEST_NESTING, LARGEST_NETWORK, Shape, Traced, resolve_padding, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT = "convscape-architecture/1"
LARGEST_IMAGE = 65_536
"""Bound on an image's height and width, in cells."""
VALUES_A_LAYER = 32
"""Values that a layer has in JSON, at most, those within its lists included."""
MOST_SHOWN = 60
"""Layers in a notebook's table, at most; a block is one."""
LARGEST_JSON = 6_000_000
"""Bound on an architecture's JSON text, in characters."""


@dataclass(frozen=True)
class Architecture(Traced):
    """A network that can be built: its input, its layers in order, its classes and the fit rule.

    Args:
        input: (C, H, W) of one image.
        layers: what the image passes through; the last output must hold `classes` values.
        classes: how many scores come out.
        fit: what windows do where they do not tile their input: "crop" drops the rest, "pad" adds zeros, "strict"
            refuses (see `geometry.output_size`).

    Raises:
        ArchitectureError: a value is out of bounds, or the layers cannot follow each other.
        GeometryError: a window does not fit.

    >>> from convscape.spaces.layers import Conv, Flatten, Linear
    >>> small = Architecture((1, 8, 8), (Conv(4), Flatten(), Linear(10)), classes=10)
    >>> small.output, small == Architecture.from_json(small.to_json())
    ((10,), True)
    """

    input: tuple[int, int, int]
    layers: tuple[Layer, ...]
    classes: int
    fit: Fit = "crop"

    def __post_init__(self) -> None:
        object.__setattr__(self, "input", image_shape(self.input))
        whole("Architecture", "classes", self.classes, 1, LARGEST_WIDTH)
        if self.fit not in FITS:
            raise ArchitectureError(
                f"Architecture: `fit` (={shown(self.fit)}) is not known", nearest(shown(self.fit), FITS)
            )
        object.__setattr__(self, "layers", tuple(self.layers))
        if self.output not in ((self.classes,), (self.classes, 1, 1)):
            raise ArchitectureError(
                f"Architecture: the last output is {self.output} and `classes` is {self.classes}",
                f"End with Linear({self.classes}), or with {self.classes} channels and a GlobalPool.",
            )

    def __repr__(self) -> str:
        return f"Architecture({to_notation(self)!r})"

    def _repr_html_(self) -> str:
        """The network for a notebook: its notation, and a table of its layers, blocks as one."""
        top = [step for step in self.steps if "." not in step.path]
        rows = [(step.path, layer_notation(step.layer), _by_size(step.output)) for step in top[:MOST_SHOWN]]
        more = f"<p>… and {len(top) - MOST_SHOWN:,} more</p>" if len(top) > MOST_SHOWN else ""
        return f"<code>{escape(to_notation(self))}</code>{html_table(['', 'layer', 'output'], rows)}{more}"

    @property
    def output(self) -> Shape:
        """Shape of the scores of one image: (classes,), or (classes, 1, 1) when nothing flattens."""
        return self.steps[-1].output if self.steps else self.input

    @cached_property
    def digest(self) -> str:
        """12 hex digits, equal for equal networks however they were written.

        Padding counts as the cells it comes to, so "same" and (F - 1)/2 agree, and the fit rule counts only where
        it changes something; layers that do nothing do not count.
        """
        content = [self.input, self.classes, canonical(self.layers, self.input, self.fit)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """The network as plain values, which `Architecture.from_json` and any JSON writer take."""
        return {
            "format": FORMAT,
            "input": list(self.input),
            "classes": self.classes,
            "fit": self.fit,
            "layers": [layer_to_json(layer) for layer in self.layers],
        }

    @staticmethod
    def from_json(source: str | dict[str, Any]) -> Architecture:
        """The architecture that `Architecture.to_json` wrote.

        Args:
            source: the plain values, or a JSON text of them.

        Raises:
            ArchitectureError: not the JSON of an architecture; names the place, as in `layers[3].kernel`.
        """
        values = json_values(source) if isinstance(source, str) else source
        if not isinstance(values, dict):
            raise ArchitectureError(f"an architecture is a JSON object, not {type(values).__name__}")
        if values.get("format") != FORMAT:
            raise ArchitectureError(f"`format` (={shown(values.get('format'))}) must be {FORMAT!r}")
        known = ("format", "input", "classes", "fit", "layers")
        for key in values:
            if key not in known:
                raise ArchitectureError(f"`{_name(key)}` is not part of an architecture", nearest(shown(key), known))
        _refuse_huge(values.get("layers"))
        image = values.get("input")
        return Architecture(
            cast("tuple[int, int, int]", tuple(image) if isinstance(image, list) else image),
            _layers_from_json(values.get("layers"), "layers", nesting=0),
            cast("int", values.get("classes")),
            values.get("fit", "crop"),
        )


def _by_size(shape: Shape) -> str:
    """A shape as people read it: HxWxC, or the length of what is flat."""
    return "x".join(map(str, (*shape[1:], shape[0])))


def image_shape(value: object) -> tuple[int, int, int]:
    """`value`, checked to be an image's (C, H, W), as a tuple.

    Raises:
        ArchitectureError: not three whole numbers, or one is out of bounds.
    """
    if not isinstance(value, tuple | list) or len(value) != 3:
        raise ArchitectureError(f"Architecture: `input` (={shown(value)}) must be (channels, height, width)")
    channels = whole("Architecture", "input", value[0], 1, LARGEST_WIDTH)
    height, width = (whole("Architecture", "input", size, 1, LARGEST_IMAGE, "LARGEST_IMAGE") for size in value[1:])
    return channels, height, width


def layer_to_json(layer: Layer) -> dict[str, Any]:
    """One layer as plain values for JSON: its kind, then its fields, with the layers inside a block written out too."""
    return {"kind": layer.kind, **{field.name: _plain(getattr(layer, field.name)) for field in fields(layer)}}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return layer_to_json(cast("Layer", value)) if type(value) in LAYERS.values() else value


def json_values(text: str) -> object:
    """What a JSON text of at most LARGEST_JSON characters holds.

    Raises:
        ArchitectureError: the text is longer, or is not JSON.
    """
    if len(text) > LARGEST_JSON:
        raise ArchitectureError(f"{len(text):,} characters of JSON are more than {LARGEST_JSON:,} (LARGEST_JSON)")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ArchitectureError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except (RecursionError, ValueError) as error:
        raise ArchitectureError(f"not JSON that can be read: {error!s:.120}") from None


def _refuse_huge(layers: object) -> None:
    """Refuses more values than a network of LARGEST_NETWORK layers has, before anything is made of them."""
    waiting, count = [layers], 0
    while waiting:
        value = waiting.pop()
        inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        count += len(inside)
        if count > VALUES_A_LAYER * LARGEST_NETWORK:
            raise ArchitectureError(f"`layers` holds more than {LARGEST_NETWORK:,} layers can (LARGEST_NETWORK)")
        waiting += [each for each in inside if isinstance(each, dict | list)]


def _layers_from_json(values: object, where: str, nesting: int) -> tuple[Layer, ...]:
    if not isinstance(values, list):
        raise ArchitectureError(f"`{where}` must be a list of layers")
    if len(values) > LARGEST_NETWORK:
        raise ArchitectureError(f"`{where}` holds more than {LARGEST_NETWORK:,} layers (LARGEST_NETWORK)")
    if nesting > DEEPEST_NESTING:
        raise ArchitectureError(f"`{where:.60}…` is nested deeper than {DEEPEST_NESTING} (DEEPEST_NESTING)")
    return tuple(_layer_from_json(value, f"{where}[{index}]", nesting) for index, value in enumerate(values))


def _layer_from_json(value: object, where: str, nesting: int) -> Layer:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in LAYERS:
        raise ArchitectureError(f"`{where}.kind` (={shown(kind)}) is no layer", nearest(shown(kind), LAYERS))
    layer = LAYERS[kind]
    known = [field.name for field in fields(layer)]
    arguments: dict[str, Any] = {}
    for key, item in value.items():
        if key == "kind":
            continue
        if key not in known:
            raise ArchitectureError(
                f"`{where}.{_name(key)}` is not a field of {layer.__name__}", nearest(shown(key), known)
            )
        if key in ("body", "shortcut"):
            arguments[key] = _layers_from_json(item, f"{where}.{key}", nesting + 1)
        elif key == "branches":
            if not isinstance(item, list):
                raise ArchitectureError(f"`{where}.branches` must be a list of branches")
            arguments[key] = tuple(
                _layers_from_json(branch, f"{where}.branches[{number}]", nesting + 1)
                for number, branch in enumerate(item)
            )
        else:
            arguments[key] = tuple(item) if isinstance(item, list) else item
    try:
        return layer(**arguments)
    except ArchitectureError as error:
        raise ArchitectureError(f"`{where}`: {error.message}", error.remedy) from None
    except TypeError:
        raise ArchitectureError(f"`{where}`: {layer.__name__} needs {', '.join(known)}") from None


def canonical(layers: Sequence[Layer], shape: Shape, fit: Fit) -> list[object]:
    """Layers as nested lists of plain values that are equal for equal networks; digests and counting compare these.

    Padding is written in cells with the fit rule's included, and layers that do nothing are left out.

    Args:
        layers: in order.
        shape: of the input, (C, H, W), or (D,) once flattened.
        fit: the fit rule of layers that have none of their own.

    Raises:
        ArchitectureError: the layers cannot follow each other; GeometryError where a window does not fit.
    """
    result: list[object] = []
    for layer in layers:
        output = trace((layer,), shape, fit)[-1].output
        if isinstance(layer, Residual):
            result.append([layer.kind, canonical(layer.body, shape, fit), canonical(layer.shortcut, shape, fit)])
        elif isinstance(layer, Parallel):
            result.append([layer.kind, [canonical(branch, shape, fit) for branch in layer.branches]])
        elif isinstance(layer, Conv | LocallyConnected | Pool):
            sides = resolve_padding(layer, shape, fit)
            dilation = [d if k > 1 else 1 for k, d in zip(layer.kernel, layer.dilation, strict=True)]
            nothing = isinstance(layer, Pool) and layer.mode != "l2" and layer.kernel == layer.stride == (1, 1)
            if not (nothing and not any(sides)):
                result.append(layer_to_json(layer) | {"fit": None, "padding": sides, "dilation": dilation})
        elif isinstance(layer, Dropout):
            if layer.rate > 0:
                result.append([layer.kind, layer.rate, layer.spatial and len(shape) == 3 and shape[1:] != (1, 1)])
        elif not (isinstance(layer, Flatten | GlobalPool) and shape == output):
            result.append(layer_to_json(layer))
        shape = output
    return result


def _name(key: object) -> str:
    return key[:60] if isinstance(key, str) else shown(key)
