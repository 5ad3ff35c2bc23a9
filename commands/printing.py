"""Output that neither steers the terminal nor tells a secret."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from ..spaces import printable

if TYPE_CHECKING:
    from ..search.driver import ProgressDisplay


def echo(text: str, *, err: bool = False) -> None:
    """Prints text; what files and folders of others hold cannot steer the terminal."""
    from ..search.tracking import without_secrets

    typer.echo(printable(without_secrets(text)), err=err)


def echo_json(value: Any) -> None:
    """Prints a value as one line of JSON, which stays JSON whatever is a secret."""
    from ..search.tracking import values_without_secrets

    typer.echo(json.dumps(values_without_secrets(value)))


def loading() -> ProgressDisplay:
    """What shows how far a command is, from its first moment on: PyTorch takes seconds to load."""
    from ..search.driver import LOADING, ProgressDisplay

    shown = ProgressDisplay()
    if "torch" not in sys.modules:
        shown.enter(LOADING)
    return shown
