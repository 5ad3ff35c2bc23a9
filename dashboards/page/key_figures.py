"""The strip of key figures at the top of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search.driver import format_duration
from ...search.figures import FULL_LENGTH
from ...search.records import is_compared, is_refit, reach_of_share
from ...spaces import short

if TYPE_CHECKING:
    from .sources import SweepSource

WORDS = {
    "completed": "to full length",
    "stopped": "stopped early",
    "failed": "failed",
    "running": "running",
    "paused": "waiting",
    "duplicate": "not trained: known",
    "infeasible": "not trained: over budget",
}


def key_figures(source: SweepSource) -> list[dict[str, str]]:
    """Key figures of a sweep, each with a label, a value and a note.

    Args:
        source: the sweep.
    """
    trials, curves = source.frames.trials, source.frames.curves
    searched = trials[trials["repeats"].isna()]
    counts = searched["state"].value_counts()
    told = ", ".join(f"{counts[state]:,} {word}" for state, word in WORDS.items() if state in counts)
    found = [_figure("trials", f"{len(searched):,}", told)]
    ranked = trials[trials["rank"].notna()].sort_values("rank")
    if len(ranked) and not trials["role"].map(is_compared).any():  # a question seeks no winner
        winner, highest = ranked.iloc[0], ranked.sort_values("accuracy", ascending=False, kind="stable").iloc[0]
        reach = reach_of_share(float(highest["accuracy"]), source.images)
        spread = f"±{reach:.4f} by {source.images:,} images, one run" if source.images else "one run"
        found.insert(0, _figure("best accuracy", f"{highest['accuracy']:.4f}", f"trial {highest['trial']}, {spread}"))
        seeds = trials[(trials["repeats"] == winner["trial"]) & ~trials["role"].map(is_refit).astype(bool)]
        if seeds["state"].isin(FULL_LENGTH.states).any():
            known = winner["std_accuracy"] == winner["std_accuracy"]
            note = f"{winner['seeds']:.0f} other seeds" + (f", deviation {winner['std_accuracy']:.4f}" if known else "")
            mean = f"{winner['mean_accuracy']:.4f}"
            found.insert(0, _figure("winner over seeds", mean, f"trial {winner['trial']}, {note}"))
        found.append(_figure("parameters", f"{winner['parameters']:,}", f"of the winner, trial {winner['trial']}"))
        found.append(
            _figure("MACs of one image", short(float(winner["macs"])), f"of the winner, trial {winner['trial']}")
        )
    seconds = float(trials["seconds"].sum())
    found.append(_figure("epochs", f"{len(curves):,}", f"{format_duration(seconds)} of the workers' time"))
    first, last = curves["time"].min(), curves["time"].max()
    if last == last:
        found.append(_figure("first to last result", format_duration(float(last - first)), ""))
    return found


def _figure(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}
