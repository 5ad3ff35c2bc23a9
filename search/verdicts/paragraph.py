"""The answer of an experiment as a paragraph for a report, with its method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records import epochs_in_words
from .notes import different_networks
from .stopping import INTERIM

if TYPE_CHECKING:
    from .answer import Answer
    from .contrast import Contrast

MATCHED = {
    "parameters": "their widths scaled so that parameters agree within 2 %",
    "macs": "their widths scaled so that multiply-accumulates agree within 2 %",
    "memory": "their widths scaled so that the memory of a training step agrees within 2 %",
    "none": "their costs not matched",
}


def points(difference: float) -> str:
    """A difference of accuracies in percentage points, with its sign.

    >>> points(0.0123), points(-0.004)
    ('+1.23', '-0.40')
    """
    return f"{100 * difference:+.2f}"


def paragraph(answer: Answer, match: str, epochs: int) -> str:
    """What an experiment found and how, in sentences that can be put into a report.

    Args:
        answer: of the experiment.
        match: what every variant of a base costs alike, as `question.match`.
        epochs: that every network was trained for; 0 where that is not known.
    """
    experiment = answer.experiment
    found = " ".join(_finding(contrast) for contrast in answer.contrasts)
    times = "once" if experiment.seeds == 1 else f"from {experiment.seeds} seeds"
    long = f" for {epochs_in_words(epochs)}" if epochs else ""
    tuned = (
        f"The learning rate is the best of {len(experiment.rates)} for all variants together by validation on "
        f"{experiment.tuned} of the designs, or a variant's own where that is clearly better{_edge(answer)}. "
        if experiment.tuned
        else f"The learning rate is {experiment.rates[0]:g}. "
    )
    several = f", Holm's correction over {len(answer.contrasts)} contrasts" if len(answer.contrasts) > 1 else ""
    interval = next((contrast.interval for contrast in answer.contrasts if contrast.interval), None)
    method = f" (95 % interval: {interval.method} on designs)" if interval else ""
    early = f" It ended early by the rule of Haybittle and Peto, at p below {INTERIM}." if answer.early else ""
    counted = {
        "Trainings that diverged and count as guessing": sum(answer.diverged.values()),
        "Trainings that failed otherwise, whose designs are left out": len(answer.failed),
        "Designs on which no variant learnt anything, and which count": len(answer.unlearnt),
        "Designs that could not be built or matched in every variant, and are left out": len(experiment.left_out),
    }
    told = "".join(f" {what}: {count}." for what, count in counted.items() if count)
    one = different_networks(experiment.bases) == 1
    drawn = "recipes were drawn for one network, which was" if one else "base designs drawn from the space were"
    alike = all(len({design.notation for design in base.values()}) == 1 for base in experiment.bases)
    built = "trained in every variant" if alike else f"built in every variant, {MATCHED[match]}, and trained"
    bases = f"{answer.bases} {drawn} {built}"
    means = ", as means over seeds" if experiment.seeds > 1 else ""
    measured = f"Differences are of validation accuracy after the last epoch, within designs{means}{method}"
    return (
        f"{found} Method: {bases} {times}{long} on the same images in the same order. {tuned}{measured}; "
        f"p of a two-sided permutation test{several}.{early}{told}"
    )


def _finding(contrast: Contrast) -> str:
    """One contrast as a sentence."""
    if not contrast.pairs or contrast.interval is None:
        return f"Of {contrast.a} and {contrast.b} too few pairs came to their end to say anything."
    interval = f"95 % interval {points(contrast.interval.low)} to {points(contrast.interval.high)}"
    shown = f"{points(contrast.difference)} points, {interval}, n = {len(contrast.pairs)}, p = {contrast.p:.2g}"
    if contrast.better:
        other = contrast.b if contrast.better == contrast.a else contrast.a
        return f"{_capital(contrast.better)} is better than {other} ({contrast.a} less {contrast.b}: {shown})."
    least = (
        f"; a difference of {100 * contrast.detectable:.2f} points would have shown in 8 of 10"
        if contrast.detectable
        else ""
    )
    return f"Between {contrast.a} and {contrast.b} nothing is settled ({shown}{least})."


def _edge(answer: Answer) -> str:
    """Which variants do best with the lowest or highest rate that was tried, as the end of a sentence."""
    edges = [name for name, tuned in (answer.rates or {}).items() if tuned.at_the_edge]
    return f"; {' and '.join(edges)} did best at the edge of the rates tried" if edges else ""


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
