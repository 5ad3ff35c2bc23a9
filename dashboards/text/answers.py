"""The answer of a design question, for a terminal and as JSON."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from ...search import folder_option
from ...search.driver import format_duration
from ...search.verdicts import cost_of, experiment_notes, paragraph, plan_lines, points
from ...spaces import readable_bytes
from .folding import folded
from .verdicts import epochs_trained, first_line, lost_lines, verdict_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search import Sweep
    from ...search.config import SweepConfig
    from ...search.records import Experiment, TrialRecord
    from ...search.verdicts import Answer, Contrast, Costs

LARGEST_RATE = 100.0
"""The largest learning rate that a recipe may have."""
MOST_LEFT_OUT = 3
"""Reasons why bases were left out that are told."""


def answer_text(sweep: Sweep, answer: Answer) -> str:
    """What an experiment says so far or at its end: its first line, verdicts, costs, learning rates, a paragraph.

    Args:
        sweep: the sweep that asks the question.
        answer: what `sweep.answer()` gave.
    """
    lines = folded(first_line(sweep, answer), "")
    for contrast in answer.contrasts:
        lines += folded(*_contrast_lines(contrast), "")
    lines += [*_cost_lines(answer), *folded(*_rate_lines(answer), *_notes(answer, sweep.config.search.seed))]
    if answer.ended:
        lines += folded("", paragraph(answer, _match(sweep), epochs_trained(answer)))
    elif not sweep.running:
        lines += ["", f"Not all of it is trained. Go on: convscape resume {sweep.name}{folder_option(sweep.config)}"]
    return "\n".join(lines)


def answer_lines(sweep: Sweep, answer: Answer) -> list[str]:
    """The answer as whole sentences: what was asked, a verdict for each contrast, what bounds it, learning rates, and
    at the end the paragraph.

    Args:
        sweep: the sweep that asks the question.
        answer: what `sweep.answer()` gave.
    """
    whole = [paragraph(answer, _match(sweep), epochs_trained(answer))] if answer.ended else []
    rates = [line.strip() for line in _rate_lines(answer) if line]
    return [*verdict_lines(sweep, answer), *experiment_notes(answer.experiment), *rates, *whole]


def experiment_text(config: SweepConfig, experiment: Experiment, seconds: float | None = None) -> str:
    """What would be trained to settle a question: how much, what of it is left out, and the first base as an example.

    Args:
        config: the sweep file, with its question.
        experiment: what is planned.
        seconds: that all of it will take here; None where that cannot be measured here.
    """
    asked = config.question
    assert asked is not None
    equal = "as it is" if asked.match == "none" else f"at equal {asked.match}"
    first, *planned = plan_lines(experiment, config.search.epochs)
    lines = [
        f"{asked.ask} on {config.data.name}, as sweep {config.name}: {first}",
        *planned,
        *_time_line(seconds, config.search.seconds),
        *experiment_notes(experiment),
        f"the first base, {equal}:",
    ]
    for name, design in experiment.bases[0].items():
        costs = f"{design.parameters:,} parameters, {design.macs:,} MACs"
        memory = readable_bytes(cost_of(design, "memory"))
        lines += [f"  {name}: {costs}, {memory} of memory in training", f"    {design.notation}"]
    return "\n".join(part for line in lines for part in ([line] if line.startswith("    ") else folded(line)))


def _time_line(seconds: float | None, allowed: float | None) -> list[str]:
    if seconds is None:
        return ["time: not known: what trains on GPUs or a cluster, or not at all, cannot be measured here"]
    most = f", of which search.seconds allows {format_duration(allowed)}" if allowed and allowed < seconds else ""
    return [f"time: about {format_duration(max(1.0, seconds))} of training on this machine{most}"]


def answer_of_sweep(sweep: Sweep, trials: Sequence[TrialRecord]) -> dict[str, Any] | None:
    """`answer_json` of what a sweep says so far, or at its end; None of a search, and before there is anything.

    Args:
        sweep: the sweep.
        trials: all of it.
    """
    answer = sweep.answer(trials)
    return answer and answer_json(sweep, answer)


def answer_json(sweep: Sweep, answer: Answer) -> dict[str, Any]:
    """The answer as plain values, from which everything can be plotted elsewhere.

    Args:
        sweep: the sweep that asks the question.
        answer: what `sweep.answer()` gave.
    """
    assert sweep.config.question is not None
    return {
        "question": sweep.config.question.ask,
        "name": sweep.name,
        "ended": answer.ended,
        "ended_early": answer.early,
        "pairs": answer.pairs,
        "planned": len(answer.experiment.bases),
        "seeds": answer.experiment.seeds,
        "epochs": epochs_trained(answer),
        "match": _match(sweep),
        "left_out": [*answer.experiment.left_out, *answer.failed],
        "diverged": dict(answer.diverged),
        "unlearnt": list(answer.unlearnt),
        "contrasts": [_contrast_json(contrast) for contrast in answer.contrasts],
        "learning_rates": {
            name: {
                "rate": tuned.rate,
                "accuracies": {f"{rate:g}": mean for rate, mean in tuned.accuracies.items()},
                "gain": tuned.gain,
            }
            for name, tuned in (answer.rates or {}).items()
        },
        "paragraph": paragraph(answer, _match(sweep), epochs_trained(answer)),
        "lines": answer_lines(sweep, answer),
        "tracking_uri": sweep.tracking_uri,
        "run_id": sweep.run_ids().get(None),
    }


def _contrast_json(contrast: Contrast) -> dict[str, Any]:
    first, second = contrast.costs
    interval = contrast.interval
    return {
        "a": contrast.a,
        "b": contrast.b,
        "difference": contrast.difference,
        "median": contrast.median,
        "median_interval": contrast.median_interval and list(contrast.median_interval),
        "differences": list(contrast.differences),
        "bases": [pair.base for pair in contrast.pairs],
        "interval": [interval.low, interval.high] if interval else None,
        "method": interval.method if interval else None,
        "p": contrast.p,
        "level": contrast.level,
        "wins": contrast.wins,
        "ties": contrast.ties,
        "verdict": contrast.verdict,
        "better": contrast.better,
        "detectable": contrast.detectable,
        "needed": contrast.needed,
        **{cost: [getattr(first, cost), getattr(second, cost)] for cost in ("parameters", "macs", "memory")},
        "seconds": [first.seconds or None, second.seconds or None],
    }


def _contrast_lines(contrast: Contrast) -> list[str]:
    count, interval = len(contrast.pairs), contrast.interval
    lines = [f"{contrast.a} less {contrast.b}: {contrast.verdict}"]
    if interval is None:
        return lines
    bounds = f"{points(interval.low)} to {points(interval.high)} ({interval.method})"
    lines.append(f"  difference   {points(contrast.difference)} points, 95 % interval {bounds}")
    wins = f"better in {contrast.wins} of {count}, equal in {contrast.ties}"
    chance = f"p = {contrast.p:.2g}" + (f", settled at {contrast.level:g} or less" if contrast.level else "")
    middle = contrast.median_interval
    around = f", 95 % interval {points(middle[0])} to {points(middle[1])} (exact)" if middle else ""
    lines += [f"  median       {points(contrast.median)} points{around}", f"  {wins}; {chance}"]
    if contrast.detectable:
        lines.append(f"  {count} pairs show {100 * contrast.detectable:.2f} points or more with power 0.8")
    return lines


def _cost_lines(answer: Answer) -> list[str]:
    costs: dict[str, Costs] = {}
    for contrast in answer.contrasts:
        if contrast.pairs:
            costs.setdefault(contrast.a, contrast.costs[0])
            costs.setdefault(contrast.b, contrast.costs[1])
    if not costs:
        return []
    width = max(len(name) for name in costs)
    lines = [f"{'':<{width}} {'parameters':>12} {'MACs':>14} {'memory':>10} {'an epoch':>9}"]
    for name, each in costs.items():
        memory, seconds = readable_bytes(round(each.memory)), f"{each.seconds:.3g} s" if each.seconds else "-"
        lines.append(f"{name:<{width}} {each.parameters:>12,.0f} {each.macs:>14,.0f} {memory:>10} {seconds:>9}")
    return lines


def _rate_lines(answer: Answer) -> list[str]:
    if answer.rates is None:
        return ["", "Learning rates are being tuned."]
    if not any(tuned.accuracies for tuned in answer.rates.values()):
        return ["", f"Learning rate: {answer.experiment.rates[0]:g}."]
    tried = ", ".join(f"{rate:g}" for rate in answer.experiment.rates)
    bases = f"{answer.experiment.tuned} bases" if answer.experiment.tuned > 1 else "one base"
    lines = ["", f"Learning rates, of {tried} on {bases}:"]
    for name, tuned in answer.rates.items():
        best = f"{tuned.best:g}{', the edge of what was tried' * tuned.at_the_edge}"
        used = best if tuned.best == tuned.rate else f"{tuned.rate:g}; by itself {best}, not clearly better"
        lines.append(f"  {name}: {used}; {100 * tuned.gain:.2f} points from best to worst")
    if any(tuned.at_the_edge for tuned in answer.rates.values()):
        lines.append(f"A better rate may lie beyond the edge: --set 'question.rates=[{_wider(answer)}]' tries more.")
    return lines


def _wider(answer: Answer) -> str:
    """The rates that were tried, and one more beyond each edge that was the best."""
    rates = sorted(answer.experiment.rates)
    best = {tuned.best for tuned in (answer.rates or {}).values()}
    below = [f"{rates[0] * rates[0] / rates[1]:.3g}"] if rates[0] in best else []
    above = [f"{min(LARGEST_RATE, rates[-1] * rates[-1] / rates[-2]):.3g}"] if rates[-1] in best else []
    return ", ".join([*below, *(f"{rate:g}" for rate in rates), *above])


def _notes(answer: Answer, seed: int) -> list[str]:
    lines = [*experiment_notes(answer.experiment), *(f"Failed: {each}" for each in answer.failed[:MOST_LEFT_OUT])]
    lines += lost_lines(answer)
    if answer.unlearnt:
        without = [
            f"{contrast.a} less {contrast.b} {points(statistics.fmean(known))} points (n = {len(known)})"
            for contrast in answer.contrasts
            if (known := [pair.difference for pair in contrast.pairs if pair.learnt])
        ]
        lines += [f"Without these bases: {', '.join(without)}."] if without else []
    if answer.early:
        lines.append(f"Ended early: all is settled after {answer.bases} of {len(answer.experiment.bases)} bases.")
    if answer.ended and (more := [contrast.needed for contrast in answer.contrasts if contrast.needed]):
        lines.append(
            f"To ask anew with --set question.pairs={max(more)}, add --set search.seed={seed + 1}, which draws other "
            "bases, so that these do not count twice, and --set name=ANOTHER, which keeps this answer."
        )
    return ["", *lines] if lines else []


def _match(sweep: Sweep) -> str:
    assert sweep.config.question is not None
    return sweep.config.question.match
