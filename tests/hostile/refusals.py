"""What an error of ours says, where reading may be refused as well as not, and how long that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convscape.spaces import ConvscapeError

if TYPE_CHECKING:
    from collections.abc import Callable

HANG = 20.0
"""Seconds of the processor after which reading one input hangs: a busy machine takes two for what takes a half."""


def refusal(read: Callable[..., Any], *arguments: Any) -> str | None:
    """What the error of ours says that `read` raises, None if it raises none; another's error is let through."""
    try:
        read(*arguments)
    except ConvscapeError as error:
        return str(error)
    return None
