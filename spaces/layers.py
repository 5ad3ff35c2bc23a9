"""The layers a network is made of, as frozen values. Nothing here knows its input: tracing.py computes shapes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, get_args

from .errors import ArchitectureError, nearest, shown
from .geometry import FITS, Fit

if TYPE_CHECKING:
    from collections.abc import Sequence

Pair: TypeAlias = tuple[int, int]
"""(rows, columns), in cells."""
Sides: TypeAlias = tuple[int, int, int, int]
"""Cells (top, bottom, left, right)."""

ActivationName = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]
PoolMode = Literal["max", "average", "l2"]

LARGEST_WINDOW = 4_096
"""Bound on a kernel, stride, dilation or padding, in cells: far above any real design, far below overflow."""
LARGEST_WIDTH = 1_048_576
"""Bound on filters, units, groups and channels: far above any real design, far below overflow."""


def whole(owner: object, name: str, value: object, low: int, high: int, bound: str = "LARGEST_WIDTH") -> int:
    """`value`, checked to be a whole number from `low` to `high`.

    Args:
        owner: whose parameter it is, for the error: a name, or an object that is called by its class.
        name: of the parameter.
        value: what was given for it.
        low: the smallest that is allowed.
        high: the largest that is allowed.
        bound: the constant that `high` is called by, for the error.

    Raises:
        ArchitectureError: another type of value, or one out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        where = f"{owner if isinstance(owner, str) else type(owner).__name__}: `{name}` (={shown(value)})"
        raise ArchitectureError(f"{where} must be a whole number from {low} to {high:,} ({bound})")
    return value


def _pair(owner: object, name: str, value: object) -> Pair:
    values = (value, value) if isinstance(value, int) else value
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise ArchitectureError(
            f"{type(owner).__name__}: `{name}` (={shown(value)}) must be one whole number or two (rows, columns)"
        )
    first, second = (whole(owner, name, cells, 1, LARGEST_WINDOW, "LARGEST_WINDOW") for cells in values)
    return first, second


def _padding(owner: object, value: object) -> Literal["valid", "same"] | Sides:
    if value == "valid":
        return "valid"
    if value == "same":
        return "same"
    if isinstance(value, int):
        value = (value,) * 4
    if isinstance(value, tuple | list) and len(value) == 2:
        value = (value[0], value[0], value[1], value[1])
    if not isinstance(value, tuple | list) or len(value) != 4:
        raise ArchitectureError(
            f"{type(owner).__name__}: `padding` (={shown(value)}) must be 'valid', 'same', a number, "
            "two numbers (rows, columns) or four (top, bottom, left, right)"
        )
    top, bottom, left, right = (whole(owner, "padding", cells, 0, LARGEST_WINDOW, "LARGEST_WINDOW") for cells in value)
    return (top, bottom, left, right)


def _one_of(owner: object, name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ArchitectureError(
            f"{type(owner).__name__}: `{name}` (={shown(value)}) is not known", nearest(shown(value), known)
        )


def _fraction(owner: object, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ArchitectureError(f"{type(owner).__name__}: `{name}` (={shown(value)}) must be at least 0 and below 1")


class _Window:
    """What convolutions and pooling share. A whole number given for a pair means both axes.

    kernel: F (rows, columns); stride: S; padding: "valid" (none), "same" (keeps the size at stride 1),
    or cells; dilation: D, 1 for a dense window; fit: what to do with a rest, None for the architecture's rule.
    """

    __slots__ = ()
    kernel: Pair
    stride: Pair
    padding: Literal["valid", "same"] | Sides
    dilation: Pair
    fit: Fit | None

    def _assign(self, values: dict[str, object]) -> None:
        for field in fields(self):  # pyright: ignore[reportArgumentType]
            object.__setattr__(self, field.name, values[field.name])
        for name in ("kernel", "stride", "dilation"):
            object.__setattr__(self, name, _pair(self, name, getattr(self, name)))
        object.__setattr__(self, "padding", _padding(self, self.padding))
        if self.fit is not None:
            _one_of(self, "fit", self.fit, FITS)


@dataclass(frozen=True, slots=True, init=False)
class Conv(_Window):
    """Convolution, (C, H, W) -> (K, H', W').

    Args:
        filters: K, the feature maps that come out; divisible by `groups`.
        kernel: F, cells of the window: one number for both axes, or (rows, columns).
        stride: S, cells the window moves: one number, or (rows, columns).
        padding: "valid" (none), "same" (keeps the size at stride 1), or cells: one number, (rows, columns) or (top,
            bottom, left, right).
        dilation: D, 1 for a dense window: one number, or (rows, columns).
        groups: groups of channels that are convolved apart; C must be divisible by it.
        bias: whether each filter adds a bias.
        fit: what to do where windows do not tile the input, "crop", "pad" or "strict"; None for the network's rule.

    Raises:
        ArchitectureError: a value that cannot be used; names it.
    """

    kind: ClassVar[str] = "conv"
    filters: int
    kernel: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: Literal["valid", "same"] | Sides = "same"
    dilation: Pair = (1, 1)
    fit: Fit | None = None
    groups: int = 1
    bias: bool = True

    def __init__(
        self,
        filters: int,
        kernel: int | Pair = 3,
        stride: int | Pair = 1,
        padding: Literal["valid", "same"] | int | Pair | Sides = "same",
        *,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        fit: Fit | None = None,
    ) -> None:
        self._assign(locals())
        whole(self, "filters", filters, 1, LARGEST_WIDTH)
        whole(self, "groups", groups, 1, LARGEST_WIDTH)
        if filters % groups:
            raise ArchitectureError(f"Conv: `filters` (={filters}) must be divisible by `groups` (={groups})")
        _flag(self, "bias", bias)


@dataclass(frozen=True, slots=True, init=False)
class LocallyConnected(_Window):
    """A convolution whose windows share no weights, (C, H, W) -> (K, H', W'): one filter bank a place.

    It is for centred images such as faces.

    Args:
        filters: K, the feature maps that come out.
        kernel: F, cells of the window: one number for both axes, or (rows, columns).
        stride: S, cells the window moves: one number, or (rows, columns).
        padding: "valid" (none), "same" (keeps the size at stride 1), or cells: one number, (rows, columns) or (top,
            bottom, left, right).
        dilation: D, 1 for a dense window: one number, or (rows, columns).
        bias: whether each filter at each place adds a bias.
        fit: what to do where windows do not tile the input, "crop", "pad" or "strict"; None for the network's rule.

    Raises:
        ArchitectureError: a value that cannot be used; names it.
    """

    kind: ClassVar[str] = "locally_connected"
    filters: int
    kernel: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: Literal["valid", "same"] | Sides = "same"
    dilation: Pair = (1, 1)
    fit: Fit | None = None
    bias: bool = True

    def __init__(
        self,
        filters: int,
        kernel: int | Pair = 3,
        stride: int | Pair = 1,
        padding: Literal["valid", "same"] | int | Pair | Sides = "same",
        *,
        dilation: int | Pair = 1,
        bias: bool = True,
        fit: Fit | None = None,
    ) -> None:
        self._assign(locals())
        whole(self, "filters", filters, 1, LARGEST_WIDTH)
        _flag(self, "bias", bias)


@dataclass(frozen=True, slots=True, init=False)
class Pool(_Window):
    """Pooling, (C, H, W) -> (C, H', W').

    Padded cells are never a maximum; to an average and an l2 they are zeros, as in PyTorch.

    Args:
        mode: "max", "average" or "l2", the root of the sum of squares.
        kernel: F, cells of the window: one number for both axes, or (rows, columns).
        stride: S, cells the window moves: one number, or (rows, columns); None for the window's size.
        padding: "valid" (none), "same" (keeps the size at stride 1), or cells: one number, (rows, columns) or (top,
            bottom, left, right).
        dilation: D, 1 for a dense window; other numbers only for "max".
        fit: what to do where windows do not tile the input, "crop", "pad" or "strict"; None for the network's rule.

    Raises:
        ArchitectureError: a value that cannot be used; names it.
    """

    kind: ClassVar[str] = "pool"
    mode: PoolMode
    kernel: Pair = (2, 2)
    stride: Pair = (2, 2)
    padding: Literal["valid", "same"] | Sides = "valid"
    dilation: Pair = (1, 1)
    fit: Fit | None = None

    def __init__(
        self,
        mode: PoolMode = "max",
        kernel: int | Pair = 2,
        stride: int | Pair | None = None,
        padding: Literal["valid", "same"] | int | Pair | Sides = "valid",
        *,
        dilation: int | Pair = 1,
        fit: Fit | None = None,
    ) -> None:
        stride = kernel if stride is None else stride
        self._assign(locals())
        _one_of(self, "mode", mode, get_args(PoolMode))
        if self.dilation != (1, 1) and mode != "max":
            raise ArchitectureError(f"Pool: `dilation` (={shown(dilation)}) is only for max pooling")


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation of each channel, over (N, H, W), or over N of a flat input (Ioffe & Szegedy 2015)."""

    kind: ClassVar[str] = "batch_norm"


@dataclass(frozen=True, slots=True)
class LocalResponseNorm:
    """x / (k + alpha/size · sum of squares over `size` channels)^beta (Krizhevsky et al. 2012, 3.3; PyTorch's form).

    Args:
        size: neighbouring channels that are summed over.
        alpha: from 0 to 1e6, as beta and k.
        beta: the exponent.
        k: the constant in the denominator.

    Raises:
        ArchitectureError: a value out of range; names it.
    """

    kind: ClassVar[str] = "local_response_norm"
    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    def __post_init__(self) -> None:
        whole(self, "size", self.size, 1, LARGEST_WIDTH)
        for name in ("alpha", "beta", "k"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:
                raise ArchitectureError(f"LocalResponseNorm: `{name}` (={shown(value)}) must be a number from 0 to 1e6")
            object.__setattr__(self, name, float(value) + 0.0)  # no -0.0


PAPER_LRN = LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)
"""AlexNet's local response norm. The paper's alpha multiplies the sum; here the sum is divided by the size first, so
alpha is 1e-4 x 5.
"""


@dataclass(frozen=True, slots=True)
class Activation:
    """A nonlinearity, cell by cell; the shape stays. `name` is one of ActivationName."""

    kind: ClassVar[str] = "activation"
    name: ActivationName = "relu"

    def __post_init__(self) -> None:
        _one_of(self, "name", self.name, get_args(ActivationName))


@dataclass(frozen=True, slots=True)
class Dropout:
    """Zeroes cells with probability `rate`, 0 to below 1, while training; `spatial` zeroes whole feature maps."""

    kind: ClassVar[str] = "dropout"
    rate: float = 0.5
    spatial: bool = False

    def __post_init__(self) -> None:
        _fraction(self, "rate", self.rate)
        object.__setattr__(self, "rate", float(self.rate) + 0.0)  # no -0.0
        _flag(self, "spatial", self.spatial)


@dataclass(frozen=True, slots=True)
class GlobalPool:
    """One value a channel, (C, H, W) -> (C, 1, 1): the "average" or the "max" of the channel's map."""

    kind: ClassVar[str] = "global_pool"
    mode: Literal["average", "max"] = "average"

    def __post_init__(self) -> None:
        _one_of(self, "mode", self.mode, ("average", "max"))


@dataclass(frozen=True, slots=True)
class Flatten:
    """Flattens feature maps, (C, H, W) -> (C·H·W,)."""

    kind: ClassVar[str] = "flatten"


@dataclass(frozen=True, slots=True)
class Linear:
    """Fully connected layer, (D,) -> (units,), each unit with a bias unless `bias` is False."""

    kind: ClassVar[str] = "linear"
    units: int
    bias: bool = True

    def __post_init__(self) -> None:
        whole(self, "units", self.units, 1, LARGEST_WIDTH)
        _flag(self, "bias", self.bias)


@dataclass(frozen=True, slots=True)
class Residual:
    """body(x) + shortcut(x), which must agree in shape; an empty shortcut is the identity (He et al. 2015, 3.2)."""

    kind: ClassVar[str] = "residual"
    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", _sequence(self, "body", self.body))
        object.__setattr__(self, "shortcut", _sequence(self, "shortcut", self.shortcut))
        if not self.body:
            raise ArchitectureError("Residual: `body` must hold at least one layer")


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches over one input, concatenated along channels (Szegedy et al. 2014); an empty branch passes it on."""

    kind: ClassVar[str] = "parallel"
    branches: tuple[tuple[Layer, ...], ...]

    def __post_init__(self) -> None:
        branches = tuple(_sequence(self, "branches", branch) for branch in self.branches)
        object.__setattr__(self, "branches", branches)
        if len(branches) < 2:
            raise ArchitectureError("Parallel: `branches` must hold at least two")


Layer: TypeAlias = (
    Conv
    | LocallyConnected
    | Pool
    | BatchNorm
    | LocalResponseNorm
    | Activation
    | Dropout
    | GlobalPool
    | Flatten
    | Linear
    | Residual
    | Parallel
)
Window: TypeAlias = Conv | LocallyConnected | Pool
LAYERS: dict[str, type[Layer]] = {layer.kind: layer for layer in get_args(Layer)}


def _flag(owner: object, name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ArchitectureError(f"{type(owner).__name__}: `{name}` (={shown(value)}) must be true or false")


def _sequence(owner: object, name: str, layers: object) -> tuple[Layer, ...]:
    if not isinstance(layers, tuple | list) or not all(isinstance(layer, get_args(Layer)) for layer in layers):
        raise ArchitectureError(
            f"{type(owner).__name__}: `{name}` must be a sequence of layers, not {shown(layers, 80)}"
        )
    return tuple(layers)
