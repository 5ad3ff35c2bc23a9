"""All trials of a sweep as records, out of a store of MLflow: what a sweep's folder would give, wherever it ran."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from ...search.records import Objective
from ...spaces import printable
from .curves import read_curves
from .opened import opened
from .run_files import answer_of_run
from .sweeps import StoredSweep, sweep_of_run
from .trial_of_run import design_of_run, number_of, trial_of_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...search.records import TrialRecord

MOST_FILES = 20
"""Runs in a row whose network neither notation nor file gives, after which no more files are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrials:
    """What a store of MLflow holds of one sweep."""

    sweep: StoredSweep
    """How the sweep stands, by its own run."""
    records: list[TrialRecord]
    """The trials that were trained, in the order of their numbers. MLflow has no others."""
    run_ids: dict[int | None, str]
    """MLflow's run ids by trial number; under None that of the sweep's own run."""
    objectives: tuple[Objective, ...]
    """What the sweep optimises, accuracy first."""
    description: str
    """The description of the sweep's own run, Markdown: what was asked of the sweep."""
    images: int = 0
    """Validation images of a run; 0 where nothing says so."""
    answer: dict[str, Any] | None = None
    """Of a design question that has ended: the answer as `ask -o json` has it; None where it was not sent."""
    notes: list[str] = field(default_factory=list)
    """What is missing, each in a sentence."""

    @property
    def state(self) -> str:
        """How the sweep stands, in a word."""
        return self.sweep.state


def stored_records(uri: str, experiment: str, sweep: str, known: StoredTrials | None = None) -> StoredTrials:
    """All trials of a sweep as MLflow holds them; of several sweeps of that name the one launched last.

    A thousand trials take two to three seconds from an SQLite file: one request for their runs, and one for each
    hundred (of a server) or 500 runs and each metric of `curves.KEYS`. Other metrics of epochs are not read.

    Settings, rungs and latency are not there of a sweep that an early version sent.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.
        sweep: name of the sweep.
        known: what this gave before of a sweep that goes on, so that trials that had ended are not read again.

    Raises:
        SweepError: the store does not answer, or has no such experiment or sweep.
    """
    with opened(uri, experiment) as store:
        parent = store.sweep(sweep)
        told = sweep_of_run(parent)
        runs, doubled = _by_number(store.trials(parent.info.run_id))
        ended = _ended(known, parent.info.run_id)
        fresh = [run for run in runs if run.info.run_id not in ended]
        curves, whole = read_curves(store.client, [run.info.run_id for run in fresh if "accuracy" in run.data.metrics])
        records = [ended[run.info.run_id] for run in runs if run.info.run_id in ended]
        failed = 0
        for run in fresh:
            design = design_of_run(run, store.client, ask=failed < MOST_FILES)
            failed = failed + 1 if design is None else 0
            record = design and trial_of_run(run, curves.get(run.info.run_id, {}), design)
            if record:
                records.append(record)
        asks = not told.running and any(record.pairing for record in records)
        answer = answer_of_run(parent, store.client) if asks else None
    records = _consistent(sorted(records, key=lambda record: record.number))
    if not told.running:
        for record in records:
            if record.running:
                record.state = "paused"  # its machine is gone
    kept = {record.number for record in records}
    run_ids = {number_of(run): run.info.run_id for run in runs if number_of(run) in kept}
    return StoredTrials(
        sweep=told,
        records=records,
        run_ids={None: parent.info.run_id, **run_ids},
        objectives=_objectives(parent.data.params.get("search.objectives", "")),
        description=printable(parent.data.tags.get("mlflow.note.content", "")),
        images=_validated(parent),
        answer=answer,
        notes=_notes(len(runs) - len(records), doubled, told, whole=whole),
    )


def _ended(known: StoredTrials | None, parent: str) -> dict[str, TrialRecord]:
    """The trials of the sweep that had ended when they were read before, by the id of the run."""
    if known is None or known.run_ids[None] != parent:
        return {}
    return {known.run_ids[record.number]: record for record in known.records if record.ended}


def _by_number(runs: Iterable[Any]) -> tuple[list[Any], int]:
    """The runs of trials in the order of their numbers, the first of equal numbers alone; and how many are left out."""
    found: dict[int, Any] = {}
    left = 0
    for run in runs:
        number = number_of(run)
        if number is None or number in found:
            left += 1
        else:
            found[number] = run
    return [found[number] for number in sorted(found)], left


def _consistent(records: list[TrialRecord]) -> list[TrialRecord]:
    """The records that go together: repetitions of trials that are there, and one kind of distribution a setting."""
    searched = {record.number for record in records if not record.repetition}
    kinds: dict[str, tuple[str, str]] = {}
    for record in records:
        for name, text in list(record.distributions.items()):
            told = json.loads(text)
            kind = (told["name"], json.dumps(told["attributes"].get("choices")))
            if kinds.setdefault(name, kind) != kind:
                del record.params[name], record.distributions[name]
    return [record for record in records if record.repeats is None or record.repeats in searched]


def _objectives(text: str) -> tuple[Objective, ...]:
    """What a sweep optimises, as its param says it: "['accuracy', 'macs']"."""
    named = [word for word in dict.fromkeys(re.findall("[a-z]+", text)) if word in get_args(Objective)]
    return ("accuracy", *(word for word in named if word != "accuracy"))


def _validated(parent: Any) -> int:
    """Validation images of a run, by the datasets of the sweep's own run; 0 where they do not say."""
    for dataset in getattr(parent.inputs, "dataset_inputs", ()):
        contexts = [tag.value for tag in dataset.tags if tag.key == "mlflow.data.context"]
        try:
            images = json.loads(dataset.dataset.profile or "{}").get("images")
        except (ValueError, AttributeError, RecursionError):
            continue
        if "validation" in contexts and type(images) is int and 0 < images < 1e12:
            return images
    return 0


def _notes(left: int, odd: int, told: StoredSweep, *, whole: bool) -> list[str]:
    untrained = sum(told.counts.get(state, 0) for state in ("duplicate", "infeasible"))
    return [
        note
        for note, holds in {
            f"{left + odd:,} runs are left out: they are no trial's of a sweep, or there twice.": left + odd,
            f"{untrained:,} designs that were not trained, as known or over budget, are not in MLflow.": untrained,
            "The store gives no seconds of epochs: it answers for one run at a time.": not whole,
        }.items()
        if holds
    ]
