"""Reads a network from the notation that notation.py prints and documents. Every error points at a column."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from .architecture import Architecture, image_shape
from .errors import ArchitectureError, NotationError, nearest
from .former_names import former_names
from .geometry import FITS, Fit
from .layers import (
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
from .notation import (
    ACTIVATIONS,
    BATCH_NORM,
    CONVOLUTION,
    DROPOUT,
    FULLY_CONNECTED,
    GLOBAL_POOLS,
    IDENTITY,
    LOCAL,
    LOCAL_RESPONSE_NORM,
    PARALLEL,
    POOLS,
    RESIDUAL,
    SPATIAL_DROPOUT,
    WORDS,
)
from .tracing import LARGEST_NETWORK, trace

LONGEST_NOTATION = 2**20
"""Bound on a text, in characters."""
DEEPEST_BRACKETS = 64
"""Bound on brackets inside each other."""

_WORD = re.compile("|".join(sorted(WORDS, key=len, reverse=True)) + "|[A-Z]+", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[0-9]+")
_FRACTION = re.compile(r"[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?", re.IGNORECASE | re.ASCII)
_FOUND = re.compile(r"->|[A-Za-z0-9_.=]+|.")
_OPTION = re.compile(r"(nobias|valid|same|fit=|alpha=|beta=|k=|[spdg](?=[0-9]))", re.IGNORECASE | re.ASCII)
_MOST_DIGITS = 18
_LAYER_AT = re.compile(r"layer ([0-9a-z.]+)")
"""How `trace` begins an error of one layer: its path."""


def parse_notation(
    text: str, *, fit: Fit = "crop", input: tuple[int, int, int] | None = None, fit_instead: Fit | None = None
) -> Architecture:
    """The network that `text` describes, in the notation of notation.py. Upper or lower case, spaces at will.

    Args:
        text: as in "INPUT[32x32x3] -> [CONV3-16 -> RELU]*2 -> POOL2 -> FC-10".
        fit: the fit rule, unless the text says `fit=` after INPUT[...].
        input: (C, H, W) in place of the text's own, which then need not fit the layers.
        fit_instead: the fit rule in place of the text's own.

    Raises:
        NotationError: not a network in this notation; shows the column and what was expected there.
        ArchitectureError: well written, but the layers cannot follow each other; GeometryError: a window does not fit.

    >>> parse_notation("INPUT[28x28x1] -> CONV5-6 -> TANH -> POOL2 -> FC-10").classes
    10
    """
    if len(text) > LONGEST_NOTATION:
        raise NotationError(f"{len(text):,} characters are more than {LONGEST_NOTATION:,} (LONGEST_NOTATION)")
    reader = _Reader(text)
    image, said = reader.image()
    layers: tuple[Layer, ...] = ()
    if not reader.at_end():
        reader.expect("->", "'->' and a layer, or the end")
        layers = reader.sequence(nesting=0).layers
    if not reader.at_end():
        reader.fail("'->' or the end")
    image = image if input is None else image_shape(input)
    fit = fit_instead or said or fit
    written = layers  # kept: `columns` knows layers by identity
    layers, _ = _flattened(written, reader.columns, flat=False)
    try:
        output = trace(layers, image, fit)[-1].output if layers else image
    except ArchitectureError as error:
        raise reader.placed(error, layers) from None
    if len(output) == 3 and output[1:] != (1, 1):
        reader.fail(f"scores at the end, not {output[1]}x{output[2]} maps: '-> FC-10', or '-> GAP'")
    return Architecture(image, layers, output[0], fit)


@dataclass(slots=True)
class _Sequence:
    layers: tuple[Layer, ...]
    count: int
    """Layers, those inside blocks included."""


class _Reader:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.columns: dict[int, int] = {}
        """Where each layer is written, by its `id`: a repeated layer is one object, written once."""

    def at_end(self) -> bool:
        self._skip()
        return self.at == len(self.text)

    def expect(self, mark: str, expected: str) -> None:
        if not self.accept(mark):
            self.fail(expected)

    def accept(self, mark: str) -> bool:
        self._skip()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def fail(self, expected: str, remedy: str = "") -> NoReturn:
        """Raises: `expected` was expected here."""
        self._skip()
        found = _FOUND.match(self.text, self.at)
        shown = f"'{_printable(found.group()[:40])}'" if found else "the end"
        raise self.error(self.at, f"expected {expected}, found {shown}", remedy)

    def error(self, at: int, message: str, remedy: str = "") -> NotationError:
        start, stop = max(0, at - 60), at + 30
        line = _printable(self.text[start:stop])
        return NotationError(f"column {at + 1}: {message}\n  {line}\n  {' ' * (at - start)}^", remedy)

    def placed(self, error: ArchitectureError, layers: tuple[Layer, ...]) -> ArchitectureError:
        """`error` of the layer it names, with the column where that layer is written."""
        named = _LAYER_AT.match(error.message)
        if not named:
            return error
        at = self.columns[id(_layer_at(layers, named.group(1)))]
        return type(error)(self.error(at, error.message).message, error.remedy)

    def image(self) -> tuple[tuple[int, int, int], Fit | None]:
        """INPUT[HxWxC] as (C, H, W), and the fit rule if it is said."""
        self._skip()
        if self.text[self.at : self.at + 5].upper() != "INPUT":
            self.fail("INPUT[HEIGHTxWIDTHxCHANNELS]")
        self.at += 5
        self.expect("[", "'[' and the image's size, as in INPUT[32x32x3]")
        start = self.at
        height = self.number("the image's height")
        self.times("'x' and the image's width, as in INPUT[32x32x3]")
        width = self.number("the image's width")
        self.times("'x' and the image's channels, as in INPUT[32x32x3]")
        channels = self.number("the image's channels")
        self.expect("]", "']'")
        try:
            image = image_shape((channels, height, width))
        except ArchitectureError as error:
            raise self.error(start, error.message) from None
        return image, self.options(("fit=",)).get("fit")

    def sequence(self, nesting: int) -> _Sequence:
        """Items between arrows, repeats written out."""
        if nesting > DEEPEST_BRACKETS:
            raise self.error(self.at, f"brackets nested deeper than {DEEPEST_BRACKETS} (DEEPEST_BRACKETS)")
        layers: list[Layer] = []
        count = 0
        while True:
            start = self.at
            item = self.item(nesting)
            layers += item.layers
            count += item.count
            if count > LARGEST_NETWORK:
                raise self.error(start, f"more than {LARGEST_NETWORK:,} layers (LARGEST_NETWORK)")
            if not self.accept("->"):
                return _Sequence(tuple(layers), count)

    def item(self, nesting: int) -> _Sequence:
        """A layer, a block or a group, and how often."""
        self._skip()
        if self.accept("["):
            item = self.sequence(nesting + 1)
            self.expect("]", "'->' or ']'")
        else:
            item = self.layer(nesting)
        if not self.accept("*"):
            return item
        self._skip()
        start = self.at
        repeats = self.number("how often, as in [CONV3-64 -> RELU]*2")
        if item.count * repeats > LARGEST_NETWORK:
            raise self.error(start, f"{repeats:,} times is more than {LARGEST_NETWORK:,} layers (LARGEST_NETWORK)")
        return _Sequence(item.layers * repeats, item.count * repeats)

    def layer(self, nesting: int) -> _Sequence:
        start = self.at
        found = _WORD.match(self.text, start)
        word = found.group().upper() if found else ""
        if word not in WORDS:
            remedy = nearest(word, WORDS) if word else ""
            self.fail("a layer, as in CONV3-64, POOL2 or FC-10, or '['", remedy)
        self.at += len(word)
        if word in (RESIDUAL, PARALLEL):
            return self.block(word, start, nesting)
        make = _FORMS[word](self, word)
        try:
            layer = make()
        except ArchitectureError as error:
            raise self.error(start, error.message, error.remedy) from None
        self.columns[id(layer)] = start
        return _Sequence((layer,), 1)

    def block(self, word: str, start: int, nesting: int) -> _Sequence:
        """RESIDUAL[body | shortcut] or PARALLEL[a | b | IDENTITY]."""
        self.expect("[", f"'[' and the layers inside, as in {word}[CONV3-64 -> RELU | CONV1-64]")
        branches = [self.branch(nesting)]
        while self.accept("|"):
            branches.append(self.branch(nesting))
        self.expect("]", "'->', '|' or ']'")
        parts = tuple(branch.layers for branch in branches)
        count = 1 + sum(branch.count for branch in branches)
        if word == RESIDUAL and len(parts) > 2:
            raise self.error(start, f"RESIDUAL has a body and at most one shortcut, not {len(parts)} parts")
        try:
            block = Residual(*parts) if word == RESIDUAL else Parallel(parts)
        except ArchitectureError as error:
            raise self.error(start, error.message, error.remedy) from None
        self.columns[id(block)] = start
        return _Sequence((block,), count)

    def branch(self, nesting: int) -> _Sequence:
        self._skip()
        if self.text[self.at : self.at + len(IDENTITY)].upper() == IDENTITY:
            self.at += len(IDENTITY)
            return _Sequence((), 0)
        return self.sequence(nesting + 1)

    def number(self, expected: str) -> int:
        """A whole number; `expected` says what it counts."""
        self._skip()
        found = _NUMBER.match(self.text, self.at)
        if not found:
            self.fail(f"{expected}: a whole number")
        if len(found.group()) > _MOST_DIGITS:
            raise self.error(self.at, f"a number of more than {_MOST_DIGITS} digits is beyond every bound")
        self.at = found.end()
        return int(found.group())

    def fraction(self, expected: str) -> float:
        found = _FRACTION.match(self.text, self.at)
        if not found:
            self.fail(f"{expected}: a number")
        self.at = found.end()
        return float(found.group())

    def times(self, expected: str) -> None:
        if not self.accept("x") and not self.accept("X"):
            self.fail(expected)

    def pair(self, expected: str) -> tuple[int, int]:
        """One number for both axes, or ROWSxCOLUMNS."""
        rows = self.number(expected)
        if self.text[self.at : self.at + 1] in ("x", "X"):
            self.at += 1
            return rows, self.number(f"{expected} along the columns")
        return rows, rows

    def options(self, known: tuple[str, ...]) -> dict[str, Any]:
        """The words after a layer's name, such as "s2 p1 nobias", as arguments."""
        values: dict[str, Any] = {}
        while True:
            self._skip()
            start = self.at
            found = _OPTION.match(self.text, start)
            option = found.group().lower() if found else ""
            if option not in known:
                if self.text[start : start + 1].isalnum():
                    usual = ", ".join(_SHOWN[name] for name in known)
                    self.fail(f"{usual + ', ' if usual else ''}'->', '|' or ']'")
                return values
            self.at += len(option)
            name, value = self.option(option)
            if name in values:
                raise self.error(start, f"{name} is said twice")
            values[name] = value

    def option(self, option: str) -> tuple[str, Any]:
        match option:
            case "s":
                return "stride", self.pair("the stride")
            case "d":
                return "dilation", self.pair("the dilation")
            case "g":
                return "groups", self.number("the groups")
            case "p":
                return "padding", self.padding()
            case "nobias":
                return "bias", False
            case "fit=":
                return "fit", self.fit()
            case "valid" | "same":
                return "padding", option
            case _:
                return option[:-1], self.fraction(option[:-1])

    def fit(self) -> Fit:
        said: list[Fit] = [fit for fit in FITS if self.accept(fit)]
        if not said:
            self.fail(f"the fit rule: {', '.join(FITS)}")
        return said[0]

    def padding(self) -> int | tuple[int, ...]:
        start = self.at
        cells = [self.number("the padding")]
        while self.accept(","):
            cells.append(self.number("the padding"))
        if len(cells) not in (1, 2, 4):
            raise self.error(start, f"padding is one number, two or four, not {len(cells)}")
        return cells[0] if len(cells) == 1 else tuple(cells)

    def dash(self, word: str, expected: str) -> int:
        if self.text[self.at : self.at + 1] != "-":
            self.fail(f"'-' and {expected}, as in {word}")
        self.at += 1
        return self.number(expected)

    def _skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1


_Make: TypeAlias = Callable[[], Layer]
_WINDOW = ("s", "valid", "same", "p", "d", "fit=")
_SHOWN = {
    "s": "s2",
    "valid": "valid",
    "same": "same",
    "p": "p1",
    "d": "d2",
    "g": "g4",
    "nobias": "nobias",
    "fit=": "fit=pad",
    "alpha=": "alpha=0.0001",
    "beta=": "beta=0.75",
    "k=": "k=2",
}


def _conv(reader: _Reader, word: str) -> _Make:
    kernel = reader.pair(f"the window, as in {word}3-64")
    filters = reader.dash(f"{word}3-64", "how many filters")
    known = (*_WINDOW, "g", "nobias") if word == CONVOLUTION else (*_WINDOW, "nobias")
    options = reader.options(known)
    return lambda: (Conv if word == CONVOLUTION else LocallyConnected)(filters, kernel, **options)


def _pool(reader: _Reader, word: str) -> _Make:
    kernel = reader.pair(f"the window, as in {word}2")
    options = reader.options(_WINDOW)
    return lambda: Pool(POOLS[word], kernel, **options)


def _linear(reader: _Reader, word: str) -> _Make:
    units = reader.dash(f"{word}-10", "how many units")
    options = reader.options(("nobias",))
    return lambda: Linear(units, **options)


def _norm(reader: _Reader, word: str) -> _Make:
    size = reader.number(f"the channels it looks at, as in {word}5")
    options = reader.options(("alpha=", "beta=", "k="))
    return lambda: LocalResponseNorm(size, **options)


def _dropout(reader: _Reader, word: str) -> _Make:
    rate = reader.fraction(f"the rate, as in {word}0.5")
    reader.options(())
    return lambda: Dropout(rate, spatial=word == SPATIAL_DROPOUT)


def _plain(reader: _Reader, word: str) -> _Make:
    reader.options(())
    if word in ACTIVATIONS:
        return lambda: Activation(ACTIVATIONS[word])
    if word in GLOBAL_POOLS:
        return lambda: GlobalPool(GLOBAL_POOLS[word])
    return BatchNorm if word == BATCH_NORM else Flatten


_FORMS: dict[str, Callable[[_Reader, str], _Make]] = dict.fromkeys(WORDS, _plain) | {
    CONVOLUTION: _conv,
    LOCAL: _conv,
    **dict.fromkeys(POOLS, _pool),
    FULLY_CONNECTED: _linear,
    LOCAL_RESPONSE_NORM: _norm,
    DROPOUT: _dropout,
    SPATIAL_DROPOUT: _dropout,
}


def _flattened(layers: tuple[Layer, ...], columns: dict[int, int], *, flat: bool) -> tuple[tuple[Layer, ...], bool]:
    """`layers` with a Flatten before each Linear that needs one, and whether the output is flat.

    What is made anew gets the column of what it stands for.
    """
    result: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Residual):
            body, flat_after = _flattened(layer.body, columns, flat=flat)
            result.append(Residual(body, _flattened(layer.shortcut, columns, flat=flat)[0]))
            flat = flat_after
        elif isinstance(layer, Parallel):
            ends = [_flattened(branch, columns, flat=flat) for branch in layer.branches]
            result.append(Parallel(tuple(branch for branch, _ in ends)))
            flat = ends[0][1]
        else:
            if isinstance(layer, Linear) and not flat:
                result.append(Flatten())
                columns[id(result[-1])] = columns[id(layer)]
            flat = flat or isinstance(layer, Linear | Flatten)
            result.append(layer)
        columns[id(result[-1])] = columns[id(layer)]
    return tuple(result), flat


def _layer_at(layers: tuple[Layer, ...], path: str) -> Layer:
    """The layer at a path of `tracing.Step`, as in "5.body.0" or "6.branches.1.2"."""
    index, _, rest = path.partition(".")
    layer = layers[int(index)]
    if isinstance(layer, Parallel) and rest:
        branch, _, inner = rest.removeprefix("branches.").partition(".")
        return _layer_at(layer.branches[int(branch)], inner)
    if isinstance(layer, Residual) and rest:
        part, _, inner = rest.partition(".")
        return _layer_at(layer.body if part == "body" else layer.shortcut, inner)
    return layer


def _printable(text: str) -> str:
    """`text` on one line, a column a character."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


if not TYPE_CHECKING:
    __getattr__ = former_names(__name__, {"parse": "parse_notation"})
