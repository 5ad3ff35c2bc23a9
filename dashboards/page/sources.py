"""Where a page's sweep comes from: its folder, or a store of MLflow that another machine wrote into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...search import folder_option
from ...search.driver import as_of_now, format_duration, read_progress
from ...search.files import STUDY
from ...search.records import ranked
from ...spaces import ConvscapeError
from ..text import SweepStatus, state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...search import Sweep
    from ...search.frames import SweepFrames
    from ...search.records import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSource:
    """What the page is made of for one sweep, wherever it was read."""

    name: str
    """The sweep's name."""
    state: str
    """How the sweep stands, in a word."""
    asked: tuple[tuple[str, str], ...]
    """What was asked of it: pairs such as ("search", "40 trials, up to 9 epochs")."""
    frames: SweepFrames
    """All that it learnt."""
    images: int = 0
    """Validation images of a run; 0 where nothing says so."""
    problem: str = ""
    """What is wrong with it, with what to do; "" where nothing is."""
    notes: tuple[str, ...] = ()
    """What a reader of the page should know of how it was read, such as runs that were left out."""
    run_link: str | None = None
    """Address of a trial's run in MLflow, with {run} for its id; None where no server has it."""
    sweep_link: str | None = None
    """Address of the sweep's trials in MLflow."""
    command: str | None = None
    """What to type to see it in MLflow, where that has to be started first."""
    answer: Mapping[str, Any] | None = None
    """Of a design question: the answer as `ask -o json` has it, its "lines" for people; None before there is any."""
    next: tuple[str, ...] = ()
    """Commands to type next."""
    digest: str = ""
    """Digest of the winner's network, by which pictures of it are known; "" where there is none."""


def source_of(sweep: Sweep) -> SweepSource:
    """A sweep in its folder as the page's source; all of it is read from the study.

    Raises:
        SweepError: the study is damaged; says where.
    """
    from ...search.config import asked_in_words
    from ..mlflow_pages import mlflow_pages

    records, how = sweep.trials(), state(sweep)
    option = folder_option(sweep.config)
    frames = sweep.frames(records)
    asked = tuple((key, value) for key, value in asked_in_words(sweep.config).items() if value)
    problem = "" if len(frames.curves) or how is SweepStatus.RUNNING else str(sweep.no_result(records))
    pages, best = mlflow_pages(sweep), next(iter(ranked(records)), None)
    going = [f"convscape status {sweep.name}{option} --watch"] if how is SweepStatus.RUNNING else []
    resume = [f"convscape resume {sweep.name}{option}"] if how.resumable else []
    has_winner = len(frames.curves) and not sweep.config.question
    export = [f"convscape export {sweep.name}{option} --to exported/{sweep.name}"] if has_winner else []
    return SweepSource(
        name=sweep.name,
        state=str(how),
        asked=asked,
        frames=frames,
        images=sweep.images[1],
        problem=problem,
        run_link=pages.run,
        sweep_link=pages.trials,
        command=pages.command,
        answer=_answer(sweep, records),
        next=(*going, *resume, *export),
        digest="" if best is None else best.design.architecture.digest,
    )


def _answer(sweep: Sweep, records: Sequence[TrialRecord]) -> dict[str, Any] | None:
    if not sweep.config.question:
        return None
    from ..text import answer_of_sweep  # scipy comes with it

    return answer_of_sweep(sweep, records)


def progress_of(sweep: Sweep) -> dict[str, Any] | None:
    """How far a running sweep is, for the page: a line, the part that is done, and what each worker trains.

    Gives None for a sweep that does not run.
    """
    if not sweep.running or (told := read_progress(sweep.folder)) is None:
        return None
    now = as_of_now(told)
    parts = [f"{format_duration(now.seconds)} so far"]
    if now.left is not None:
        parts.append(f"about {format_duration(now.left)} left")
    parts.append(f"{now.begun:,} trials: {now.ended:,} ended, {now.running:,} running, {now.paused:,} paused")
    if now.failed:
        parts.append(f"{now.failed:,} failed")
    if now.images_per_second:
        parts.append(f"{now.images_per_second:,.0f} images a second")
    return {"line": ", ".join(parts), "done": now.done, "trials": [trial.words for trial in now.trials]}


def version_of(sweep: Sweep) -> str:
    """A text that is another one when the study has something new, or the sweep begins or ends."""
    try:
        size = (sweep.folder / STUDY).stat().st_size
    except OSError:
        size = 0
    try:
        return f"{sweep.name}:{size}:{state(sweep)}"
    except ConvscapeError:
        return f"{sweep.name}:{size}"
