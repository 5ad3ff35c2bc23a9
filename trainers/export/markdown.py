"""Markdown that shows anybody's text and does nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...spaces import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a table, its first column to the left and the others to the right.

    Args:
        header: a text for each column.
        rows: of as many texts.
    """
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def block(text: str) -> list[str]:
    """The lines of a text that is shown as it is, in letters of equal width."""
    fence = "`" * max(3, _longest_run(text) + 1)  # nothing in the text ends the block
    return [fence, *printable(text).splitlines(), fence]


def code(text: str) -> str:
    """A text that is shown as it is inside a line, such as a command.

    >>> code("convscape sync digits")
    '`convscape sync digits`'
    """
    shown = printable(text).replace("\n", "\\n")
    fence = "`" * (_longest_run(text) + 1)
    return f"{fence}{shown}{fence}" if len(fence) == 1 else f"{fence} {shown} {fence}"


def plain(text: str) -> str:
    """Text of anybody's, such as a class's name, so that nothing in it is Markdown or HTML."""
    shown = printable(text).replace("\n", "\\n")
    return re.sub(r"([\\`*_\[\]|<>&#])", lambda found: f"&#{ord(found[0])};", shown)


def _longest_run(text: str) -> int:
    """How many backticks a text has in a row, at most."""
    return max(map(len, re.findall("`+", text)), default=0)


def image_size(shape: tuple[int, int, int]) -> str:
    """(C, H, W) of an image in words."""
    channels, height, width = shape
    return f"{height} x {width} pixels, {channels} {'channel' if channels == 1 else 'channels'}"
