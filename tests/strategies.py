"""Hypothesis strategies that several rooms' tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import ArchitectureError
from convscape.spaces.geometry import FITS
from convscape.spaces.layers import (
    Activation,
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
    Residual,
)
from convscape.spaces.tracing import trace
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh")
PADDINGS = st.one_of(
    st.sampled_from(["valid", "same"]),
    st.integers(0, 3),
    st.tuples(*[st.integers(0, 3)] * 2),
    st.tuples(*[st.integers(0, 3)] * 4),
)


def pairs(high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.one_of(st.integers(1, high).map(lambda n: (n, n)), st.tuples(st.integers(1, high), st.integers(1, high)))


def activations() -> st.SearchStrategy[Layer]:
    return st.sampled_from([Activation(name) for name in ACTIVATIONS])


@st.composite
def convolutions(draw: st.DrawFn, channels: int) -> Conv:
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    return Conv(
        groups * draw(st.integers(1, 4)),
        draw(pairs(5)),
        draw(pairs(3)),
        draw(PADDINGS),
        dilation=draw(pairs(2)),
        groups=groups,
        bias=draw(st.booleans()),
        fit=draw(st.sampled_from([None, None, *FITS])),
    )


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    mode = draw(st.sampled_from(["max", "average", "l2"]))
    return Pool(
        mode,
        draw(pairs(3)),
        draw(st.one_of(st.none(), pairs(3))),
        draw(PADDINGS),
        dilation=draw(pairs(2)) if mode == "max" else 1,
        fit=draw(st.sampled_from([None, None, *FITS])),
    )


@st.composite
def norms(draw: st.DrawFn) -> Layer:
    return draw(
        st.one_of(
            st.just(BatchNorm()),
            st.just(LocalResponseNorm()),
            st.builds(LocalResponseNorm, st.integers(1, 6), st.sampled_from([0, 1e-5, 0.3, 1e6]), st.floats(0, 2)),
        )
    )


def dropouts() -> st.SearchStrategy[Layer]:
    return st.builds(Dropout, st.sampled_from([0, 0.0, 0.1, 1 / 3, 0.999]), st.booleans())


@st.composite
def local(draw: st.DrawFn) -> LocallyConnected:
    return LocallyConnected(
        draw(st.integers(1, 3)), draw(pairs(3)), draw(pairs(2)), draw(PADDINGS), bias=draw(st.booleans())
    )


def size_keeping() -> st.SearchStrategy[tuple[Layer, ...]]:
    """Layers that keep height and width."""
    layer = st.one_of(
        activations(),
        norms(),
        dropouts(),
        st.builds(Conv, st.integers(1, 6), st.integers(1, 4)),
        st.builds(Pool, st.sampled_from(["max", "average", "l2"]), st.just(3), st.just(1), st.just("same")),
    )
    return st.lists(layer, max_size=3).map(tuple)


@st.composite
def residuals(draw: st.DrawFn, channels: int) -> Residual:
    stride = draw(st.integers(1, 2))
    filters = draw(st.sampled_from([channels, 4]))
    body = (*draw(size_keeping()), Conv(filters, 3, stride), *draw(st.sampled_from([(), (BatchNorm(),)])))
    plain = stride == 1 and filters == channels
    shortcut = () if plain and draw(st.booleans()) else (Conv(filters, 1, stride, bias=False), BatchNorm())
    return Residual(body, shortcut)


@st.composite
def parallels(draw: st.DrawFn) -> Parallel:
    return Parallel(tuple(draw(size_keeping()) for _ in range(draw(st.integers(2, 3)))))


@st.composite
def architectures(draw: st.DrawFn, largest_image: int = 14, most_layers: int = 7) -> Architecture:
    """Any network: every kind of layer and setting, whatever follows each other."""
    image = (draw(st.integers(1, 4)), draw(st.integers(1, largest_image)), draw(st.integers(1, largest_image)))
    fit = draw(st.sampled_from(FITS))
    layers: list[Layer] = []
    shape: Sequence[int] = image
    for _ in range(draw(st.integers(0, most_layers))):
        if len(shape) == 3:
            channels = shape[0]
            kinds = [
                convolutions(channels), convolutions(channels), pools(), norms(), activations(), activations(),
                dropouts(), local(), residuals(channels), parallels(), st.just(Flatten()), st.just(GlobalPool("max")),
            ]  # fmt: skip
        else:
            kinds = [activations(), norms(), dropouts(), st.just(Flatten()), st.builds(Linear, st.integers(1, 20))]
        layer = draw(st.one_of(kinds))
        try:
            shape = trace((layer,), tuple(shape), fit)[-1].output
        except ArchitectureError:
            continue
        layers.append(layer)
        again = layers[-2:] if draw(st.integers(0, 5)) == 0 else []
        try:
            shape = trace((*layers, *again), image, fit)[-1].output
        except ArchitectureError:
            continue
        layers += again
    classes = draw(st.integers(2, 12))
    if len(shape) == 3 and draw(st.booleans()):
        head: tuple[Layer, ...] = (Conv(classes, 1), GlobalPool(draw(st.sampled_from(["average", "max"]))))
    elif len(shape) == 3:
        head = (Flatten(), Linear(classes))
    else:
        head = (Linear(classes, bias=draw(st.booleans())),)
    return Architecture(image, (*layers, *head), classes, fit)
