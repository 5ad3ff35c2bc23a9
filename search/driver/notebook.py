"""Progress in a notebook: an output that is kept up to date in its place."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ...spaces import printable
from .view import progress_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from .phases import Phase
    from .progress import SweepProgress

WIDTH = 100
"""Columns of the output."""
_PRE = '<pre style="white-space:pre;overflow-x:auto;line-height:1.3;margin:0">{code}</pre>'


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class Notebook:
    """An output of the cell that runs, updated in its place; what is said stays above it.

    Args:
        display: shows a bundle of HTML and text, and gives a handle to update it by: IPython's when not given.
    """

    def __init__(self, display: Callable[..., Any] | None = None) -> None:
        self._display, self._handle = display, None
        self._said: list[str] = []
        self._shown: dict[str, str] = {}

    def open(self) -> None:
        """Does nothing: the output begins with what is shown first."""

    def draw(self, phases: Sequence[Phase], progress: SweepProgress | None) -> None:
        """Shows phases and progress in place of those before."""
        self._show([*self._said, progress_view(phases, progress, WIDTH)])

    def say(self, text: str) -> None:
        """Keeps `text` in the output, above the view."""
        from ..tracking import without_secrets

        self._said.append(printable(without_secrets(text)))
        self._show(self._said)

    def close(self) -> None:
        """Wipes the view; what was said stays."""
        self._show(self._said)

    def _show(self, parts: Sequence[str | RenderableType]) -> None:
        bundle = _bundle(parts)
        if self._handle is None:
            self._handle = (self._display or _ipython_display())(bundle, raw=True, display_id=True)
        elif bundle != self._shown:
            self._handle.update(bundle, raw=True)
        self._shown = bundle


def _bundle(parts: Sequence[str | RenderableType]) -> dict[str, str]:
    page = Console(
        record=True, file=io.StringIO(), width=WIDTH, highlight=False, force_jupyter=False, force_terminal=True
    )
    for part in parts:
        page.print(part, markup=False, soft_wrap=isinstance(part, str))
    html = page.export_html(inline_styles=True, code_format=_PRE, clear=False)
    return {"text/html": html, "text/plain": page.export_text()}


def _ipython_display() -> Callable[..., Any]:
    from IPython.display import display  # pyright: ignore[reportMissingImports] - there is one in a notebook

    return display
