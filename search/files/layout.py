"""Names of the files and folders in a sweep's folder."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from .buckets import url_of

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "config.json"
"""The sweep file as JSON, every default written out."""
INPUTS = "inputs.json"
"""What the sweep learns from: fingerprints of its images and weights, and the settings that may not change."""
LOOKS = "looks.jsonl"
"""How often the test images were looked at: a JSON line for each export."""
LOCK = "lock"
"""The file that is locked by the process that runs the sweep."""
MARK = ".driver"
"""The file by which a worker on another node knows that it sees the same folder, while the sweep runs on a cluster."""
PLACEMENT = "placement.json"
"""What `resources.gpus: auto` has learnt of the memory that trainings take."""
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
REACHED_BY = "CONVSCAPE_SUBMITTED_TO"
"""Variable of the environment that holds the address by which this machine was reached from another, at which what a
command advises will be typed."""
RETRAINED = "retrained"
"""Folder of the checkpoints of winners that an export trained again, a folder for each seed."""
TRIALS = "trials"
"""Folder that holds a folder of checkpoints for each trial."""
UPLOADED = "uploaded.jsonl"
"""What of the spool is in MLflow, and the run ids there."""


def option_for(folder: Path, *, reached: bool = True) -> str:
    """The option ` --folder PATH`, quoted for a shell, by which a `convscape` command finds the sweeps in a folder.

    Args:
        folder: that holds the folders of sweeps.
        reached: whether to say how this machine was reached from the one at which somebody types, if it was.

    Returns:
        The option with a space before it, and `--address` where that is needed; "" for `sweeps` in the current folder,
        where commands look by themselves.

    >>> from pathlib import Path
    >>> option_for(Path("my sweeps"))
    " --folder 'my sweeps'"
    """
    usual = os.path.realpath(folder) == os.path.realpath("sweeps")
    place = "" if usual else f" --folder {shlex.quote(url_of(folder) or str(folder))}"
    address = os.environ.get(REACHED_BY) if reached else None
    return f"{place} --address {shlex.quote(address)}" if address else place


def command_about(sweep: Path, verb: str) -> str:
    """The command, quoted for a shell, that does something about a sweep.

    Args:
        sweep: the sweep's folder.
        verb: name of the command.
    """
    return f"convscape {verb} {sweep.name}{option_for(sweep.parent)}"


def trial_folder(sweep: Path, number: int) -> Path:
    """The folder that holds the checkpoints of one trial.

    Args:
        sweep: the sweep's folder.
        number: the trial's number.
    """
    return sweep / TRIALS / f"{number:05d}"
