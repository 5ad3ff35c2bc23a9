"""The columns of the frames, each with what it holds: what the page shows beside a heading, and the docs list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TRIAL_COLUMNS = {
    "sweep": "name of the sweep",
    "trial": "number of the trial, in the order of proposals",
    "rank": "place on the leaderboard, 1 for the winner; NaN where nothing was trained or the run repeats another",
    "role": "where the design comes from: sampled, start, baseline, repeat (a finalist from another seed), refit, or "
    "compared (a training of an experiment)",
    "repeats": "number of the trial whose design is trained once more; NaN for others",
    "state": "running, paused, completed, stopped, failed, duplicate or infeasible",
    "reason": "why the trial ended, in a sentence",
    "accuracy": "highest validation accuracy after any epoch, 0 to 1; NaN before one",
    "mean_accuracy": "mean validation accuracy of a finalist over its seeds, 0 to 1; NaN for others",
    "std_accuracy": "sample standard deviation of the accuracies in that mean; NaN for fewer than two",
    "seeds": "runs that mean_accuracy is the mean of; NaN for a trial that is no finalist",
    "epochs": "epochs that the trial was trained for",
    "best_epoch": "the epoch of the highest accuracy; NaN before one",
    "promoted_from": "epochs of the last rung that the trial was promoted from; 0 for none",
    "parameters": "weights and biases of the network",
    "macs": "multiply-accumulates of one image's forward pass",
    "memory": "bytes that classifying one image takes, in float32",
    "latency": "seconds that classifying one image takes; NaN where that was not measured",
    "pareto": "whether no other trial of full length is as good in every objective and better in one",
    "seconds": "time of its epochs, in seconds, as far as they say",
    "run_id": "MLflow's id of the run; None while it has not arrived there",
    "notation": "the network in a line of notation",
}
"""Columns of a frame of trials. The settings that were sampled follow, each under its own name; None or NaN where a
trial was not asked for it."""
CURVE_COLUMNS = {
    "sweep": "name of the sweep",
    "trial": "number of the trial",
    "epoch": "epochs trained, from 1",
    "accuracy": "validation accuracy after that epoch, 0 to 1",
    "time": "when the epoch ended, in seconds since 1970; NaN where nothing says so",
}
"""Columns of a frame of learning curves, a row for each epoch of each trial. Further metrics of the epoch follow."""
RUNG_COLUMNS = {
    "sweep": "name of the sweep",
    "epoch": "epochs at which the rung judges",
    "reached": "trials of the search that came to the rung",
    "promoted": "trials that went on from it",
    "lowest_promoted": "lowest accuracy at the rung of a trial that went on, 0 to 1",
    "highest_left": "highest accuracy at the rung of a trial that did not go on, 0 to 1; NaN where all went on",
}
"""Columns of a frame of rungs, a row for each epoch from which any trial was promoted."""
IMPORTANCE_COLUMNS = {
    "sweep": "name of the sweep",
    "setting": "name of the setting",
    "share": "part of what all settings decided that this one did, 0 to 1; NaN where there were too few trials",
    "deviation": "standard deviation of the share over resamples of the trials; NaN where there were too few",
    "chance": "highest share that any setting got when results were shuffled among the trials",
    "trials": "how many trials had the setting: the importance rests on these",
    "matters": "whether the share is above what chance brings",
}
"""Columns of a frame of importances, the most decisive setting first."""
PATH_COLUMNS = {
    "sweep": "name of the sweep",
    "step": "0 for the design that the path begins with, then the changes in order",
    "changes": "the settings that change in this step, with their values before and after",
    "predicted": "validation accuracy at full length as a random forest of all trials predicts it, 0 to 1",
    "gain": "how far that is above the step before",
    "deviation": "standard deviation of the gain over forests of resampled trials",
    "trial": "number of a trial of full length that has this very design; NaN where there is none",
    "measured": "that trial's highest validation accuracy, 0 to 1; NaN where there is no such trial",
}
"""Columns of a frame of the path from the first design to the best, a row for each step."""
PAIR_COLUMNS = {
    "sweep": "name of the sweep",
    "a": "the first variant of the contrast",
    "b": "the second variant",
    "base": "number of the base design, from 0 on",
    "difference": "validation accuracy of a less that of b after the last epoch, the mean over seeds, -1 to 1",
    "learnt": "whether the base learnt anything in some variant",
    "accuracy_a": "mean validation accuracy of a over the seeds, 0 to 1",
    "trial_a": "number of the first trial of a",
    "parameters_a": "weights and biases of a",
    "macs_a": "multiply-accumulates of one image's forward pass of a",
    "memory_a": "bytes of a training step of a, in float32",
    "seconds_a": "seconds of an epoch of a",
    "accuracy_b": "mean validation accuracy of b over the seeds, 0 to 1",
    "trial_b": "number of the first trial of b",
    "parameters_b": "weights and biases of b",
    "macs_b": "multiply-accumulates of one image's forward pass of b",
    "memory_b": "bytes of a training step of b, in float32",
    "seconds_b": "seconds of an epoch of b",
}
"""Columns of a frame of pairs, a row for each base and contrast of a sweep that asks a design question."""


def settings_in(trials: pd.DataFrame) -> list[str]:
    """Names of the sampled settings that a frame of trials has, in their order."""
    return [str(name) for name in trials.columns if name not in TRIAL_COLUMNS]
