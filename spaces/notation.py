"""Prints a network in one line, as the field writes it; `parse_notation` (parsing.py) reads it back.

INPUT[32x32x3] -> [[CONV3-64 -> BN -> RELU]*2 -> POOL2]*3 -> [FC-512 -> RELU]*2 -> FC-10

INPUT[HxWxC]                 the image; fit=pad or fit=strict sets the rule for all layers
CONV3-64, CONV1x7-64         64 filters of 3x3, of 1 row and 7 columns; padding keeps the size unless said
LOCAL3-64                    locally connected: 64 unshared filters of 3x3; padding keeps the size unless said
POOL2, AVGPOOL3 s2, L2POOL2  max, average, L2 pooling; the stride is the window's size and nothing is padded unless said
s2, s2x1                     stride
valid, same, p1, p1,2        padding: none, size-keeping, cells all around, cells (rows, columns)
p0,1,0,1                     cells (top, bottom, left, right)
d2                           dilation
g4                           groups
nobias, fit=crop             no bias; what this layer does with a rest
FC-512                       fully connected; flattens what is not flat
BN, LRN5 alpha=0.0001        norms
RELU, LEAKYRELU, ELU, GELU, SILU, SIGMOID, TANH
DROPOUT0.5, SPATIALDROPOUT0.2
GAP, GMP, FLATTEN            global average, global max
[... -> ...]*3               three times
RESIDUAL[body | shortcut]    the sum of both; the shortcut is the identity when left out
PARALLEL[a | b | IDENTITY]   branches, concatenated
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from .layers import (
    Activation,
    ActivationName,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    LocallyConnected,
    LocalResponseNorm,
    Parallel,
    Pool,
    PoolMode,
    Residual,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .geometry import Fit
    from .layers import Pair, Window

CONVOLUTION, LOCAL, FULLY_CONNECTED, FLATTEN = "CONV", "LOCAL", "FC", "FLATTEN"
BATCH_NORM, LOCAL_RESPONSE_NORM = "BN", "LRN"
DROPOUT, SPATIAL_DROPOUT = "DROPOUT", "SPATIALDROPOUT"
RESIDUAL, PARALLEL, IDENTITY = "RESIDUAL", "PARALLEL", "IDENTITY"
POOLS: dict[str, PoolMode] = {"POOL": "max", "AVGPOOL": "average", "L2POOL": "l2"}
GLOBAL_POOLS: dict[str, Literal["average", "max"]] = {"GAP": "average", "GMP": "max"}
ACTIVATIONS: dict[str, ActivationName] = {
    "RELU": "relu",
    "LEAKYRELU": "leaky_relu",
    "ELU": "elu",
    "GELU": "gelu",
    "SILU": "silu",
    "SIGMOID": "sigmoid",
    "TANH": "tanh",
}
WORDS = (
    CONVOLUTION,
    LOCAL,
    *POOLS,
    FULLY_CONNECTED,
    BATCH_NORM,
    LOCAL_RESPONSE_NORM,
    *ACTIVATIONS,
    DROPOUT,
    SPATIAL_DROPOUT,
    *GLOBAL_POOLS,
    FLATTEN,
    RESIDUAL,
    PARALLEL,
)

LONGEST_PERIOD = 64
"""Layers of the longest group that is looked for as a repeat; repeats of longer groups are printed in full."""

_FOLLOWERS = (BATCH_NORM, LOCAL_RESPONSE_NORM, DROPOUT, SPATIAL_DROPOUT, *ACTIVATIONS, *POOLS)
_ACTIVATION_WORDS = {name: word for word, name in ACTIVATIONS.items()}
_POOL_WORDS = {mode: word for word, mode in POOLS.items()}
_GLOBAL_POOL_WORDS = {mode: word for word, mode in GLOBAL_POOLS.items()}


class Network(Protocol):
    """What is written down of a network, such as an `Architecture`."""

    @property
    def input(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        ...

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What the image passes through, in order."""
        ...

    @property
    def fit(self) -> Fit:
        """What windows do where they do not tile their input."""
        ...


def to_notation(architecture: Network) -> str:
    """`architecture` in one line that `parse_notation` reads back as an equal one; repeats are written once.

    >>> from convscape.spaces.layers import Activation, Conv, Flatten, Linear
    >>> from convscape.spaces.architecture import Architecture
    >>> layers = (Conv(16), Activation(), Conv(16), Activation(), Flatten(), Linear(10))
    >>> to_notation(Architecture((3, 32, 32), layers, classes=10))
    'INPUT[32x32x3] -> [CONV3-16 -> RELU]*2 -> FC-10'
    """
    channels, height, width = architecture.input
    image = f"INPUT[{height}x{width}x{channels}]"
    if architecture.fit != "crop":
        image += f" fit={architecture.fit}"
    layers, _ = _sequence(architecture.layers, flat=False)
    return f"{image} -> {layers}" if layers else image


def layer_notation(layer: Layer) -> str:
    """One layer in the notation for networks; a block with all that is inside.

    >>> layer_notation(Conv(64, 7, stride=2, padding=3, bias=False))
    'CONV7-64 s2 p3 nobias'
    """
    return _layer(layer, flat=False)[0]


def _sequence(layers: Sequence[Layer], *, flat: bool) -> tuple[str, bool]:
    """The text of `layers` from an input that is `flat` or not, and whether their output is."""
    texts: list[str] = []
    for index, layer in enumerate(layers):
        if isinstance(layer, Flatten) and not flat and isinstance(_after(layers, index), Linear):
            flat = True
            continue
        text, flat = _layer(layer, flat=flat)
        texts.append(text)
    return " -> ".join(_compressed(texts)), flat


def _after(layers: Sequence[Layer], index: int) -> Layer | None:
    return layers[index + 1] if index + 1 < len(layers) else None


def _layer(layer: Layer, *, flat: bool) -> tuple[str, bool]:
    """The text of one layer, and whether its output is flat."""
    match layer:
        case Residual(body, shortcut):
            text, flat_after = _sequence(body, flat=flat)
            projection = f" | {_sequence(shortcut, flat=flat)[0]}" if shortcut else ""
            return f"{RESIDUAL}[{text}{projection}]", flat_after
        case Parallel(branches):
            ends = [_sequence(branch, flat=flat) for branch in branches]
            return f"{PARALLEL}[{' | '.join(text or IDENTITY for text, _ in ends)}]", ends[0][1]
        case Conv():
            words = [f"{CONVOLUTION}{_size(layer.kernel)}-{layer.filters}", *_window(layer, (1, 1), "same")]
            words += [f"g{layer.groups}"] if layer.groups > 1 else []
            return " ".join(words + _bias(layer)), flat
        case LocallyConnected():
            words = [f"{LOCAL}{_size(layer.kernel)}-{layer.filters}", *_window(layer, (1, 1), "same")]
            return " ".join(words + _bias(layer)), flat
        case Pool():
            word = f"{_POOL_WORDS[layer.mode]}{_size(layer.kernel)}"
            return " ".join([word, *_window(layer, layer.kernel, "valid")]), flat
        case Linear():
            return " ".join([f"{FULLY_CONNECTED}-{layer.units}", *_bias(layer)]), True
        case LocalResponseNorm():
            usual = LocalResponseNorm()
            changed = [name for name in ("alpha", "beta", "k") if getattr(layer, name) != getattr(usual, name)]
            return " ".join(
                [f"{LOCAL_RESPONSE_NORM}{layer.size}", *(f"{name}={getattr(layer, name)!r}" for name in changed)]
            ), flat
        case Dropout():
            return f"{SPATIAL_DROPOUT if layer.spatial else DROPOUT}{layer.rate!r}", flat
        case Activation(name):
            return _ACTIVATION_WORDS[name], flat
        case GlobalPool(mode):
            return _GLOBAL_POOL_WORDS[mode], flat
        case BatchNorm():
            return BATCH_NORM, flat
        case Flatten():
            return FLATTEN, True


def _window(layer: Window, stride: Pair, padding: str) -> list[str]:
    """Stride, padding, dilation and fit where they are not the usual `stride` and `padding`."""
    words: list[str] = []
    if layer.stride != stride:
        words.append(f"s{_size(layer.stride)}")
    if isinstance(layer.padding, str):
        words += [layer.padding] if layer.padding != padding else []
    else:
        top, bottom, left, right = layer.padding
        if top == bottom and left == right:
            words.append(f"p{top}" if top == left else f"p{top},{left}")
        else:
            words.append(f"p{top},{bottom},{left},{right}")
    if layer.dilation != (1, 1):
        words.append(f"d{_size(layer.dilation)}")
    return words + ([f"fit={layer.fit}"] if layer.fit else [])


def _bias(layer: Conv | LocallyConnected | Linear) -> list[str]:
    return [] if layer.bias else ["nobias"]


def _size(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _compressed(texts: list[str]) -> list[str]:
    """`texts` with runs of equal groups written once, as "[... -> ...]*N", where that is shorter."""
    result: list[str] = []
    start = 0
    while start < len(texts):
        period, times = _longest_run(texts, start)
        covered = texts[start : start + period * times]
        if times > 1:
            group = _compressed(covered[:period])
            alone = len(group) == 1 and group[0].endswith("]")
            repeat = f"{group[0]}*{times}" if alone else f"[{' -> '.join(group)}]*{times}"
            covered = [repeat] if len(repeat) < len(" -> ".join(covered)) else covered
        result += covered
        start += period * times
    return result


def _longest_run(texts: list[str], start: int) -> tuple[int, int]:
    """Period and times of the repeat at `start` that covers most; (1, 1) when nothing repeats.

    A repeat does not begin with what belongs to the layer before, so that people read [CONV3-32 -> BN -> RELU]*3.
    """
    best = (1, 1)
    if texts[start].startswith(_FOLLOWERS):
        return best
    for period in range(1, min(LONGEST_PERIOD, (len(texts) - start) // 2) + 1):
        end = start
        while end + period < len(texts) and texts[end] == texts[end + period]:
            end += 1
        times = (end - start) // period + 1
        if times > 1 and period * times > best[0] * best[1]:
            best = (period, times)
    return best
