"""The strip of key figures at the top of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search.driver import format_duration
from ...search.records import reach_of_share
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
    if len(ranked):
        best = ranked.iloc[0]
        reach = reach_of_share(float(best["accuracy"]), source.images)
        spread = f"±{reach:.4f} by {source.images:,} images, one run" if source.images else "one run"
        found.insert(0, _figure("best accuracy", f"{best['accuracy']:.4f}", f"trial {best['trial']}, {spread}"))
        if best["mean_accuracy"] == best["mean_accuracy"]:
            known = best["std_accuracy"] == best["std_accuracy"]
            note = f"{best['seeds']:.0f} other seeds" + (f", deviation {best['std_accuracy']:.4f}" if known else "")
            found.insert(
                0, _figure("winner over seeds", f"{best['mean_accuracy']:.4f}", f"trial {best['trial']}, {note}")
            )
        found.append(_figure("parameters", f"{best['parameters']:,}", "of the best"))
        found.append(_figure("MACs of one image", short(float(best["macs"])), "of the best"))
    seconds = float(trials["seconds"].sum())
    found.append(_figure("epochs", f"{len(curves):,}", f"{format_duration(seconds)} of the workers' time"))
    first, last = curves["time"].min(), curves["time"].max()
    if last == last:
        found.append(_figure("first to last result", format_duration(float(last - first)), ""))
    return found


def _figure(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}
