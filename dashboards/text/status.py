"""How a sweep stands, for one who asks from elsewhere: running, ended or died; what it came to; what to type next."""

from __future__ import annotations

import textwrap
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ...search import folder_option
from ...search.driver import aged, clock, line, read_progress
from ...search.records import failures
from ...search.tracking import UploadProgress, without_password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search import Sweep
    from ...search.driver import SweepProgress
    from ...search.records import TrialRecord

WIDTH = 80
QUIET = 60.0
"""Seconds without a result that are worth mention."""
MOST_REASONS = 5
"""Reasons that are told."""


def state(sweep: Sweep) -> str:
    """In a word: "running", "ended", "interrupted" by Ctrl-C, "failed" with an error, or "died" without a word."""
    if sweep.running:
        return "running"
    snapshot = read_progress(sweep.folder)
    if snapshot is None or snapshot.how == "running":  # the first is written before anything is proposed
        return "died"
    return "ended" if snapshot.how == "completed" else snapshot.how


def status_text(sweep: Sweep) -> str:
    """How a sweep stands, in lines of 80 columns."""
    how, snapshot, trials = state(sweep), read_progress(sweep.folder), sweep.trials()
    best = next(iter(sweep.summaries(trials)), None)
    lines = [f"sweep {sweep.name}: {how}{_since(how, snapshot)}"]
    if how == "running" and snapshot:
        lines += _cut(line(replace(aged(snapshot), notation="")))
    lines += spent(sweep.counts(trials), trials)
    if best:
        lines.append(f"best: trial {best.trial}, accuracy {best.accuracy:.4f}, {best.parameters:,} parameters")
        lines.append(f"  {best.notation if len(best.notation) <= WIDTH - 2 else f'{best.notation[: WIDTH - 3]}…'}")
    return "\n".join([*lines, *unsent(sweep), *_next(sweep, how, found=best is not None)])


def status_json(sweep: Sweep) -> dict[str, Any]:
    """The same for a program. `live` is the driver's last word; `resume` is None where there is nothing to resume."""
    how, snapshot, trials = state(sweep), read_progress(sweep.folder), sweep.trials()
    best = next(iter(sweep.summaries(trials)), None)
    delivery = UploadProgress(sweep.folder).refresh()
    return {
        "name": sweep.name,
        "running": how == "running",
        "state": how,
        "counts": sweep.counts(trials),
        "best": best and asdict(best),
        "live": snapshot and asdict(snapshot),
        "resume": _resume(sweep) if how in ("died", "interrupted", "failed") else None,
        "mlflow": {"waiting": delivery.left(), "problem": delivery.problem},
    }


def spent(counts: dict[str, int], trials: Sequence[TrialRecord]) -> list[str]:
    """Trials by how they ended, why those that failed did, and the epochs that went into what was given up."""
    words = {
        "completed": "completed",
        "stopped": "stopped early",
        "failed": "failed",
        "duplicate": "duplicate (not trained again)",
        "infeasible": "over budget (not trained)",
        "unfinished": "unfinished",
    }
    ended = ", ".join(f"{counts[key]:,} {word}" for key, word in words.items() if counts.get(key))
    lines = _cut(f"trials: {ended or 'none yet'}")
    lines += why_failed(trials)
    trained = [trial for trial in trials if trial.state not in ("duplicate", "infeasible")]
    given_up = sum(trial.epochs for trial in trained if trial.state in ("stopped", "failed"))
    total = sum(trial.epochs for trial in trained)
    if given_up:
        lines.append(f"epochs: {total:,}, {given_up / total:.0%} of them in trials that were stopped or failed")
    return lines


def why_failed(trials: Sequence[TrialRecord]) -> list[str]:
    """Why trials failed, as lines; none where none did."""
    found = failures(trials)
    lines = ["why trials failed:"] if found else []
    for failure in found[:MOST_REASONS]:
        lines += _cut(f"  {failure}", indent="    ")
    if len(found) > MOST_REASONS:
        lines.append(f"  … and for {len(found) - MOST_REASONS:,} more reasons")
    return lines


def unsent(sweep: Sweep) -> list[str]:
    """What of the results is not in MLflow yet, and how to send it; nothing where all is."""
    delivery = UploadProgress(sweep.folder).refresh()
    left = delivery.left()
    if not left or (sweep.running and not delivery.problem):
        return []
    why = f": {without_password(delivery.problem)}" if delivery.problem else ""
    lines = _cut(f"MLflow: {left:,} results wait{why}", indent="  ")
    return (
        lines if sweep.running else [*lines, f"send them:    convscape sync {sweep.name}{folder_option(sweep.config)}"]
    )


def _since(how: str, snapshot: SweepProgress | None) -> str:
    if snapshot is None:
        return ""
    age = max(0.0, time.time() - (snapshot.heard if how == "running" else snapshot.time))
    if how == "died":
        return f", its process is gone; last heard of {clock(age)} ago"
    if how == "running":
        return f", last result {clock(age)} ago" if age > QUIET else ""
    return f" after {clock(snapshot.seconds)}"


def _next(sweep: Sweep, how: str, *, found: bool) -> list[str]:
    option = folder_option(sweep.config)
    if how in ("died", "interrupted", "failed"):
        return [f"go on with:   {_resume(sweep)}"]
    if how == "running":
        return [f"watch it:     convscape status {sweep.name}{option} --watch"]
    if not found:
        return []
    return [
        f"compare:      convscape compare {sweep.name}{option}",
        f"export:       convscape export {sweep.name}{option} --to exported/{sweep.name}",
    ]


def _resume(sweep: Sweep) -> str:
    return f"convscape resume {sweep.name}{folder_option(sweep.config)}"


def _cut(text: str, indent: str = "  ") -> list[str]:
    """As lines of 80 columns, three of them at most."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, max_lines=3, placeholder=" …", break_on_hyphens=False)
