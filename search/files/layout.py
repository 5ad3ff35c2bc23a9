"""Names of the files and folders in a sweep's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "config.json"
"""The sweep file as JSON, every default written out."""
INPUTS = "inputs.json"
"""What the sweep learns from: fingerprints of its images and weights, and the settings that may not change."""
LOCK = "lock"
"""The file that is locked by the process that runs the sweep."""
PRECISION = "precision.json"
"""The precision that was measured to be the faster one, and how."""
PROGRESS = "heartbeat.json"
"""How far the sweep is, as the process that runs it wrote last."""
SPOOL = "spool.jsonl"
"""What is to be sent to MLflow, a JSON line for each report."""
LINES, SPOOLED = "lines", "spooled"
"""Keys in heartbeat.json of how many lines the study and the spool have at least."""
STOP = "stop"
"""A file that `convscape stop` makes: the sweep ends as with Ctrl-C, and removes it."""
STUDY = "study.jsonl"
"""Optuna's journal: the one truth of the sweep."""
TRIALS = "trials"
"""Folder that holds a folder of checkpoints for each trial."""
UPLOADED = "uploaded.jsonl"
"""What of the spool is in MLflow, and the run ids there."""


def trial_folder(sweep: Path, number: int) -> Path:
    """The folder that holds the checkpoints of one trial.

    Args:
        sweep: the sweep's folder.
        number: the trial's number.
    """
    return sweep / TRIALS / f"{number:05d}"
