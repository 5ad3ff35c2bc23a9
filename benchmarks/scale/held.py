"""Where the time of a cluster's slots went: into epochs that counted, epochs in vain, workers that start, gaps."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(slots=True)
class Slot:
    """One node with room for one trial; times are `time.time()`."""

    joined: float
    removed: float
    epochs: list[tuple[tuple[int, int], float, float | None]] = field(default_factory=list)
    """((trial, epoch), begun, ended) in the order they were trained; None for one that was cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Seconds of all slots, from each node's joining to its removal, by what they went into."""

    trained: float
    """Epochs that the sweep was told of."""
    in_vain: float
    """Epochs that were cut off, or trained again elsewhere."""
    before: float
    """From a node's joining to its first epoch: a worker starts."""
    between: float
    """Between two epochs on a node: checkpoints, reports, the next job."""
    after: float
    """From a node's last epoch to its removal."""

    @property
    def all(self) -> float:
        """All of it."""
        return self.trained + self.in_vain + self.before + self.between + self.after

    @property
    def share(self) -> float:
        """The part that was training which counted, 0 to 1."""
        return self.trained / self.all


def slots(lines: Iterable[str], removed: Mapping[str, float], begun: float, ended: float) -> list[Slot]:
    """The slots that a log of `sleeping` tells of.

    Args:
        lines: of the log.
        removed: when nodes were killed, by name.
        begun: when the sweep first asked for workers: nodes that were there before count from then on.
        ended: when the last trial had ended: nodes that are there still count until then.
    """
    found: dict[str, Slot] = {}
    for line in lines:
        kind, *words = line.split()
        if kind == "join" and float(words[2]):
            node, name, _, moment = words
            found[node] = Slot(max(begun, float(moment)), min(ended, removed.get(name, ended)))
        elif kind in ("begin", "end"):
            node, trial, epoch, moment = words
            told, at = found[node].epochs, float(moment)
            if kind == "begin":
                told.append(((int(trial), int(epoch)), at, None))
            else:
                told[-1] = (*told[-1][:2], at)
    return [slot for slot in found.values() if slot.removed > slot.joined]


def held(of: Iterable[Slot]) -> Held:
    """Where the time of these slots went. Of an epoch that was trained twice the later one counts."""
    of = list(of)
    last: dict[tuple[int, int], float] = defaultdict(float)
    for slot in of:
        for epoch, _, until in slot.epochs:
            last[epoch] = max(last[epoch], until or 0.0)
    trained = in_vain = before = between = after = 0.0
    for slot in of:
        now = slot.joined
        for index, (epoch, since, until) in enumerate(slot.epochs):
            gap, now = since - now, min(slot.removed, until or slot.removed)
            if index:
                between += gap
            else:
                before += gap
            if until == last[epoch]:
                trained += now - since
            else:
                in_vain += now - since
        if slot.epochs:
            after += slot.removed - now
        else:
            before += slot.removed - now
    return Held(trained=trained, in_vain=in_vain, before=before, between=between, after=after)
