"""How far a sweep is, as people read it: some lines for a screen, one line for a log."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...spaces import printable
from .phases import FINALS, LAST_TRAINING, SEARCH, WORTH_TELLING, Phase, format_duration, lasting, phases_line
from .progress import silence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from .progress import RunningTrial, SweepProgress

QUIET = 60.0
"""Seconds without a result from which on they are mentioned."""
MOST_LINES = 3
"""Lines for the trials that run, at most."""
NARROWEST = 4
"""Columns of a bar, at least."""
NOT_KNOWN = "time left: not known before 3 epochs have ended"
_TRAINING = (SEARCH, FINALS, LAST_TRAINING)
_GAP = "  "


def progress_view(phases: Sequence[Phase], progress: SweepProgress | None, width: int) -> RenderableType:
    """How far a launch or resume is, for a screen: phase and clock, a bar, trials, the best of them, what runs.

    Args:
        phases: what was done so far; the last phase goes on.
        progress: how far the sweep is; None before it has begun.
        width: columns that there are.
    """
    head = [Text(format_duration(_seconds(phases, progress)), "bold"), *_now(phases)]
    if progress is None:
        lines: list[RenderableType] = [*_packed(head, width)]
    else:
        lines = [*_packed([*head, *_time_left(phases, progress)], width)]
        if progress.done is not None and (progress.epochs or progress.budget):
            lines.append(_bar(progress, width))
        if progress.begun:
            lines += _packed([Text(part) for part in [*_trials(progress), *_speed(progress)]], width)
        lines += _best(progress, width)
        lines += _running(progress.trials, progress.running, width)
    ended = [Text(printable(phases_line([phase])), "dim") for phase in phases[:-1] if phase.seconds >= WORTH_TELLING]
    return Group(*lines, *_packed(ended, width))


def view_text(view: RenderableType, width: int) -> str:
    """A view as plain text, without colours.

    Args:
        view: as `progress_view` makes it.
        width: columns that there are.
    """
    page = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    with page.capture() as captured:
        page.print(view)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def progress_line(progress: SweepProgress) -> str:
    """One line for a log: time, phase, how much is done, trials, the best, images a second, time left.

    The best network is not in it, for its length: `convscape status` shows it.

    >>> from convscape.search.driver import SweepProgress, SweepState
    >>> now = SweepProgress(
    ...     state=SweepState.RUNNING, time=0.0, seconds=75, wanted=50, begun=12, ended=3, paused=7, running=2, failed=0,
    ...     baselines=0, finals=0, epochs=30, images_per_second=1234.5, left=90, done=0.3, trial=4, accuracy=0.91,
    ...     reach=0.0123,
    ... )
    >>> progress_line(now)
    '1:15  30% of the work  12/50 trials: 3 ended, 2 running, 7 paused  best 0.9100±0.0123 (trial 4)  1,234 images/s  about 1:30 left'
    """  # noqa: E501 - the line is that long
    doing = [phase.name for phase in progress.phases[-1:]] if progress.is_running else [str(progress.state)]
    parts = [format_duration(_seconds(progress.phases, progress)), *doing]
    if progress.done is not None and progress.is_running:
        parts.append(_share(progress))
    parts.append(", ".join(_trials(progress)))
    if progress.trial is not None:
        parts.append(_accuracy(progress))
    parts += [*_speed(progress), *(part.plain for part in _time_left(progress.phases, progress))]
    return _GAP.join(parts)


def _seconds(phases: Sequence[Phase], progress: SweepProgress | None) -> float:
    """Seconds since the command was typed, as far as phases tell of them."""
    return sum(phase.seconds for phase in phases) if phases or progress is None else progress.seconds


def _now(phases: Sequence[Phase]) -> list[Text]:
    """The phase that goes on, and how long it has."""
    return [
        Text.assemble((printable(phase.name), "bold cyan"), " ", lasting(phase.seconds, exactly=False))
        for phase in phases[-1:]
    ]


def _time_left(phases: Sequence[Phase], progress: SweepProgress) -> list[Text]:
    if not progress.is_running:
        return []
    if progress.left is None:
        return [Text(NOT_KNOWN, "dim")] if phases and phases[-1].name in _TRAINING else []
    left = format_duration(progress.left)
    return [Text(f"{left} of {format_duration(progress.budget)} left" if progress.budget else f"about {left} left")]


def _bar(progress: SweepProgress, width: int) -> RenderableType:
    label = _share(progress)
    room = width - len(label) - len(_GAP)
    if room < NARROWEST:
        return _cut(label, width, "")
    row = Table.grid(padding=(0, len(_GAP), 0, 0))
    bar = ProgressBar(total=1.0, completed=progress.done or 0.0, width=room, finished_style="bar.complete")
    row.add_row(bar, Text(label, no_wrap=True))
    return row


def _share(progress: SweepProgress) -> str:
    return f"{progress.done or 0.0:.0%} of the {'time' if progress.budget else 'work'}"


def _trials(progress: SweepProgress) -> list[str]:
    """How many trials began, ended, run and wait; of what kind others are."""
    from ..config import UNLIMITED  # pydantic comes with it

    open_ended = progress.wanted == UNLIMITED or progress.begun > progress.wanted  # a resume may want fewer
    begun = str(progress.begun) if open_ended else f"{progress.begun}/{progress.wanted}"
    parts = [f"{begun} trials: {progress.ended} ended", f"{progress.running} running", f"{progress.paused} paused"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.baselines:
        parts.append(f"{_counted(progress.baselines, 'baseline')} ended")
    if progress.finals:
        parts.append(f"{_counted(progress.finals, 'run')} of finals ended")
    return parts


def _speed(progress: SweepProgress) -> list[str]:
    """How fast images are trained on, and how long nothing was heard where that is long."""
    parts = []
    if progress.images_per_second and progress.running:
        parts.append(f"{progress.images_per_second:,.0f} images/s")
    age = time.time() - progress.heard
    if progress.heard and progress.running and age > QUIET:
        parts.append(silence(progress, age))
    return parts


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _accuracy(progress: SweepProgress) -> str:
    accuracy = progress.accuracy if progress.mean_accuracy is None else progress.mean_accuracy
    reach = f"±{progress.reach:.4f}" if progress.reach else ""
    return f"best {accuracy:.4f}{reach} (trial {progress.trial})"


def _best(progress: SweepProgress, width: int) -> Iterable[Text]:
    if progress.trial is None:
        return
    parts = [Text(_accuracy(progress), "bold green"), Text(f"{progress.parameters:,} parameters")]
    yield from _packed(parts, width)
    yield _cut(f"  {progress.notation}", width, "")


def _running(trials: Sequence[RunningTrial], running: int, width: int) -> list[Text]:
    texts = [trial.words for trial in trials]
    lines = _packed([Text(text) for text in texts], width)
    if running <= len(texts) and len(lines) <= MOST_LINES:
        return lines
    shown = len(texts)
    while shown > 1:
        shown -= 1
        more = Text(f"and {running - shown:,} more", "dim")
        lines = _packed([*map(Text, texts[:shown]), more], width)
        if len(lines) <= MOST_LINES:
            break
    return lines


def _packed(parts: Iterable[Text], width: int) -> list[Text]:
    """Parts side by side, on as many lines as they take; only a part that is wider than a line is cut."""
    lines: list[Text] = []
    for part in parts:
        part.truncate(width, overflow="ellipsis")
        if lines and lines[-1].cell_len + len(_GAP) + part.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], _GAP, part, no_wrap=True)
        else:
            lines.append(Text.assemble(part, no_wrap=True))
    return lines


def _cut(text: str, width: int, style: str) -> Text:
    cut = Text(printable(text), style, no_wrap=True)
    cut.truncate(width, overflow="ellipsis")
    return cut
