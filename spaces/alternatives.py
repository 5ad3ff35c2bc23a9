"""Compares one convolution of a network with its alternatives: unshared or fully connected weights, a matrix product,
a stack of 3x3, a 1x1 reduction. Gives the comparison as text or as plain values.
"""

from __future__ import annotations

from dataclasses import asdict
from textwrap import wrap
from typing import TYPE_CHECKING, Any, cast

from .comparisons import matrix_product, reduction, sharing, stacks
from .errors import ArchitectureError, nearest
from .layer_table import WIDTH, place, short
from .layers import Conv
from .notation import layer_notation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .architecture import Architecture
    from .comparisons import MatrixProduct, Reduction, Sharing, Stack
    from .tracing import Step

REDUCED_TO = 4
"""The compared 1x1 layer leaves one map in so many, as in a bottleneck (He et al. 2015, figure 5)."""
MOST_LISTED = 40
"""Convolutions of a network that an error message lists, at most."""


def alternatives_to(architecture: Architecture, path: str) -> dict[str, Any]:
    """Comparison of one convolution of a network with its alternatives, as plain values for JSON.

    Args:
        architecture: the network.
        path: where the convolution stands, as in "0" or "5.body.0"; also as the layer table shortens it, where only one
            layer is meant.

    Returns:
        `path`, `name` (in the notation), `input` and `output` (C, H, W) of the convolution, and
        `parameters`: the fields of `Sharing`;
        `matrix_product`: the fields of `MatrixProduct`, or None where groups make several products;
        `stacks`: the fields of two `Stack`s, the layer and the 3x3 layers that see as much; None unless its window is
        square, odd and larger than 3x3;
        `reduction`: the fields of `Reduction`, and in `maps` how many the 1x1 layer leaves, a quarter of the input's;
        None for 1x1 filters, for groups, and for inputs of fewer than 4 channels.

    Raises:
        ArchitectureError: no convolution stands at `path`; lists those there are.
    """
    step = _find(architecture, path)
    shared, product, both, reduced = _compared(step, architecture)
    return {
        "path": step.path,
        "name": layer_notation(step.layer),
        "input": list(step.input),
        "output": list(step.output),
        "parameters": asdict(shared),
        "matrix_product": product and asdict(product),
        "stacks": both and [asdict(stack) for stack in both],
        "reduction": reduced and {"maps": step.input[0] // REDUCED_TO, **asdict(reduced)},
    }


def format_alternatives(architecture: Architecture, path: str) -> str:
    """Comparison of one convolution of a network with its alternatives, as text of at most 80 columns.

    It gives the parameters with shared, unshared and fully connected weights, the sizes as one matrix product, the cost
    of a stack of 3x3 that sees as much, and the parameters behind a 1x1 reduction; what does not apply is left out.

    Args:
        architecture: the network.
        path: where the convolution stands, as in "0" or "5.body.0"; also as the layer table shortens it, where only one
            layer is meant.

    Raises:
        ArchitectureError: no convolution stands at `path`; lists those there are.
    """
    step = _find(architecture, path)
    shared, product, both, reduced = _compared(step, architecture)
    title = f"layer {step.path}: {layer_notation(step.layer)}, {_map(step.input)} -> {_map(step.output)}"
    lines = wrap(title, WIDTH, subsequent_indent="  ")
    lines += ["", "parameters if its weights are"]
    lines += _aligned(
        [
            ("shared by all places (CONV)", f"{shared.shared:,}"),
            ("unshared (LOCAL, locally connected)", f"{shared.unshared:,}"),
            ("fully connected (FC)", f"{shared.fully_connected:,}"),
        ]
    )
    if product:
        lines += [
            "",
            "as one matrix product (im2col): filters · windows = result",
            f"  {_matrix(product.filters)} · {_matrix(product.windows)} = {_matrix(product.result)}",
            f"  {product.copies:,.1f} copies of each input cell on average",
        ]
    if both:
        lines += ["", f"one large filter, or a stack that sees {_cells(both[0].receptive_field)} as well"]
        lines += _aligned([("", "parameters", "MACs", "nonlinearities", "activations"), *map(_stack, both)])
    if reduced:
        lines += [
            "",
            f"parameters behind a 1x1 reduction to {step.input[0] // REDUCED_TO:,} of its {step.input[0]:,} maps",
            *_aligned([("alone", f"{reduced.direct:,}"), ("with the 1x1 before it", f"{reduced.reduced:,}")]),
        ]
    return "\n".join(lines) + "\n"


def _find(architecture: Architecture, path: str) -> Step:
    """The step of the convolution at `path`, as JSON has it or, where that is clear, as the table shortens it."""
    steps = {step.path: step for step in architecture.steps}
    shortened = [step for step in architecture.steps if place(step.path) == path]
    step = steps.get(path) or (shortened[0] if len(shortened) == 1 else None)
    if step and isinstance(step.layer, Conv):
        return step
    convolutions = [step.path for step in architecture.steps if isinstance(step.layer, Conv)]
    if not convolutions:
        raise ArchitectureError(f"layer {path:.60}: no layer of this network is a convolution")
    more = f", … {len(convolutions):,} in all" if len(convolutions) > MOST_LISTED else ""
    listed = f"Convolutions: {', '.join(convolutions[:MOST_LISTED])}{more}."
    if step:
        kind = layer_notation(step.layer).partition("[")[0]
        raise ArchitectureError(f"layer {path:.60}: {kind} is not a convolution", listed)
    close = nearest(path, convolutions)
    hint = f"{close} " if close.startswith("Did you mean") else ""
    raise ArchitectureError(f"layer {path:.60}: this network has none there", hint + listed)


def _compared(
    step: Step, architecture: Architecture
) -> tuple[Sharing, MatrixProduct | None, tuple[Stack, Stack] | None, Reduction | None]:
    conv = cast("Conv", step.layer)
    maps = cast("tuple[int, int, int]", step.input)
    fit = architecture.fit
    rows, columns = conv.kernel
    stackable = rows == columns and rows > 3 and rows % 2 == 1
    reducible = rows * columns > 1 and conv.groups == 1 and maps[0] >= REDUCED_TO
    return (
        sharing(conv, maps, fit),
        matrix_product(conv, maps, fit) if conv.groups == 1 else None,
        stacks(conv, maps, fit) if stackable else None,
        reduction(maps[0], maps[0] // REDUCED_TO, conv) if reducible else None,
    )


def _stack(stack: Stack) -> tuple[str, ...]:
    name = f"{stack.layers:,} of {stack.kernel}x{stack.kernel}"
    parameters = f"{stack.parameters:,}" if stack.parameters < 10**12 else short(stack.parameters)  # five columns
    return name, parameters, short(stack.macs), f"{stack.nonlinearities:,}", short(stack.activations)


def _map(shape: Sequence[int]) -> str:
    return _cells((*shape[1:], shape[0]))


def _cells(cells: Sequence[int]) -> str:
    return "x".join(map(str, cells))


def _matrix(size: tuple[int, int]) -> str:
    return f"[{size[0]} x {size[1]}]"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Indented columns, the first of words, the others of numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
