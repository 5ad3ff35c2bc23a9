"""Lists the sweeps of a folder, each in a line: how it stands, and the best that it has."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...search import Sweep
from ...search.bucket import sweeps_in
from ...search.driver import read_progress
from ...search.files import former_sweeps, how_to_put_back, is_locked, url_of
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
    """Trials of the search that began: an interrupted sweep has a best one before any has ended."""
    best: float | None = None
    """The highest validation accuracy so far, 0 to 1; None before there is any."""
    parameters: int | None = None
    """The parameters of the network that reached it."""
    written: float | None = None
    """When its driver wrote last, in seconds since 1970."""
    question: str = ""
    """The design question that the sweep asks, of whose trials none is the best; "" for a search."""
    problem: str = ""
    """Why it is unreadable."""
    put_back: str = ""
    """The shell's command that puts back the sweep that it was to replace; "" where none was left, or while it runs."""


def sweep_lines(folder: Path) -> list[SweepLine]:
    """The sweeps of a folder, the one written last first; none where there is no such folder.

    Args:
        folder: the folder that holds sweeps, as `folder` in the sweep file.
    """
    url = url_of(folder)
    there = set(sweeps_in(url)) if url else {config.parent.name for config in folder.glob("[!.]*/config.json")}
    aside = {path.name[1:].rpartition(".former")[0] for path in folder.glob(".*.former*")}
    found = [_line(name, folder) for name in there | {name for name in aside if former_sweeps(folder / name)}]
    return sorted(found, key=lambda line: (-(line.written or 0.0), line.name))


def _line(name: str, folder: Path) -> SweepLine:
    running = is_locked(folder / name)
    back = "" if running or not former_sweeps(folder / name) else how_to_put_back(folder / name)
    try:
        sweep = Sweep.open(name, folder)
        how, progress = state(sweep), read_progress(sweep.folder)
    except SweepError as error:
        return SweepLine(name=name, state="unreadable", problem=error.message, put_back=back)
    asked = sweep.config.question.ask if sweep.config.question else ""
    if progress is None:
        return SweepLine(name=name, state=str(how), question=asked, put_back=back)
    has = progress.trial is not None and not asked
    return SweepLine(
        name=name,
        state=str(how),
        trials=progress.begun,
        best=progress.accuracy if has else None,
        parameters=progress.parameters if has else None,
        written=progress.time,
        question=asked,
        put_back=back,
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
        what = f"{when}{f'  asks {line.question}' if line.question else ''}{line.problem}"
        rows.append(f"{line.name:<{wide}}  {line.state:<11} {line.trials:>7,} {best:>9} {parameters:>12}  {what}")
    rows += [
        f"{line.name} was to replace a sweep that is kept. To put that back: {line.put_back}"
        for line in lines
        if line.put_back
    ]
    return "\n".join(rows)
