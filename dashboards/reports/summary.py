"""A sweep as a page of Markdown, the description of its run in MLflow: asked, found, spent, and what is next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search import folder_option
from ...search.driver import asked_rows, format_duration, how_to_go_on, images_in_words
from ...search.tracking import LONGEST_NOTE, REPORT
from ...spaces import format_layer_table
from ...trainers.export import block, code, plain
from ..text import accuracy_lines, front, phases, recipe, spent, standing_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search import Sweep
    from ...search.records import TrialRecord

WHOLE = f"The whole of it, with figures: {code(REPORT)} among the artifacts of this run."
"""The line that leads from the summary to the report."""


def summary_markdown(sweep: Sweep, records: Sequence[TrialRecord]) -> str:
    """What was asked of a sweep that has ended, what it found, what that cost and what to type next, as Markdown.

    What is longer than the description of a run in MLflow may be ends at a whole line, with a pointer to the report.
    Names and whatever else comes from files is shown as text.

    Args:
        sweep: the sweep.
        records: all of its trials.

    Raises:
        SweepError: inputs.json is damaged.
    """
    trials = sweep.summaries(records)
    shape = records[0].design.architecture.input if records else ()
    first = f"**{plain(sweep.name)}**: what a search for a convolutional network came to"
    asked = ["### Asked", "", *asked_rows(sweep.config, images_in_words(sweep, shape))]
    lines = [first, "", WHOLE, ""]
    answer = sweep.answer(records)
    if answer and trials:
        from ..text import answer_lines  # scipy comes with it

        first = f"**{plain(sweep.name)}**: what a design question came to"
        lines = [first, "", WHOLE, "", "### Found", ""]
        lines += [part for line in answer_lines(sweep, answer) for part in (plain(line), "")]
        lines += [*asked, "", *_cost(sweep, records), *_next(sweep, records)]
    elif trials:
        winner = next(record for record in records if record.number == trials[0].trial)
        said, *more = _unwrapped([*accuracy_lines(trials[0], records), *standing_lines(sweep, trials, records)])
        lines += ["### Found", "", plain(said), "", *(f"- {plain(line)}" for line in more)]
        lines += ["", *block(f"{trials[0].notation}\n{recipe(winner)}"), ""]
        lines += [*_block(front(trials, sweep.config.search.objectives)), *asked, "", *_cost(sweep, records)]
        lines += [*_next(sweep, records), "### Layers of the winner", ""]
        lines += block(format_layer_table(winner.design.architecture).rstrip())  # last: it may be long
    else:
        lines += ["### Found", "", *map(plain, str(sweep.no_result(records)).splitlines()), ""]
        lines += [*asked, "", *_cost(sweep, records)]
    return fitted(lines, LONGEST_NOTE)


def fitted(lines: Sequence[str], most: int) -> str:
    """Lines of Markdown as one text; those at the end for which there is no room are left out, which a last line says.

    Args:
        lines: of the text. A block of code in them begins and ends with a line of backticks.
        most: characters of the text, at most.

    >>> fitted(["winner", "CONV3-8"], 200).splitlines()
    ['winner', 'CONV3-8']
    """
    whole = "\n".join(lines)
    if len(whole) <= most:
        return whole
    fence, kept, left = "", list[str](), most
    for line in lines:
        ends = f"\n{fence}\n\n… {WHOLE}" if fence else f"\n\n… {WHOLE}"
        if len(line) + 1 + len(ends) + len(line) * line.startswith("```") > left:
            return "\n".join(kept) + ends
        kept.append(line)
        left -= len(line) + 1
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line
    return "\n".join(kept)


def _cost(sweep: Sweep, records: Sequence[TrialRecord]) -> list[str]:
    """What the sweep spent: trials by how they ended, epochs, the workers' time, and the part of each phase."""
    epochs = sum(record.epochs for record in records)
    seconds = sum(record.seconds for record in records)
    total = f"in all: {epochs:,} epochs, {format_duration(seconds)} of the workers' time"
    return ["### Cost", "", *_block([*spent(sweep.counts(records), records), total, *phases(records)])]


def _next(sweep: Sweep, records: Sequence[TrialRecord]) -> list[str]:
    """What to type next."""
    option, name = folder_option(sweep.config), sweep.name
    asks = sweep.config.question is not None
    commands = {
        **({} if asks else {f"convscape export {name}{option} --to exported/{name}": "the winner as files"}),
        f"convscape compare {name}{option}": "all of the answer" if asks else "the trials, best first",
        f"convscape dashboard {name}{option}": "the report, served on the machine that has the sweep",
    }
    shown = [f"- {code(command)}: {what}" for command, what in commands.items()]
    said, _, command = how_to_go_on(sweep, records).partition("More: ")
    more = f"- {code(command)}: more trials" if command else f"- {plain(said)}" if said else ""
    return ["### Next", "", *shown, *([more] if more else []), ""]


def _block(lines: Sequence[str]) -> list[str]:
    """Lines as a block, and an empty one after it; none of none."""
    return [*block("\n".join(lines).strip("\n")), ""] if lines else []


def _unwrapped(lines: Sequence[str]) -> list[str]:
    """Lines of the terminal's text as whole sentences: what is indented further, or follows a semicolon, goes on."""
    whole: list[str] = []
    for line in lines:
        if whole and (line.startswith("    ") or whole[-1].endswith(";")):
            whole[-1] = f"{whole[-1]} {line.strip()}"
        else:
            whole.append(line.strip())
    return whole
