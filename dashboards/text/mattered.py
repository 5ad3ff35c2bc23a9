"""Prints what decided a sweep: the settings that mattered, and the winner beside the runner-up."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ...search.records import standings, sureness
from ...spaces import WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search import Sweep
    from ...search.records import TrialRecord, TrialSummary
    from ...search.study import SettingImportance

TOLD, MOST_DIFFERENCES = 4, 6
"""Settings that mattered, and settings in which two designs differ, that are told at most."""
LONGEST_VALUE = 40
"""Characters of a setting's value that are shown, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The trial that came second, and what its design has otherwise than the winner's."""

    trial: int
    behind: float
    """How far its accuracy is below the winner's: of the means over their seeds where both have them."""
    reach: float | None
    """Half the width of the 95 % interval of that; None where one of them has one run alone."""
    settings: dict[str, tuple[Any, Any]]
    """The winner's value and the runner-up's of each setting that differs, those that both have first; None where a
    design has no such setting."""


def runner_up(
    trials: Sequence[TrialSummary], records: Sequence[TrialRecord], images: int, at_most: int = 0
) -> RunnerUp | None:
    """The trial that came second beside the first; None where there is one alone.

    Args:
        trials: all that were trained, best first.
        records: all trials of the sweep.
        images: how many validation images a run has; 0 where that is not known.
        at_most: how many a finalist's runs may have together, more where they have splits of their own.
    """
    if len(trials) < 2:
        return None
    first, second = trials[:2]
    both, reach = first.mean_accuracy is not None and second.mean_accuracy is not None, None
    if both and images:
        found = sureness(standings(records), first.trial, images, at_most if at_most > images else None)
        reach = math.hypot(found[first.trial].reach, found[second.trial].reach)
    best, next_best = ((each.mean_accuracy or 0.0) if both else each.accuracy for each in (first, second))
    known = {record.number: record for record in records}
    settings = [_settings(known[each.trial]) for each in (first, second)]
    if not all(known[each.trial].params for each in (first, second)):  # a design that was named has none
        settings = [values | {"network": each.notation} for values, each in zip(settings, (first, second), strict=True)]
    pairs = {name: (settings[0].get(name), settings[1].get(name)) for name in settings[0].keys() | settings[1].keys()}
    differ = sorted((None in pair, name) for name, pair in pairs.items() if pair[0] != pair[1])
    return RunnerUp(
        trial=second.trial,
        behind=best - next_best,
        reach=reach,
        settings={name: pairs[name] for _, name in differ},
    )


def _settings(record: TrialRecord) -> dict[str, Any]:
    """All settings of a recipe, and those of a network as they were sampled; a name without the options it had."""
    return asdict(record.design.recipe) | {name.partition(" in ")[0]: value for name, value in record.params.items()}


def runner_up_lines(second: RunnerUp | None) -> list[str]:
    """The trial that came second beside the winner, as lines; none where there is no such trial."""
    if second is None:
        return []
    reach = "" if second.reach is None else f"±{second.reach:.4f} (95 %)"
    runs = "" if second.reach is not None else ", by one run each"
    differ = [f"{name} {_value(theirs)} for {_value(ours)}" for name, (ours, theirs) in second.settings.items()]
    more = f", and {len(differ) - MOST_DIFFERENCES} more" if len(differ) > MOST_DIFFERENCES else ""
    what = f"has {', '.join(differ[:MOST_DIFFERENCES])}{more}" if differ else "has the same settings"
    return _wrapped(f"the runner-up, trial {second.trial}, {what}: {second.behind:.4f}{reach} below{runs}")


def importance_lines(found: Sequence[SettingImportance]) -> list[str]:
    """Which settings decided which trials were among the best, as lines; none where nothing was varied.

    Args:
        found: of all settings, the most decisive first.
    """
    known = [each for each in found if each.share is not None]
    if not known:
        most = max((each.trials for each in found), default=0)
        return _wrapped(f"what mattered: unknown, {most} trials are too few to tell") if found else []
    mattered = [each for each in known if each.matters]
    bar = f"chance alone gives up to {known[0].chance:.2f}"
    if not mattered:
        first = f"{known[0].setting} has {_share(known[0])}"
        return _wrapped(f"what mattered: no setting stands out in {_most(known):,} trials ({first}, {bar})")
    most = _most(known)
    shown = [
        f"{each.setting} {_share(each)}" + (f" of the {each.trials} that have it" if each.trials < most else "")
        for each in mattered[:TOLD]
    ]
    return _wrapped(f"what mattered, of all that settings decided in {most:,} trials: {', '.join(shown)} ({bar})")


def mattered_json(sweep: Sweep, records: Sequence[TrialRecord]) -> dict[str, Any]:
    """The settings that mattered and the runner-up, as values for JSON.

    Args:
        sweep: the sweep.
        records: all of its trials.
    """
    second = runner_up(sweep.summaries(records), records, sweep.images[1], sweep.validated_in_finals)
    importance = [{**asdict(each), "matters": each.matters} for each in sweep.importances(records)]
    return {"importance": importance, "runner_up": second and asdict(second)}


def _most(found: Sequence[SettingImportance]) -> int:
    return max(each.trials for each in found)


def _share(found: SettingImportance) -> str:
    return f"{found.share:.2f}±{found.deviation:.2f}"


def _value(value: Any) -> str:
    text = "none" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _wrapped(text: str) -> list[str]:
    return wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
