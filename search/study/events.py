"""The events of a study, as Optuna's journal has them, read from its file without Optuna, whose import takes long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from ..files import CONFIG, LINES, PROGRESS, TRIALS, has_seal, read_lines, read_or_tell, unseal

if TYPE_CHECKING:
    from pathlib import Path

CREATE_STUDY, SET_STUDY_USER_ATTR, CREATE_TRIAL, SET_TRIAL_PARAM = 0, 2, 4, 5
SET_TRIAL_STATE_VALUES, SET_TRIAL_INTERMEDIATE_VALUE, SET_TRIAL_USER_ATTR = 6, 7, 8
"""Kinds of events, by the `op_code` that Optuna writes."""
KINDS = range(11)
"""All kinds that Optuna knows."""
ENDED = (1, 2, 3)
"""The states, as Optuna writes them, of trials that are complete, pruned or failed: no later event changes them."""


@dataclass(frozen=True, slots=True)
class StudyEvents:
    """What a study's file holds."""

    events: list[dict[str, Any]]
    """The event of each whole line, without its seal."""
    sizes: list[int]
    """Bytes of each whole line."""
    torn: int
    """Bytes of a last line that a kill cut short, or that is being written."""


def read_events(path: Path) -> StudyEvents:
    """The events of a study; none where its file is not there.

    Args:
        path: the study's file, in the sweep's folder.

    Raises:
        SweepError: a line was changed, is gone, or does not belong there; says which.
    """
    least = _least_lines(path.parent)  # first, for both files may grow meanwhile
    events: list[dict[str, Any]] = []
    sizes: list[int] = []
    torn, sealed = 0, has_seal(path.with_name(CONFIG))
    for line in read_lines(path) if path.exists() else ():
        if not line.endswith(b"\n"):
            torn = len(line)
            break
        sizes.append(len(line))
        try:
            event, sealed = unseal(line, len(sizes), sealed=sealed)
        except ValueError as error:
            raise damaged(f"{path}:{len(sizes)}", str(error)) from None
        events.append(event)
    if events and events[0].get("op_code") != CREATE_STUDY:
        raise damaged(f"{path}:1", "not the beginning of a study")
    if len(sizes) + bool(sizes and torn) < least:
        raise damaged(
            f"{path}:{len(sizes) + 1}", f"lines are gone: there were {least} at least", _GO_ON if sizes else ""
        )
    return StudyEvents(events, sizes, torn)


def whole_lines(path: Path) -> int:
    """How many lines of a study nobody takes back when it goes on: all but those of a last proposal that is not whole.

    Args:
        path: the study's file, in the sweep's folder.

    Raises:
        SweepError: a line was changed, is gone, or does not belong there; says which.
    """
    return whole_proposals(read_events(path).events)


def whole_proposals(events: list[dict[str, Any]]) -> int:
    """How many events there are before a last proposal that has neither a design, its first attribute, nor failed."""
    for index in reversed(range(len(events))):
        if ends_proposal(events[index]):
            break
        if events[index].get("op_code") == CREATE_TRIAL:
            return index
    return len(events)


def ends_proposal(event: dict[str, Any]) -> bool:
    """Whether a proposal is whole with an event: it has its design, or has failed."""
    code = event.get("op_code")
    return code == SET_TRIAL_USER_ATTR or (code == SET_TRIAL_STATE_VALUES and event.get("state") in ENDED)


def damaged(where: str, what: str, else_do: str = "") -> SweepError:
    """The error that says that a sweep's study cannot be read."""
    return SweepError(
        f"{where}: {what}", f"The file was changed from outside, or its disk fails: restore it from a copy.{else_do}"
    )


_GO_ON = f" To go on with what is left delete {PROGRESS} beside it."


def _least_lines(folder: Path) -> int:
    """How many lines the study must have: as many as the driver wrote down, and one where trials were trained."""
    lines = (read_or_tell(folder / PROGRESS) or {}).get(LINES)
    trained = int(any((folder / TRIALS).glob("*")))
    return max(lines if isinstance(lines, int) else 0, trained)
