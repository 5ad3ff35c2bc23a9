"""Reads the trials of a sweep from its study, without touching it, and without Optuna: commands are to answer soon."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ...spaces import ConvscapeError, SweepError
from ..files import STUDY, TRIALS
from ..records import Design, Experiment, Pairing, Role, TrialRecord
from .events import (
    CREATE_TRIAL,
    ENDED,
    KINDS,
    SET_STUDY_USER_ATTR,
    SET_TRIAL_INTERMEDIATE_VALUE,
    SET_TRIAL_PARAM,
    SET_TRIAL_STATE_VALUES,
    SET_TRIAL_USER_ATTR,
    damaged,
    read_events,
)

if TYPE_CHECKING:
    from pathlib import Path


TIME = "time"
"""Name among the metrics kept of an epoch for when it ended, in seconds since 1970."""
EXPERIMENT = "experiment"
"""User attribute of the Optuna study that keeps what is trained to settle a design question."""
LARGEST_ACCURACY = 10**6
"""Bound on an accuracy; 1 is all images. NaN is within it."""
ERRORS = (ArithmeticError, AssertionError, AttributeError, ConvscapeError, LookupError, TypeError, ValueError)
"""What Optuna and our records raise of events that nobody wrote."""


class KeptTrial(Protocol):
    """What a record is made of: Optuna's `FrozenTrial` is one."""

    @property
    def number(self) -> int:
        """The trial's number."""
        ...

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What was kept of it, by name."""
        ...

    @property
    def intermediate_values(self) -> dict[int, float]:
        """The validation accuracy after each epoch, 0 to 1, by epoch."""
        ...


@dataclass(slots=True, kw_only=True)
class _Trial:
    """A trial as its events tell of it."""

    number: int
    user_attrs: dict[str, Any] = field(default_factory=dict)
    intermediate_values: dict[int, float] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, str] = field(default_factory=dict)
    history: dict[int, dict[str, float]] = field(default_factory=dict)
    ended: bool = False

    def set_param(self, name: str, value: float, distribution: str) -> None:
        self.params[name], self.distributions[name] = _as_proposed(value, json.loads(distribution)), distribution


def read_trials(folder: Path) -> list[TrialRecord]:
    """The trials of the sweep in `folder`, in the order of their numbers; also while another process runs the sweep.

    Raises:
        SweepError: the study is damaged; says where.
    """
    found: list[TrialRecord] = []
    for kept in _on_disk(folder):
        try:
            if has_design(kept):
                found.append(record_of(kept))
                found[-1].params, found[-1].distributions = kept.params, kept.distributions
                found[-1].history = kept.history
        except ERRORS as error:
            raise damaged(str(folder / STUDY), f"trial {kept.number} cannot be read: {error!r:.200}") from None
    return found


def read_experiment(folder: Path) -> Experiment | None:
    """The experiment that the sweep in `folder` is, where it asks a design question; None before anything was trained.

    Raises:
        SweepError: the study is damaged; says where.
    """
    path = study_file(folder)
    for line, event in enumerate(read_events(path).events, 1):
        kept = event.get("user_attr") if event.get("op_code") == SET_STUDY_USER_ATTR else None
        if isinstance(kept, dict) and EXPERIMENT in kept:
            try:
                return Experiment.from_json(kept[EXPERIMENT])
            except ERRORS as error:
                raise damaged(f"{path}:{line}", f"no experiment: {error!r:.200}") from None
    return None


def _on_disk(folder: Path) -> list[_Trial]:
    path = study_file(folder)
    trials: dict[int, _Trial] = {}
    for line, event in enumerate(read_events(path).events, 1):
        try:
            _take(event, trials)
        except ERRORS as error:
            raise damaged(f"{path}:{line}", f"not an event of a study: {error!r:.200}") from None
    return list(trials.values())


def _take(event: dict[str, Any], trials: dict[int, _Trial]) -> None:
    """Does what Optuna does with an event, of the one study in the file, in which ids are numbers."""
    kind = event["op_code"]
    if kind == CREATE_TRIAL:
        values = {int(epoch): value for epoch, value in event.get("intermediate_values", {}).items()}
        attributes, ended = dict(event.get("user_attrs", {})), event.get("state") in ENDED
        trials[len(trials)] = made = _Trial(
            number=len(trials),
            user_attrs=attributes,
            intermediate_values=values,
            ended=ended,
        )
        for name, value in event.get("params", {}).items():
            made.set_param(name, value, event["distributions"][name])
    if kind not in KINDS:
        raise ValueError(f"no kind of event: {kind!r:.80}")
    if kind not in (SET_TRIAL_PARAM, SET_TRIAL_STATE_VALUES, SET_TRIAL_INTERMEDIATE_VALUE, SET_TRIAL_USER_ATTR):
        return
    trial = trials[event["trial_id"]]
    if trial.ended:
        return
    if kind == SET_TRIAL_PARAM:
        trial.set_param(event["param_name"], event["param_value_internal"], event["distribution"])
    elif kind == SET_TRIAL_STATE_VALUES:
        trial.ended = event["state"] in ENDED
    elif kind == SET_TRIAL_INTERMEDIATE_VALUE:
        trial.intermediate_values[event["step"]] = event["intermediate_value"]
    else:
        trial.user_attrs |= event["user_attr"]
        if metrics := event["user_attr"].get("metrics"):
            trial.history[int(metrics["epoch"])] = {
                name: value for name, value in metrics.items() if name != "epoch" and isinstance(value, int | float)
            }


def _as_proposed(value: float, distribution: dict[str, Any]) -> Any:
    """The value that a setting had, of the number that Optuna keeps for it."""
    if distribution["name"] == "CategoricalDistribution":
        return distribution["attributes"]["choices"][int(value)]
    return int(value) if distribution["name"].startswith("Int") else value


def study_file(folder: Path) -> Path:
    """The file of the study in a sweep's folder; it need not be there before a trial was trained.

    Raises:
        SweepError: it is gone.
    """
    path = folder / STUDY
    if not path.exists() and (folder / TRIALS).exists():
        raise SweepError(f"{path} is gone, and trials were trained", "Restore it from a copy.")
    return path


def has_design(kept: KeptTrial) -> bool:
    """Whether a trial of the study has a design: not so where the proposal ended in an error."""
    return "design" in kept.user_attrs


def role_of(kept: KeptTrial) -> Role:
    """Where the design of a trial of the study comes from."""
    return kept.user_attrs.get("role", "sampled")


def record_of(kept: KeptTrial) -> TrialRecord:
    """The trial record that a trial of the study stands for; one that did not end is "paused".

    Args:
        kept: a trial with a design.
    """
    attributes = kept.user_attrs
    for epoch, accuracy in kept.intermediate_values.items():
        if type(epoch) is not int or type(accuracy) not in (int, float) or abs(accuracy) > LARGEST_ACCURACY:
            raise TypeError(f"accuracy after epoch {epoch!r:.80} is {accuracy!r:.80}")
    record = TrialRecord(
        number=kept.number,
        design=Design.from_json(attributes["design"]),
        state=attributes.get("state", "paused"),
        reason=attributes.get("reason", ""),
        accuracies=dict(kept.intermediate_values),
        attempts=attributes.get("attempts", 0),
        role=role_of(kept),
        events=tuple(attributes.get("events", ())),
        repeats=attributes.get("repeats"),
        fold=attributes.get("fold", 0),
        latency=attributes.get("latency"),
        promoted_from=attributes.get("passed", 0),
        textbook=attributes.get("textbook", False),
        diverged=attributes.get("diverged", False),
        pairing=Pairing.from_json(attributes["pairing"]) if "pairing" in attributes else None,
    )
    metrics = dict(attributes.get("metrics", {}))
    metrics.pop(TIME, None)
    if metrics.pop("epoch", 0) == record.epochs:  # else killed between the metrics and the accuracy
        record.metrics = metrics
    return record
