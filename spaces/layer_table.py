"""Prints the layers of a network with their costs, and the memory it takes, as text that fits 80 columns."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from .cost import cost_table

if TYPE_CHECKING:
    from .memory import Memory, Precision
    from .tracing import Traced

WIDTH = 80
"""Columns of the text, at most."""
LONGEST_PATH = 16
"""Characters of a layer's place that are shown: its end, where blocks are nested deeply."""

_HEADER = ("layer", "", "output", "params", "%", "MACs", "%", "activ.", "sees")
_TEXTS = 3
"""Columns from the left that hold words; the others hold numbers."""


def format_layer_table(architecture: Traced) -> str:
    """A network's layer table as text of at most 80 columns, one line a layer, then the totals.

    A line gives the layer's place, the layer, its output as HxWxC, parameters, MACs and their share of the total in
    percent, activations and receptive field. A block's branches are numbered, its shortcut is called "skip".
    """
    cost = cost_table(architecture)
    totals = cost.totals
    rows: list[tuple[str, ...]] = [_HEADER]
    for row in cost.rows:
        output = "x".join(map(str, (*row.output[1:], row.output[0]) if len(row.output) == 3 else row.output))
        counts = (
            _count(row.parameters), _percent(row.parameters, totals.parameters),
            _count(row.macs), _percent(row.macs, totals.macs), _count(row.activations),
        )  # fmt: skip
        rows.append((place(row.path), row.name, output, *counts, _field(row.receptive_field)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    spare = WIDTH - sum(widths) - sum(map(_gap, _HEADER[1:]))
    widths[1] = max(8, widths[1] + min(0, spare))
    lines = [line for row in rows for line in _lines(row, widths)]
    lines.insert(1, "-" * min(WIDTH, max(map(len, lines))))
    lines.append(lines[1])
    lines.append(
        f"{totals.parameters:,} parameters, {short(totals.macs)} MACs, {short(totals.activations)} activations "
        f"an image; sees {'x'.join(map(str, totals.receptive_field))}"
    )
    return "\n".join(lines) + "\n"


def format_memory_table(
    architecture: Traced, batch: int = 64, optimizer: str = "sgd", precision: Precision = "float32"
) -> str:
    """What classifying one image takes, and what a training step takes, as lines of at most 80 columns.

    Args:
        architecture: the network.
        batch: images of the training step.
        optimizer: "sgd", "adamw" or "none".
        precision: of weights and activations alike.

    Raises:
        ArchitectureError: an unknown precision or optimizer.
    """
    cost = cost_table(architecture)
    inference = cost.inference_memory(1, precision)
    training = cost.training_memory(batch, precision, optimizer)
    setting = f"{batch:,} image{'' if batch == 1 else 's'}, {'no optimizer' if optimizer == 'none' else optimizer}"
    return "".join(
        (
            f"memory in {precision}, to classify 1 image: {readable_bytes(inference.total)}\n{_parts(inference)}",
            f"memory of a training step, {setting}: {readable_bytes(training.total)}\n{_parts(training)}",
        )
    )


def short(count: float) -> str:
    """A count in at most five characters, its unit (k, M, G, T or P, of 1,000) included.

    >>> short(138_357_544), short(34_944), short(512)
    ('138M', '34.9k', '512')
    """
    for unit in ("", "k", "M", "G", "T", "P"):
        if count < 999.5 or unit == "P":
            return f"{count:.0f}{unit}" if unit == "" or count >= 99.95 else f"{count:.1f}{unit}"
        count /= 1000
    raise AssertionError


def readable_bytes(size: float) -> str:
    """Bytes in the unit that suits, 1,024 of each to the next.

    >>> readable_bytes(15_237_608 * 4), readable_bytes(1_536), readable_bytes(40)
    ('58.1 MiB', '1.5 KiB', '40 bytes')
    """
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        size /= 1024
        if size < 999.5 or unit == "PiB":
            return f"{size:,.0f} {unit}" if size >= 99.95 else f"{size:.1f} {unit}"
    raise AssertionError


def _parts(memory: Memory) -> str:
    """What a memory is made of, indented."""
    parts = ("parameters", "gradients", "optimizer", "activations", "working")
    shown = [f"{name} {readable_bytes(size)}" for name in parts if (size := getattr(memory, name))]
    unbroken = ", ".join(part.replace(" ", "\u00a0") for part in shown)
    return "".join(f"  {line}\n" for line in wrap(unbroken, WIDTH - 2)).replace("\u00a0", " ")


def place(path: str) -> str:
    """A layer's path in short, for the table: "5.branches.0.1" as "5.0.1"; of a long one the end, after "…"."""
    path = path.replace("branches.", "").replace("shortcut", "skip")
    return path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:].partition('.')[2]}"


def _count(count: int) -> str:
    return short(count) if count else ""


def _percent(part: int, whole: int) -> str:
    """`part` of `whole` in percent, three characters at most; nothing of nothing."""
    if not part:
        return ""
    share = 100 * part / whole
    return f"{share:.0f}" if share >= 9.95 else f"{share:.1f}"


def _field(field: tuple[int, int]) -> str:
    """A square field by its side alone."""
    return str(field[0]) if field[0] == field[1] else f"{field[0]}x{field[1]}"


def _gap(header: str) -> int:
    """Spaces before a column: a share stands closer to what it is a share of."""
    return 1 if header == "%" else 2


def _lines(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """A row, and below it what its name is too long for."""
    place, name, *cells = row
    first, *more = wrap(name, widths[1] - 1 if len(name) > widths[1] else widths[1]) or [""]
    empty = [""] * len(cells)
    return [_line((place, first, *cells), widths), *(_line(("", f" {part}", *empty), widths) for part in more)]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    line = ""
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        line += " " * _gap(_HEADER[column]) if column else ""
        line += cell.ljust(width) if column < _TEXTS else cell.rjust(width)
    return line.rstrip()
