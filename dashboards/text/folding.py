"""Long lines in the columns of a terminal."""

from __future__ import annotations

import textwrap

from ...spaces import WIDTH


def folded(*lines: str) -> list[str]:
    """The lines, each in WIDTH columns: words stay whole, what is indented goes on deeper, and empty lines stay.

    >>> [len(line) for line in folded("  " + "word " * 20)]
    [76, 29]
    """
    return [part for line in lines for part in _folded(line)]


def _folded(line: str) -> list[str]:
    deeper = " " * 4 * line.startswith(" ")
    return textwrap.wrap(line, WIDTH, subsequent_indent=deeper, break_long_words=False, break_on_hyphens=False) or [""]
