"""Prints several sweeps beside each other: each in a line, then the best trials of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...search.driver import format_duration
from ...search.records import is_compared
from ...spaces import WIDTH, printable, short
from .folding import folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ...search.frames import SweepFrames


@dataclass(frozen=True, slots=True)
class ComparedSweep:
    """A sweep that stands beside others, wherever it was read."""

    name: str
    """The sweep's name."""
    state: str
    """How it stands, in a word."""
    frames: SweepFrames
    """All that it learnt."""
    answer: Mapping[str, Any] | None = None
    """Of a design question: the answer as `ask -o json` has it; None before there is any."""


def comparison_text(sweeps: Sequence[ComparedSweep], most: int) -> str:
    """Sweeps as a table, one line each; the best trials of all of them, two lines each; and answers to questions.

    Args:
        sweeps: what is compared, one or more.
        most: how many trials to show.
    """
    wide = max(len("sweep"), *(len(sweep.name) for sweep in sweeps))
    lines = [
        f"{'sweep':<{wide}}  {'state':<11} {'trials':>6} {'accuracy':>8}  {'over seeds':<20} {'epochs':>6} {'time':>8}"
    ]
    lines.append("-" * max(WIDTH, len(lines[0])))
    for sweep in sweeps:
        trials = sweep.frames.trials
        best = _searched(trials).head(1)
        accuracy = f"{best['accuracy'].iloc[0]:.4f}" if len(best) else ""
        count, epochs = int(trials["repeats"].isna().sum()), len(sweep.frames.curves)
        time = format_duration(float(trials["seconds"].sum()))
        lines.append(
            f"{printable(sweep.name):<{wide}}  {printable(sweep.state):<11.11} {count:>6,} {accuracy:>8}  "
            f"{_over_seeds(best):<20} {epochs:>6,} {time:>8}"
        )
    import pandas as pd

    ranked = pd.concat([_searched(sweep.frames.trials) for sweep in sweeps])
    reached = ranked["mean_accuracy"].fillna(ranked["accuracy"])
    found = ranked.assign(reached=reached, finalist=ranked["mean_accuracy"].notna())
    found = found.sort_values(["finalist", "reached"], ascending=False, kind="stable")
    if len(found):
        lines += [
            "",
            f"{'sweep':<{wide}}  {'trial':>6} {'accuracy':>8}  {'over seeds':<20} {'parameters':>11} {'MACs':>6}",
        ]
        lines.append("-" * max(WIDTH, len(lines[-1])))
    for _, row in found.head(most).iterrows():
        lines.append(
            f"{printable(row['sweep']):<{wide}}  {row['trial']:>6} {row['accuracy']:>8.4f}  "
            f"{_over_seeds(row.to_frame().T):<20} {row['parameters']:>11,} {short(float(row['macs'])):>6}"
        )
        lines.append(f"    {_cut(printable(row['notation']), WIDTH - 4)}")
    if len(found) > most:
        lines.append(f"    … and {len(found) - most:,} more, which `-n {len(found)}` shows")
    for sweep in sweeps:
        if sweep.answer:
            lines += ["", f"{printable(sweep.name)}:", *folded(*sweep.answer["lines"])]
    if len(sweeps) > 1:
        lines += ["", "Accuracies are on each sweep's own validation images: sweeps of other data do not compare."]
    return "\n".join(lines)


def comparison_json(sweeps: Sequence[ComparedSweep]) -> dict[str, Any]:
    """Sweeps as values for JSON: each with its name, its state, its trials, best first, and its answer, if any.

    Args:
        sweeps: what is compared.
    """
    return {
        "sweeps": [
            {
                "name": sweep.name,
                "state": sweep.state,
                "trials": _values(_ranked(sweep.frames.trials)),
                **({"answer": sweep.answer} if sweep.answer else {}),
            }
            for sweep in sweeps
        ]
    }


def _ranked(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[trials["rank"].notna()].sort_values("rank")


def _searched(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials of a search, best first; none of a design question, which seeks no best one."""
    return _ranked(trials[~trials["role"].map(is_compared).astype(bool)])


def _values(trials: pd.DataFrame) -> list[dict[str, Any]]:
    plain = trials.astype(object).where(trials.notna(), None)
    return plain.to_dict("records")  # pyright: ignore[reportReturnType] - the columns are texts


def _over_seeds(best: pd.DataFrame) -> str:
    if not len(best) or best["mean_accuracy"].isna().all():
        return ""
    row = best.iloc[0]
    spread = "" if row["std_accuracy"] != row["std_accuracy"] else f"±{row['std_accuracy']:.4f}"
    return f"{row['mean_accuracy']:.4f}{spread} of {row['seeds']:.0f}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
