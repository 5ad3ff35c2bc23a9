"""All trials of a sweep as a pandas frame: fate, accuracy, cost, network and settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..records import inference_memory, summaries
from .columns import TRIAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ..records import Objective, TrialRecord, TrialSummary


def trials_frame(
    records: Sequence[TrialRecord],
    *,
    sweep: str,
    run_ids: Mapping[int | None, str],
    objectives: Sequence[Objective],
) -> pd.DataFrame:
    """All trials of a sweep, a row each in the order of their numbers, untrained ones among them.

    The columns are those of TRIAL_COLUMNS, then one for each setting that was sampled, under the setting's name.

    Args:
        records: all trials of the sweep, as they were read from disk.
        sweep: name of the sweep.
        run_ids: MLflow's run ids by trial number, of those that arrived there.
        objectives: what the sweep optimises, accuracy first.
    """
    import pandas as pd

    ranked = {summary.trial: (rank, summary) for rank, summary in enumerate(summaries(records, run_ids, objectives), 1)}
    rows = [
        _row(record, sweep, run_ids.get(record.number), *ranked.get(record.number, (None, None))) for record in records
    ]
    frame = pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))
    told = [asked(record) for record in records]
    names = dict.fromkeys(name for each in told for name in each)
    settings = {name: [each.get(name) for each in told] for name in names}
    return pd.concat([frame, pd.DataFrame(settings, index=frame.index)], axis=1)


def asked(record: TrialRecord) -> dict[str, Any]:
    """The settings that a trial was sampled with, by name; {} for a named design.

    Where the options of a setting depend on earlier ones, its name in the study says which there were; here it does
    not. A setting with the name of another column is called "setting.NAME". Of a training of an experiment these are
    the place there (variant, base, and seed, which is 0 where learning rates are tuned), and the learning rate.
    """
    values = {name.partition(" in ")[0]: value for name, value in record.params.items()}
    if record.pairing is not None:
        values |= {**record.pairing.to_json(), "learning_rate": record.design.recipe.learning_rate}
    return {f"setting.{name}" if name in TRIAL_COLUMNS else name: value for name, value in values.items()}


def _row(
    record: TrialRecord, sweep: str, run_id: str | None, rank: int | None, summary: TrialSummary | None
) -> dict[str, Any]:
    finalist = summary is not None and summary.mean_accuracy is not None
    return {
        "sweep": sweep,
        "trial": record.number,
        "rank": math.nan if rank is None else rank,
        "role": record.role,
        "repeats": math.nan if record.repeats is None else record.repeats,
        "state": record.state,
        "reason": record.reason,
        "accuracy": math.nan if record.accuracy is None or not record.trained else record.accuracy,
        "mean_accuracy": summary.mean_accuracy if finalist and summary else math.nan,
        "std_accuracy": math.nan if summary is None or summary.std_accuracy is None else summary.std_accuracy,
        "seeds": summary.seeds if finalist and summary else math.nan,
        "epochs": record.epochs if record.trained else 0,
        "best_epoch": record.best_epoch or math.nan,
        "promoted_from": record.promoted_from,
        "parameters": record.design.parameters,
        "macs": record.design.macs,
        "memory": inference_memory(record.design.architecture),
        "latency": math.nan if record.latency is None else record.latency,
        "pareto": bool(summary and record.completed and summary.pareto),
        "seconds": record.seconds if record.trained else 0.0,
        "run_id": run_id,
        "notation": record.design.notation,
    }
