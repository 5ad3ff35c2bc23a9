"""Whether every epoch of a sweep was told once: in the study, and in MLflow's store."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convscape.search.files import STUDY

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

METRIC = "accuracy"
"""The metric that every epoch has in MLflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is not there once."""

    lost: int
    """Epochs that are not there."""
    twice: int
    """How often epochs are there again."""


def faults(told: Counter[tuple[int, int]], wanted: Collection[tuple[int, int]]) -> Faults:
    """What is wrong with what was told.

    Args:
        told: how often each (trial, epoch) is there.
        wanted: every (trial, epoch) that should be there once.
    """
    return Faults(lost=len(set(wanted) - told.keys()), twice=told.total() - len(told))


def in_study(folder: Path) -> Counter[tuple[int, int]]:
    """How often the study in a sweep's folder has each (trial, epoch)."""
    told: Counter[tuple[int, int]] = Counter()
    with (folder / STUDY).open() as lines:
        for line in lines:
            if '"step"' in line:
                event = json.loads(line)
                told[event["trial_id"], event["step"]] += 1
    return told


def in_mlflow(database: Path) -> Counter[tuple[int, int]]:
    """How often MLflow's SQLite store of one sweep has each (trial, epoch); a second run of a trial counts again."""
    query = (
        "select tags.value, metrics.step, count(*) from metrics join tags on tags.run_uuid = metrics.run_uuid "
        "where metrics.key = ? and tags.key = 'convscape.trial' group by metrics.run_uuid, metrics.step"
    )
    told: Counter[tuple[int, int]] = Counter()
    with sqlite3.connect(database) as store:
        for trial, step, count in store.execute(query, (METRIC,)):
            told[int(trial), step] += count
    return told
