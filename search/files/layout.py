"""Where things lie in a sweep's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "config.json"
"""The sweep file, every default written out."""
INPUTS = "inputs.json"
"""What the sweep learns from: fingerprints of its images and weights, and the settings that may not change."""
LOCK = "lock"
"""Held by the process that runs the sweep."""
PRECISION = "precision.json"
"""The precision that was measured to be the faster one."""
PROGRESS = "heartbeat.json"
"""How the sweep stands, as its driver last wrote it."""
SPOOL = "spool.jsonl"
"""What MLflow is to be sent."""
STUDY = "study.jsonl"
"""Optuna's journal: the one truth of the sweep."""
TRIALS = "trials"
"""A folder of checkpoints a trial."""
UPLOADED = "uploaded.jsonl"
"""What of the spool is in MLflow."""


def trial_folder(sweep: Path, number: int) -> Path:
    """The folder of a trial's checkpoints in the folder of its sweep."""
    return sweep / TRIALS / f"{number:05d}"
