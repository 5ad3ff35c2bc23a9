"""Text that somebody else wrote, as it is shown to a person."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""`text` with every character written out that a terminal would act on or that does not show; lines stay lines.

    >>> printable("cats\x1b[2J and dogs\nübrigens")
    'cats\\x1b[2J and dogs\nübrigens'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)
