"""A page's sweep out of a store of MLflow, wherever it ran: no folder is at hand."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from ...search.frames import sweep_frames
from ...search.records import ranked
from ...search.tracking import sqlite_file
from ..mlflow_pages import RUN, MlflowPages, sqlite_pages
from ..queries import links, stored_records
from .sources import SweepSource

if TYPE_CHECKING:
    from ..queries import StoredSweep, StoredTrials

ROW = re.compile(r"- (data|search|time|budget|space): (.+)")
"""What a line of a sweep's description is that says what was asked of the sweep."""
LONGEST = 300
"""Characters of a description that are shown where no line of it says what was asked."""


def stored_source(uri: str, experiment: str, sweep: str) -> SweepSource:
    """A sweep in MLflow as the page's source.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.
        sweep: name of the sweep.

    Raises:
        SweepError: the store does not answer, or has no such experiment or sweep.
    """
    return source_of_trials(uri, experiment, stored_records(uri, experiment, sweep))


def source_of_trials(uri: str, experiment: str, found: StoredTrials) -> SweepSource:
    """What was read of a sweep in MLflow as the page's source.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.
        found: what was read.
    """
    name, parent = found.sweep.name, found.sweep.run_id
    pages = _pages(uri, experiment, parent)
    best = next(iter(ranked(found.records)), None)
    nothing = "No trial of it has a result in MLflow." if best is None and not found.sweep.running else ""
    return SweepSource(
        name=name,
        state=found.state,
        asked=asked_in(found.description),
        frames=sweep_frames(found.records, sweep=name, run_ids=found.run_ids, objectives=found.objectives),
        images=found.images,
        problem=nothing,
        notes=tuple(found.notes),
        run_link=pages.run,
        sweep_link=pages.trials,
        command=pages.command,
        answer=found.answer,
        digest="" if best is None else best.design.architecture.digest,
    )


def _pages(uri: str, experiment: str, parent: str) -> MlflowPages:
    """The addresses of a sweep in MLflow; of a store without a server those that the command serves."""
    if uri.startswith(("http://", "https://")):
        return MlflowPages(run=links(uri, experiment, RUN), trials=links(uri, experiment, sweep=parent), command=None)
    shown, command = None, links(uri)
    if (database := sqlite_file(uri)) is not None:
        shown = sqlite_pages(database, experiment, parent, command=command)
    return MlflowPages(run=None, trials=None, command=command) if shown is None else shown


def asked_in(description: str) -> tuple[tuple[str, str], ...]:
    """What was asked of a sweep, in pairs such as ("search", "40 trials"), by the description of its own run.

    Args:
        description: Markdown; where somebody wrote another one, what it begins with.
    """
    lines = [line.strip() for line in description.splitlines() if line.strip()]
    rows = [(found[1], _plain(found[2])) for line in lines if (found := ROW.fullmatch(line))]
    told = _plain(" ".join(lines)[:LONGEST])
    return tuple(rows) or ((("description", told),) if told else ())


def _plain(markdown: str) -> str:
    """A line of Markdown without the signs that keep its text from being markup."""
    return unescape(re.sub(r"\\([^\w\s])", r"\1", markdown))


def stored_progress(sweep: StoredSweep) -> dict[str, Any] | None:
    """How far a sweep is that MLflow takes to be running, for the page; None for one that is not.

    Args:
        sweep: the sweep.
    """
    if not sweep.running:
        return None
    ended = sweep.trials - sweep.counts.get("unfinished", 0)
    line = f"{ended:,} trials ended, {sweep.counts.get('unfinished', 0):,} unfinished, as MLflow has it"
    return {"line": line, "done": None, "trials": []}
