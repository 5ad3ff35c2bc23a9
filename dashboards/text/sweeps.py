"""Lists the sweeps of a folder, each in a line: how it stands, and the best that it has."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...search import Sweep
from ...search.driver import read_progress
from ...spaces import SweepError
from .status import state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLine:
    """One sweep of a folder, by what its driver wrote last."""

    name: str
    """The sweep's name."""
    state: str
    """running, ended, interrupted, failed or died; "unreadable" where its files are damaged."""
    trials: int = 0
    """Trials of the search that ended."""
    best: float | None = None
    """The highest validation accuracy so far, 0 to 1; None before there is any."""
    parameters: int | None = None
    """The parameters of the network that reached it."""
    written: float | None = None
    """When its driver wrote last, in seconds since 1970."""
    problem: str = ""
    """Why it is unreadable."""


def sweep_lines(folder: Path) -> list[SweepLine]:
    """The sweeps of a folder, the one written last first; none where there is no such folder.

    Args:
        folder: the folder that holds sweeps, as `folder` in the sweep file.
    """
    found = [_line(config.parent.name, folder) for config in folder.glob("*/config.json")]
    return sorted(found, key=lambda line: (-(line.written or 0.0), line.name))


def _line(name: str, folder: Path) -> SweepLine:
    try:
        sweep = Sweep.open(name, folder)
        how, progress = state(sweep), read_progress(sweep.folder)
    except SweepError as error:
        return SweepLine(name=name, state="unreadable", problem=error.message)
    if progress is None:
        return SweepLine(name=name, state=str(how))
    has = progress.trial is not None
    return SweepLine(
        name=name,
        state=str(how),
        trials=progress.ended,
        best=progress.accuracy if has else None,
        parameters=progress.parameters if has else None,
        written=progress.time,
    )


def sweeps_table(lines: Sequence[SweepLine]) -> str:
    """Sweeps as a table for people.

    Args:
        lines: as `sweep_lines` gives them.
    """
    wide = max(len("sweep"), *(len(line.name) for line in lines))
    rows = [f"{'sweep':<{wide}}  {'state':<11} {'trials':>7} {'accuracy':>9} {'params':>12}  last written"]
    for line in lines:
        best = "" if line.best is None else f"{line.best:.4f}"
        parameters = "" if line.parameters is None else f"{line.parameters:,}"
        when = "" if line.written is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(line.written))
        rows.append(
            f"{line.name:<{wide}}  {line.state:<11} {line.trials:>7,} {best:>9} {parameters:>12}  {when}{line.problem}"
        )
    return "\n".join(rows)
