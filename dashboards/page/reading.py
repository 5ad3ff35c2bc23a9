"""Reads sweeps for the page and for comparisons, by name, from a folder or from a store of MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search import Sweep
from ...spaces import SweepError
from ..queries import stored_sweeps
from .sources import source_of
from .stored import stored_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .sources import SweepSource

EXPERIMENT = "convscape"
"""The experiment of MLflow that sweeps are kept in where their files say nothing of it."""


def read_sources(
    names: Sequence[str], folder: str | Path, *, uri: str | None = None, experiment: str | None = None
) -> list[SweepSource]:
    """Sweeps of a folder, or of a store of MLflow, as the page's sources, in the order in which they are named.

    Args:
        names: of the sweeps; with `uri` all of the experiment, where none is named.
        folder: the folder that holds sweeps, or its URL.
        uri: MLflow's tracking URI of a store to read in place of a folder.
        experiment: name of the experiment in that store; EXPERIMENT where not given.

    Raises:
        SweepError: there is no such sweep, or it cannot be read; the store does not answer.
    """
    if uri is None:
        return [source_of(Sweep.open(name, folder)) for name in names]
    within = experiment or EXPERIMENT
    found = list(names) or [sweep.name for sweep in stored_sweeps(uri, within)]
    if not found:
        raise SweepError(f"experiment '{within:.80}' has no sweep", "Name another with --experiment.")
    return [stored_source(uri, within, name) for name in found]
