"""What a shell completes: names of sweeps, sweep files and classics. Quick, and silent where anything is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 - Typer reads the annotations when it runs

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 1000
"""Entries of a folder that are looked at, at most."""
_SAFE = re.compile(r"[\w./~+@,-]+")
"""What is completed: shells take other characters for something else, and evaluate what they are given."""


def sweep_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the sweeps in the folder that --folder names, or else the usual one.

    Args:
        context: the command's, as far as it was typed.
        incomplete: what was typed of the name.
    """
    from ..search.files import CONFIG

    folder = Path(context.params.get("folder") or "sweeps")
    found = (entry.name for entry in _inside(folder, incomplete) if (entry / CONFIG).is_file())
    return sorted(name for name in found if _SAFE.fullmatch(name))


def sweep_files(incomplete: str) -> list[str]:
    """Sweep files in the folder that was typed so far and in those inside it; none of other names than *.yaml, *.yml.

    Args:
        incomplete: what was typed of the path.
    """
    head, slash, start = incomplete.rpartition("/")
    folder, begun = Path(head + slash or "."), head + slash
    found = [*_yaml(folder, start)]
    for inner in _inside(folder, start):
        found += (f"{inner.name}/{name}" for name in _yaml(inner, ""))
    return sorted(begun + name for name in found if _SAFE.fullmatch(begun + name))


def classics(incomplete: str) -> list[str]:
    """Names of classic networks.

    Args:
        incomplete: what was typed of the name.
    """
    from ..spaces import CLASSICS

    return [name for name in CLASSICS if name.startswith(incomplete)]


def _yaml(folder: Path, start: str) -> Iterator[str]:
    return (entry.name for entry in _inside(folder, start) if entry.suffix in (".yaml", ".yml"))


def _inside(folder: Path, start: str) -> list[Path]:
    """What is in a folder under a name that begins so; hidden ones are left out until their dot is typed."""
    try:
        inside = [entry for entry, _ in zip(folder.expanduser().iterdir(), range(MOST), strict=False)]
        return [
            entry
            for entry in inside
            if entry.name.startswith(start) and (start.startswith(".") or not entry.name.startswith("."))
        ]
    except (OSError, RuntimeError, ValueError):  # no such folder, no home, or no path at all
        return []
