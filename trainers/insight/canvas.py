"""Draws grids of small pictures, with words beside them, and charts; gives them as the bytes of a PNG."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torchvision.utils import make_grid

from ...spaces import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from torch import Tensor

DPI = 100
TILE = 72
"""Pixels of a tile's longer side in a grid, about: smaller pictures are enlarged by a whole number."""
PADDING = 4
"""Pixels between tiles."""
FONT, LINE = 8.5, 14
"""Size of letters, in points, and the height of their line, in pixels."""
LETTER = 7
"""Pixels of a letter's width, on average."""
LONGEST = 18
"""Letters of a label, at most; longer ones are cut."""
GOOD, BAD = (0.10, 0.45, 0.85), (0.90, 0.45, 0.0)
"""Blue and orange, which people who cannot tell red from green can tell apart."""


def short(text: str, most: int = LONGEST) -> str:
    """A name by others as a label: in one line, cut where it is long, and nothing in it that steers what draws it."""
    plain = printable(text).replace("\n", "\\n")
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def as_colour(images: Tensor) -> Tensor:
    """Images of any number of channels as three: grey and many channels as their mean, 3 channels as they are.

    Args:
        images: (N, C, H, W), 0 to 1.
    """
    return images if images.shape[1] == 3 else images.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def enlarged(tiles: Tensor, size: int = TILE) -> Tensor:
    """Tiles (N, C, H, W) brought to about `size` pixels: cell by cell where they are smaller, averaged where larger."""
    height, width = tiles.shape[2:]
    times = round(size / max(height, width))
    if times >= 1:
        return tiles.repeat_interleave(times, 2).repeat_interleave(times, 3)
    scale = size / max(height, width)
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    return F.interpolate(tiles, shape, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def heat(values: Tensor, colours: str = "viridis", low: float = 0.0, high: float = 1.0) -> Tensor:
    """Maps (N, H, W) in false colours, (N, 3, H, W) from 0 to 1; `low` to `high` is the span of the colours."""
    from matplotlib import colormaps

    span = max(high - low, 1e-12)
    coloured = colormaps[colours](((values - low) / span).clamp(0, 1).numpy())
    return torch.from_numpy(coloured[..., :3]).float().permute(0, 3, 1, 2)


def framed(tiles: Tensor, colour: tuple[float, float, float], width: int = 3) -> Tensor:
    """Tiles (N, 3, H, W) with a frame of one colour drawn over their edge."""
    made = tiles.clone()
    for at, value in enumerate(colour):
        for edge in (made[:, at, :width], made[:, at, -width:], made[:, at, :, :width], made[:, at, :, -width:]):
            edge.fill_(value)
    return made


def grid(
    tiles: Tensor,
    columns: int,
    *,
    rows: Sequence[str] = (),
    heads: Sequence[str] = (),
    captions: Sequence[str] = (),
    most: int = LONGEST,
) -> bytes:
    """Tiles in rows, as a PNG in which each cell of a tile is a square of pixels.

    Args:
        tiles: (N, 3, H, W), 0 to 1, as large as they are to be seen.
        columns: tiles in a row.
        rows: a label for each row, to its left.
        heads: a label for each column, above it.
        captions: a label for each tile, below it; "" for none. A line feed parts lines.
        most: letters of a label's line, at most.
    """
    rows, heads = [short(each, most) for each in rows], [short(each, most) for each in heads]
    lines = [[short(line, most) for line in caption.split("\n")] for caption in captions]
    height, width = tiles.shape[2:]
    below = LINE * max((len(each) for each in lines if each != [""]), default=0)
    # Captions need room for their words, whatever the tile's width.
    beside = max(0, LETTER * max((len(line) for each in lines for line in each), default=0) - width)
    beside = max(beside, LETTER * max(map(len, heads), default=0) - width)
    left = beside // 2
    padded = F.pad(tiles, (left, beside - left, 0, below), value=1.0)
    columns = min(columns, len(tiles))
    picture = make_grid(padded, nrow=columns, padding=PADDING, pad_value=1.0)
    margin = LETTER * max(map(len, rows), default=0) + 12 * bool(rows)
    top = LINE + 2 if heads else 0
    figure, axes = _figure(picture.shape[2] + margin, picture.shape[1] + top)
    axes.set_position((margin / (picture.shape[2] + margin), 0, picture.shape[2] / (picture.shape[2] + margin),
                       picture.shape[1] / (picture.shape[1] + top)))  # fmt: skip
    axes.imshow(picture.permute(1, 2, 0).numpy(), interpolation="nearest", aspect="auto")
    axes.axis("off")
    across, down = width + beside + PADDING, height + below + PADDING
    for at, text in enumerate(rows):
        _write(axes, -4, PADDING + at * down + height / 2, text, "right", "center")
    for at, text in enumerate(heads):
        _write(axes, PADDING + at * across + left + width / 2, -2, text, "center", "bottom")
    for at, caption in enumerate(lines):
        x, y = PADDING + (at % columns) * across + left + width / 2, PADDING + (at // columns) * down + height
        for line, text in enumerate(caption):
            _write(axes, x, y + 1 + line * LINE, text, "center", "top")
    return _png(figure)


def bars(names: Sequence[str], shares: Sequence[tuple[str, Sequence[float]]]) -> bytes:
    """A chart of lying bars, a row for each name and in it a bar for each kind of share; shares are from 0 to 1.

    Args:
        names: of the rows.
        shares: the name of each kind, and a share for each row.
    """
    figure, axes = _figure(720, 60 + 22 * len(names) * len(shares))
    thick, at = 0.8 / len(shares), np.arange(len(names))
    for number, (kind, values) in enumerate(shares):
        drawn = axes.barh(at + number * thick, values, thick * 0.9, label=kind, color=(GOOD, BAD)[1 - number % 2])
        for bar, value in zip(drawn, values, strict=True):
            _write(axes, min(value, 0.9) + 0.01, bar.get_y() + bar.get_height() / 2, f"{value:.0%}", "left", "center")
    axes.set_yticks(at + 0.4 - thick / 2, [short(name, 44) for name in names], fontsize=FONT, parse_math=False)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"], fontsize=FONT)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=FONT, loc="upper center", bbox_to_anchor=(0.4, -30 / (22 * len(names) * len(shares))),
                ncols=len(shares), frameon=False)  # fmt: skip
    return _png(figure, tight=True)


def scatter(points: NDArray[np.float64], groups: Sequence[tuple[str, NDArray[np.bool_]]], rest: str = "") -> bytes:
    """Points on a plane, those of each group in a colour and a shape of their own.

    Args:
        points: (N, 2).
        groups: name and members, (N,), of each; at most 20.
        rest: what the points of no group are called; they are drawn grey.
    """
    from matplotlib import colormaps

    figure, axes = _figure(860, 620)
    colours, shapes = colormaps["tab10"], "o^"
    others = ~np.any([member for _, member in groups], axis=0) if groups else np.ones(len(points), bool)
    if others.any():
        axes.scatter(*points[others].T, s=14, color="0.75", label=short(rest))
    for at, (name, member) in enumerate(groups):
        label = short(name).lstrip("_") or " "  # matplotlib leaves out of a legend what begins with an underscore
        colour, shape = colours(at % 10), shapes[at // 10 % 2]
        axes.scatter(*points[member].T, s=18, marker=shape, color=colour, label=label, alpha=0.8, linewidths=0)
    axes.set_xticks([])
    axes.set_yticks([])
    legend = axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=FONT, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return _png(figure, tight=True)


def _figure(width: int, height: int) -> tuple[Figure, Axes]:
    """A figure of so many pixels, filled by its axes, that pyplot knows nothing of."""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure, figure.add_axes((0, 0, 1, 1))


def _write(axes: Axes, x: float, y: float, text: str, across: str, down: str) -> None:
    axes.text(x, y, text, ha=across, va=down, fontsize=FONT, clip_on=False, parse_math=False)


def _png(figure: Figure, *, tight: bool = False) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings():  # of letters that the font lacks, which become boxes
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(written, dpi=DPI, bbox_inches="tight" if tight else None, metadata={"Software": None})
    return written.getvalue()
