"""Trials of several sweeps in one pandas frame, for scripts and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spaces import ConfigError
from .page import read_sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd


def compare(
    names: str | Sequence[str], folder: str | Path = "sweeps", *, uri: str | None = None, experiment: str | None = None
) -> pd.DataFrame:
    """All trials of sweeps in one pandas frame, a row each; the column "sweep" says of which.

    The columns are those of `search.frames.TRIAL_COLUMNS` (accuracies from 0 to 1, memory in bytes, latency and
    seconds in seconds), then one for each setting that a sampler chose, None or NaN where a trial was not asked for it.

    Args:
        names: of the sweeps, or of one.
        folder: the folder that holds sweeps, or its URL.
        uri: MLflow's tracking URI of a store to read in place of a folder, such as "http://127.0.0.1:5000".
        experiment: name of the experiment in that store; "convscape" where not given.

    Raises:
        ConfigError: no sweep is named.
        SweepError: there is no such sweep, or it cannot be read; the store does not answer.

    >>> convscape.compare(["digits", "leaves"]).groupby("sweep")["accuracy"].max()  # doctest: +SKIP
    """
    import pandas as pd

    if not names and uri is None:
        raise ConfigError("no sweep is named", 'Name one or several: convscape.compare(["digits", "leaves"]).')
    named = [names] if isinstance(names, str) else list(names)
    sources = read_sources(named, folder, uri=uri, experiment=experiment)
    return pd.concat([source.frames.trials for source in sources], ignore_index=True)
