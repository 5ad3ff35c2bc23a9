"""Settles a design question: the sweep of a sweep file's question, under a name of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace as replaced
from typing import TYPE_CHECKING

from ...spaces import ConfigError
from ..questions import DECIDED, as_question, experiment_of, question_of, unused_settings, with_trainings
from .forecast import experiment_seconds
from .given import Given
from .launching import launch_given, shown_by
from .phases import MEASURING
from .preflight import read_and_check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..config import SweepConfig
    from ..records import Experiment
    from ..sweep import Sweep
    from .display import ProgressDisplay

LONGEST_NAME = 64
"""Characters of a sweep's name, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be trained to settle a design question."""

    config: SweepConfig
    """The sweep file, as the question has it."""
    experiment: Experiment
    """The base designs in every variant."""
    seconds: float | None
    """Seconds of all trainings on this machine, whatever `search.seconds` allows; None with GPUs or a cluster."""


def ask(
    config: SweepConfig | str | Path,
    overrides: Sequence[str] = (),
    *,
    replace: bool = False,
    resume: bool = False,
    progress: bool | ProgressDisplay = True,
    trust_code: bool = False,
) -> Sweep:
    """Runs the experiment that settles a design question, to its end: a sweep called NAME-QUESTION.

    Args:
        config: a sweep file, the config, or images to begin with, as `launch` takes; with a `question` section, or
            "question.ask=pooling" among the overrides.
        overrides: "key=value" settings over those of the file.
        replace: start over where it was asked before.
        resume: go on where it was asked before.
        progress: show on standard error how far it is; or a display of that.
        trust_code: run code that is named and installed, too, not that of the `code` folders alone.

    Returns:
        The sweep; its `answer()` is what came of it.

    Raises:
        ConfigError: no such question, or it cannot be asked of this space; nothing is written then.
        SpaceError: no bases can be built in every variant at equal cost; nothing is written then.
        SweepError: it was asked before, or nothing can be trained.
        KeyboardInterrupt: it was interrupted, and saved unless no epoch had ended.
    """
    with shown_by(progress) as shown:
        given = _asked(config, overrides, shown, trust_code=trust_code)
        return launch_given(given, shown, replace=replace, resume=resume, trust_code=trust_code)


def plan(
    config: SweepConfig | str | Path, overrides: Sequence[str], shown: ProgressDisplay, *, trust_code: bool = False
) -> Plan:
    """What `ask` would train; nothing is kept or written.

    Args:
        config: as `ask` takes.
        overrides: "key=value" settings over those of the file.
        shown: shows how far it is.
        trust_code: run code that is named and installed, too.

    Raises:
        ConfigError: no such question, or it cannot be asked of this space.
        SpaceError: no bases can be built in every variant at equal cost.
    """
    asked = as_question(_asked(config, overrides, shown, trust_code=trust_code).config)
    dataset, designs = read_and_check(asked, shown.enter, keeps=False)
    experiment = experiment_of(asked, designs)
    shown.enter(MEASURING)
    planned = with_trainings(asked, experiment)
    seconds = experiment_seconds(planned, dataset, designs, experiment)
    return Plan(config=planned, experiment=experiment, seconds=seconds)


def _asked(
    config: SweepConfig | str | Path, overrides: Sequence[str], shown: ProgressDisplay, *, trust_code: bool
) -> Given:
    """What is asked, under a name of its own. What a question decides for itself counts as not given."""
    given = Given.read(config, overrides, trust_code=trust_code)
    found = given.config
    if found.question is None:
        raise ConfigError("question.ask: nothing is asked", "For example question.ask=pooling", key="question.ask")
    question_of(found)
    if ignored := unused_settings(given.keys):
        shown.note(ignored)
    name = f"{found.name[: LONGEST_NAME - len(found.question.ask) - 1]}-{found.question.ask}"
    named = found.model_copy(update={"name": name}).trusting(found.trust, found.mistrust)
    return replaced(given, config=named, keys=given.keys - {f"search.{key}" for key in DECIDED})
