"""Says how a sweep stands, for one who asks from elsewhere: its state, what it came to, what to type next."""

from __future__ import annotations

import textwrap
import time
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ...search import folder_option
from ...search.driver import as_of_now, format_duration, read_progress, silence
from ...search.files import former_sweeps, how_to_put_back
from ...search.records import failures
from ...search.tracking import UploadProgress, upload_problem, without_secrets
from ...spaces import printable
from .in_mlflow import ui_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from ...search import Sweep
    from ...search.driver import SweepProgress
    from ...search.records import TrialRecord

WIDTH = 80
"""Columns of the text, at most."""
QUIET = 60.0
"""Seconds without a result from which on they are mentioned."""
_TO_WATCH = "watch it:"
MOST_REASONS = 5
"""Reasons for failed trials that are told, at most."""


class SweepStatus(StrEnum):
    """How a sweep stands, in a word."""

    RUNNING = "running"
    ENDED = "ended"
    INTERRUPTED = "interrupted"
    """By Ctrl-C; or a design question whose time was up."""
    FAILED = "failed"
    """With an error."""
    DIED = "died"
    """The process that ran the sweep is gone without a word."""

    @property
    def resumable(self) -> bool:
        """Whether the sweep can be resumed: it was interrupted, failed, or died."""
        return self in (SweepStatus.DIED, SweepStatus.INTERRUPTED, SweepStatus.FAILED)


def state(sweep: Sweep) -> SweepStatus:
    """How the sweep stands: by its lock, and by what its driver wrote last."""
    if sweep.running:
        return SweepStatus.RUNNING
    progress = read_progress(sweep.folder)
    if progress is None or progress.is_running:  # the first is written before anything is proposed
        return SweepStatus.DIED
    return SweepStatus.ENDED if progress.is_completed else SweepStatus(progress.state)


def status_text(sweep: Sweep) -> str:
    """How a sweep stands, in lines of 80 columns: state, progress, trials, the best of them, and what to type next."""
    lines: list[str] = []
    for part in _parts(sweep, WIDTH):
        if not isinstance(part, str):
            from ...search.driver import view_text  # rich comes with it

            part = view_text(part, WIDTH)
        lines.append(part)
    return "\n".join(lines)


def status_view(sweep: Sweep, width: int) -> RenderableType:
    """How a sweep stands, for a screen on which it is watched: state, progress, trials, and the best of them.

    Args:
        sweep: the sweep.
        width: columns that there are; commands to type may be longer.
    """
    from rich.console import Group
    from rich.text import Text

    parts = [part for part in _parts(sweep, width) if not (isinstance(part, str) and part.startswith(_TO_WATCH))]
    return Group(*(Text(printable(part), overflow="fold") if isinstance(part, str) else part for part in parts))


def _parts(sweep: Sweep, width: int) -> list[str | RenderableType]:
    how, progress, trials = state(sweep), read_progress(sweep.folder), sweep.trials()
    best = next(iter(sweep.summaries(trials)), None)
    parts: list[str | RenderableType] = [f"sweep {sweep.name}: {how}{_since(how, progress)}"]
    if how is SweepStatus.RUNNING and progress:
        from ...search.driver import progress_view  # rich comes with it

        now = as_of_now(progress)
        parts.append(progress_view(now.phases, now, width))
    parts += spent(sweep.counts(trials), trials)
    if answered := _answered(sweep, trials):
        parts += [part for line in answered for part in _cut(line)]
    elif best and not (how is SweepStatus.RUNNING and progress):
        parts.append(f"best: trial {best.trial}, accuracy {best.accuracy:.4f}, {best.parameters:,} parameters")
        parts.append(f"  {best.notation if len(best.notation) <= WIDTH - 2 else f'{best.notation[: WIDTH - 3]}…'}")
    look = [f"see it:       {ui_command(sweep)}"] if sweep.run_ids() else []
    return [*parts, *unsent(sweep), *_next(sweep, how, found=best is not None), *look]


def status_json(sweep: Sweep) -> dict[str, Any]:
    """How a sweep stands, as values for JSON.

    `live` is what the driver wrote last, None where it wrote nothing; `best` is None where no trial has a result;
    `answer` says what came of a design question, in lines, None of a search;
    `resume` is the command that resumes the sweep, None where there is nothing to resume; `put_back` is the shell's
    command that puts back the sweep which this one was to replace, None where none is left or while this one runs;
    `mlflow` says how many results wait to be sent, and why.
    """
    how, progress, trials = state(sweep), read_progress(sweep.folder), sweep.trials()
    best = next(iter(sweep.summaries(trials)), None)
    delivery = UploadProgress(sweep.folder).refresh()
    left, replaced = delivery.left(), former_sweeps(sweep.folder)
    return {
        "name": sweep.name,
        "running": how is SweepStatus.RUNNING,
        "state": str(how),
        "counts": sweep.counts(trials),
        "best": best and asdict(best),
        "answer": _answered(sweep, trials),
        "live": progress and asdict(progress),
        "resume": _resume(sweep) if how.resumable else None,
        "put_back": how_to_put_back(sweep.folder) if how is not SweepStatus.RUNNING and replaced else None,
        "mlflow": {"waiting": left, "problem": upload_problem(delivery) if left else delivery.problem},
    }


def _answered(sweep: Sweep, trials: Sequence[TrialRecord]) -> list[str] | None:
    """What came of a design question, in lines; None of a search."""
    if not sweep.config.question:
        return None
    from .verdicts import verdict_lines  # scipy comes with it

    answer = sweep.answer(trials)
    return verdict_lines(sweep, answer) if answer else None


def spent(counts: dict[str, int], trials: Sequence[TrialRecord]) -> list[str]:
    """Lines that say how trials ended, why some failed, and how many epochs went into trials that were given up.

    Args:
        counts: trials by how they ended, as `Sweep.counts` gives them.
        trials: all of the sweep.
    """
    too_slow = any(trial.reason.startswith("too slow") for trial in trials)
    words = {
        "completed": "completed",
        "stopped": "stopped early",
        "failed": "failed",
        "duplicate": "duplicate (not trained again)",
        "infeasible": f"over budget{' or too slow for the time' if too_slow else ''} (not trained)",
        "unfinished": "unfinished",
    }
    ended = ", ".join(f"{counts[key]:,} {word}" for key, word in words.items() if counts.get(key))
    lines = _cut(f"trials: {ended or 'none yet'}")
    lines += why_failed(trials)
    trained = [trial for trial in trials if trial.trained]
    given_up = sum(trial.epochs for trial in trained if trial.stopped or trial.failed)
    total = sum(trial.epochs for trial in trained)
    if given_up:
        lines.append(f"epochs: {total:,}, {given_up / total:.0%} of them in trials that were stopped or failed")
    return lines


def why_failed(trials: Sequence[TrialRecord]) -> list[str]:
    """Why trials failed, as lines, the most frequent reason first; none where none did."""
    found = failures(trials)
    lines = ["why trials failed:"] if found else []
    for failure in found[:MOST_REASONS]:
        lines += _cut(f"  {failure}", indent="    ")
    if len(found) > MOST_REASONS:
        lines.append(f"  … and for {len(found) - MOST_REASONS:,} more reasons")
    return lines


def unsent(sweep: Sweep) -> list[str]:
    """Lines that say how many results are not in MLflow yet, and how to send them.

    There are none where all results are sent, or while a running sweep sends them without a problem.
    """
    delivery = UploadProgress(sweep.folder).refresh()
    left = delivery.left()
    problem = upload_problem(delivery) if left else None
    if not left or (sweep.running and not problem):
        return []
    why = f": {without_secrets(problem)}" if problem else ""
    lines = _cut(f"MLflow: {left:,} results wait{why}", indent="  ")
    return (
        lines if sweep.running else [*lines, f"send them:    convscape sync {sweep.name}{folder_option(sweep.config)}"]
    )


def _since(how: SweepStatus, progress: SweepProgress | None) -> str:
    if progress is None:
        return ""
    age = max(0.0, time.time() - (progress.heard if how is SweepStatus.RUNNING else progress.time))
    if how is SweepStatus.DIED:
        return f", its process is gone; last heard of {format_duration(age)} ago"
    if how is SweepStatus.RUNNING:
        return f", {silence(progress, age)}" if age > QUIET else ""
    return f" after {format_duration(progress.seconds)}"


def _next(sweep: Sweep, how: SweepStatus, *, found: bool) -> list[str]:
    option = folder_option(sweep.config)
    if how.resumable:
        return [f"go on with:   {_resume(sweep)}", *_replaced(sweep)]
    if how is SweepStatus.RUNNING:
        return [f"{_TO_WATCH}     convscape status {sweep.name}{option} --watch"]
    if not found:
        return _replaced(sweep)
    if sweep.config.question:
        return [f"all of it:    convscape compare {sweep.name}{option}"]
    return [
        f"compare:      convscape compare {sweep.name}{option}",
        f"export:       convscape export {sweep.name}{option} --to exported/{sweep.name}",
    ]


def _replaced(sweep: Sweep) -> list[str]:
    """Lines about the sweep that this one was to replace, where it is left."""
    if not former_sweeps(sweep.folder):
        return []
    return ["It was to replace a sweep that is kept until it has ended with a result.",
            f"put that back: {how_to_put_back(sweep.folder)}"]  # fmt: skip


def _resume(sweep: Sweep) -> str:
    return f"convscape resume {sweep.name}{folder_option(sweep.config)}"


def _cut(text: str, indent: str = "  ") -> list[str]:
    """As lines of 80 columns, three of them at most."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, max_lines=3, placeholder=" …", break_on_hyphens=False)
