"""Where a store of MLflow is looked at: an address on a server, or the command that starts one."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from urllib.parse import urlencode

from ...search.tracking import TRAINING, VIEW, connect_store, hide, public_address, runs_address, sqlite_file
from ...spaces import SweepError

PATIENCE = 5
"""Seconds that a server may take to say where an experiment is."""


def links(uri: str, experiment: str = "", run_id: str | None = None, *, sweep: str | None = None) -> str:
    """How to look at a store of MLflow: an address on a server, or the command that starts one.

    The address is that of the experiment's training runs, of one run, or of a sweep's trials, best first; it is that of
    the server alone where the experiment is not found. The command is for a shell, quoted, with the `mlflow` of
    this environment where there is one; the shell puts in what `${NAME}` stands for. No password is in either.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow; "" for none.
        run_id: of the run to look at; None for none.
        sweep: id of a sweep's own run, to look at its trials; it goes before `run_id`.
    """
    if not uri.startswith(("http://", "https://")):
        beside = Path(sys.executable).with_name("mlflow")
        program = str(beside) if beside.exists() else "mlflow"
        database = sqlite_file(uri)
        store = _in_shell(hide(uri)) if database is None else shlex.quote(f"sqlite:///{database}")
        return f"{shlex.quote(program)} ui --backend-store-uri {store} --host 127.0.0.1 --port 5000"
    from mlflow.exceptions import MlflowException

    base = public_address(uri)
    try:
        found = connect_store(hide(uri), PATIENCE).get_experiment_by_name(experiment) if experiment else None
    except (MlflowException, SweepError):  # it is away, or its password is not in the environment
        found = None
    if found is None:
        return base
    if run_id is not None and sweep is None:
        return f"{base}/#/experiments/{found.experiment_id}/runs/{run_id}?{urlencode(TRAINING)}"
    return runs_address(base, found.experiment_id, sweep, view=f"{VIEW}{sweep}" in found.tags)


def _in_shell(uri: str) -> str:
    """The URI as a word for a shell, which replaces each `${NAME}`."""
    return "".join(
        f'"{part}"' if part.startswith("${") else shlex.quote(part) for part in re.split(r"(\$\{\w+\})", uri) if part
    )
