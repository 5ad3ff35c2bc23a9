"""What an error of ours says, where reading may be refused as well as not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convscape.spaces import ConvscapeError

if TYPE_CHECKING:
    from collections.abc import Callable


def refusal(read: Callable[..., Any], *arguments: Any) -> str | None:
    """What the error of ours says that `read` raises, None if it raises none; another's error is let through."""
    try:
        read(*arguments)
    except ConvscapeError as error:
        return str(error)
    return None
