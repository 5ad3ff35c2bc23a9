"""The path from a sweep's first design to its best, one change at a time, by a model of all trials.

Ablation between two configurations (Fawcett & Hoos 2016), with predictions in place of trainings (Biedenkapp et al.
2017): most designs between the two were never trained.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..records import TrialRecord

FEWEST = 20
"""Trials below which no path is given."""
MOST = 1500
"""Trials spread evenly over the sweep that the forests learn from, at most, beside a third as many of the longest and
best: more take long and change little."""
FORESTS, TREES = 10, 20
"""Forests, each of trials drawn anew, and trees of each."""
Settings = dict[str, Any]
"""Values of a design's settings by name; what a design is not asked for is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A design on the way from the first to the best, and what changed to come to it."""

    changes: tuple[tuple[str, Any, Any], ...]
    """Setting, value before and value after of what changes in this step; None for a value that is not asked for. The
    first is the one that the others depend on. () for the design that the path begins with."""
    predicted: float
    """Validation accuracy at full length by the mean of the forests, 0 to 1."""
    gain: float
    """How far that is above the step before; 0 for the first design."""
    deviation: float
    """Standard deviation of the gain over the forests."""
    trial: int | None
    """Number of the best trial of full length that has this very design; None where there is none."""
    measured: float | None
    """That trial's highest validation accuracy, 0 to 1; None where there is no such trial."""

    @property
    def words(self) -> str:
        """The changes as text: "stages 2 to 3, with stage3.kernel 5"; "" for the first design."""
        if not self.changes:
            return ""
        (name, before, after), *others = self.changes
        brought = [f"{other} {_shown(value)}" for other, _, value in others if value is not None]
        ended = [other for other, _, value in others if value is None]
        more = (f", with {', '.join(brought)}" if brought else "") + (f", without {', '.join(ended)}" if ended else "")
        return f"{name} {_shown(before)} to {_shown(after)}{more}"


def change_path(records: Sequence[TrialRecord], best: int | None) -> list[PathStep]:
    """The way from the first design to the best, each step the one change that the model expects most of.

    The first design is the first of `search.start` whose settings are known, or else the first that was sampled. A
    random forest is taught the validation accuracy of all trials by settings and epochs, and predicts each design
    between the two at the length of the longest trial. A setting that only one of both designs has changes with the
    setting that decides, in most trials, whether it is asked for.

    Args:
        records: all trials of the sweep, as they were read from disk.
        best: number of the trial that won; None where none has a result.

    Returns:
        The first design, then one step for each change; [] where fewer than FEWEST trials can be learnt from, or the
        winner was named and its settings are not known, or it is the first design.
    """
    known = [r for r in records if r.params and r.accuracies and r.trained and not r.repetition and not r.failed]
    winner = next((record for record in known if record.number == best), None)
    if winner is None or len(known) < FEWEST:
        return []
    first = next((r for r in known if r.start), None) or next((r for r in known if r.sampled), known[0])
    here, target = _settings(first), _settings(winner)
    if here == target:
        return []
    model = _Forests(known)
    trained = _trained(known)
    predicted = model.of([here])[0]
    steps = [_step((), here, predicted, predicted, trained)]
    groups = _grouped(here, target, [_settings(record) for record in known])
    while groups:
        nexts = [_changed(here, target, group) for group in groups]
        found = model.of(nexts)
        at = max(range(len(groups)), key=lambda index: mean(found[index]))
        changes = tuple((name, here.get(name), target.get(name)) for name in groups.pop(at))
        here = nexts[at]
        steps.append(_step(changes, here, found[at], predicted, trained))
        predicted = found[at]
    return steps


def _step(
    changes: tuple[tuple[str, Any, Any], ...],
    design: Settings,
    predicted: Sequence[float],
    before: Sequence[float],
    trained: Mapping[Any, TrialRecord],
) -> PathStep:
    gains = [now - then for now, then in zip(predicted, before, strict=True)]
    same = trained.get(_key(design))
    return PathStep(
        changes=changes,
        predicted=mean(predicted),
        gain=mean(gains),
        deviation=stdev(gains),
        trial=same and same.number,
        measured=same and same.accuracy,
    )


def _settings(record: TrialRecord) -> Settings:
    return {name.partition(" in ")[0]: value for name, value in record.params.items()}


def _key(design: Settings) -> Any:
    return frozenset((name, str(value)) for name, value in design.items())


def _trained(records: Sequence[TrialRecord]) -> dict[Any, TrialRecord]:
    """The best trial of full length of each design."""
    ended = [record for record in records if record.completed]
    return {_key(_settings(record)): record for record in sorted(ended, key=lambda each: each.accuracy or 0.0)}


def _changed(here: Settings, target: Settings, names: Sequence[str]) -> Settings:
    kept = {name: value for name, value in here.items() if name not in names}
    return kept | {name: target[name] for name in names if name in target}


def _grouped(here: Settings, target: Settings, designs: Sequence[Settings]) -> list[list[str]]:
    """The settings that differ, each with those that are asked for because of it."""
    differ = [name for name in dict.fromkeys([*here, *target]) if here.get(name) != target.get(name)]
    deciding = [name for name in differ if name in here and name in target]
    groups = {name: [name] for name in deciding}
    for name in differ:
        if name not in groups:
            parent = max(deciding, key=lambda other: _told_by(name, other, designs), default=name)
            groups.setdefault(parent, []).append(name)
    return list(groups.values())


def _told_by(name: str, other: str, designs: Sequence[Settings]) -> float:
    """How well the value of `other` tells whether a design has `name`: mutual information, in nats."""
    pairs = Counter((str(design.get(other)), name in design) for design in designs)
    by_value, by_presence = Counter[str](), Counter[bool]()
    for (value, there), count in pairs.items():
        by_value[value] += count
        by_presence[there] += count
    total = len(designs)
    return sum(
        count / total * math.log(count * total / (by_value[value] * by_presence[there]))
        for (value, there), count in pairs.items()
    )


class _Forests:
    """Random forests that predict a design's validation accuracy at full length, each taught by other trials."""

    def __init__(self, records: Sequence[TrialRecord]) -> None:
        from sklearn.ensemble import RandomForestRegressor  # takes a second to load

        spread = np.unique(np.linspace(0, len(records) - 1, MOST).astype(int)).tolist()
        longest = sorted(range(len(records)), key=lambda at: (-records[at].epochs, -(records[at].accuracy or 0.0)))
        chosen = [records[at] for at in sorted({*spread, *longest[: MOST // 3]})]
        designs = [_settings(record) for record in chosen]
        self._epochs = max(record.epochs for record in chosen)
        self._columns = _columns(designs)
        ends = {record.epochs for record in chosen}
        rows, values, owners = [], [], []
        for owner, (record, design) in enumerate(zip(chosen, designs, strict=True)):
            for epoch in ends & record.accuracies.keys():
                rows.append(self._row(design, epoch))
                values.append(record.accuracies[epoch])
                owners.append(owner)
        table, truth = np.array(rows), np.nan_to_num(np.array(values))
        of_owner: defaultdict[int, list[int]] = defaultdict(list)
        for at, owner in enumerate(owners):
            of_owner[owner].append(at)
        random = np.random.default_rng(0)
        self._forests = []
        for seed in range(FORESTS):
            drawn = [at for owner in random.integers(0, len(chosen), len(chosen)) for at in of_owner[owner]]
            forest = RandomForestRegressor(n_estimators=TREES, min_samples_leaf=2, random_state=seed)
            self._forests.append(forest.fit(table[drawn], truth[drawn]))

    def of(self, designs: Sequence[Settings]) -> list[list[float]]:
        """What each forest predicts of each design at the length of the longest trial."""
        table = np.array([self._row(design, self._epochs) for design in designs])
        return np.array([forest.predict(table) for forest in self._forests]).T.tolist()

    def _row(self, design: Settings, epoch: int) -> list[float]:
        return [math.log2(epoch), *(_number(design.get(name), value) for name, value in self._columns)]


def _columns(designs: Sequence[Settings]) -> list[tuple[str, str | None]]:
    """What stands in each place of a row: a setting that is a number, or whether a setting has one of its values."""
    values: dict[str, set[Any]] = {}
    for design in designs:
        for name, value in design.items():
            values.setdefault(name, set()).add(value)
    columns: list[tuple[str, str | None]] = []
    for name, found in values.items():
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in found):
            columns.append((name, None))
        else:
            columns += [(name, str(value)) for value in sorted(map(str, found))]
    return columns


def _number(value: Any, wanted: str | None) -> float:
    """A place of a row; what is not asked for is far below every number."""
    if wanted is not None:
        return float(str(value) == wanted)
    return -1e9 if value is None else float(value)


def _shown(value: Any) -> str:
    return "not asked" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
