"""Text that somebody else wrote, as it is shown to a person."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def printable(text: str) -> str:
    r"""`text` with every character written out that a terminal would act on or that does not show; lines stay lines.

    >>> printable("cats\x1b[2J and dogs\nübrigens")
    'cats\\x1b[2J and dogs\nübrigens'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as a notebook shows it; what cells hold is shown as text.

    Args:
        head: names of the columns.
        rows: a value for each column.

    >>> html_table(["class"], [["<b>"]])
    '<table><tr><th>class</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    lines = [f"<th>{'</th><th>'.join(escape(name) for name in head)}</th>"]
    lines += [f"<td>{'</td><td>'.join(escape(printable(str(value))) for value in row)}</td>" for row in rows]
    return f"<table><tr>{'</tr><tr>'.join(lines)}</tr></table>"
