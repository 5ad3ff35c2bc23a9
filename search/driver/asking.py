"""Settles a design question: the sweep of a sweep file's question, under a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces import ConfigError, SweepError
from ..files import CONFIG, command_about
from ..questions import as_question, experiment_of, question_of, with_trainings
from ..sweep import Sweep
from .given import Given
from .launching import launch, resume as go_on
from .preflight import read_and_check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..config import SweepConfig
    from ..records import Experiment
    from .display import ProgressDisplay

LONGEST_NAME = 64
"""Characters of a sweep's name, at most."""


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
    found = _asked(config, overrides, trust_code=trust_code)
    if resume and (found.sweep_folder / CONFIG).exists():
        _refuse_changed(Sweep.open(found.name, found.folder), found)
        still = [
            each for each in overrides if each.partition("=")[0].strip().startswith(("search.seconds", "resources."))
        ]
        return go_on(found.name, found.folder, overrides=still, progress=progress, trust_code=trust_code)
    return launch(found, replace=replace, progress=progress, trust_code=trust_code)


def plan(
    config: SweepConfig | str | Path, overrides: Sequence[str], shown: ProgressDisplay, *, trust_code: bool = False
) -> tuple[SweepConfig, Experiment]:
    """What `ask` would train: the config and the experiment; nothing is trained or written.

    Args:
        config: as `ask` takes.
        overrides: "key=value" settings over those of the file.
        shown: shows how far it is.
        trust_code: run code that is named and installed, too.

    Raises:
        ConfigError: no such question, or it cannot be asked of this space.
        SpaceError: no bases can be built in every variant at equal cost.
    """
    asked = as_question(_asked(config, overrides, trust_code=trust_code))
    _, designs = read_and_check(asked, shown.enter, keeps=False)
    experiment = experiment_of(asked, designs)
    return with_trainings(asked, experiment), experiment


def _refuse_changed(sweep: Sweep, asked: SweepConfig) -> None:
    """Refuses to go on with an experiment as if it were another."""
    for key in ("data", "space", "recipe", "budget", "question", "variants"):
        if getattr(sweep.config, key) != getattr(asked, key):
            raise SweepError(
                f"{sweep.name} was asked with another `{key}`",
                f"Go on as it was asked: `{command_about(sweep.folder, 'resume')}`. Or ask anew: --replace.",
            )


def _asked(config: SweepConfig | str | Path, overrides: Sequence[str], *, trust_code: bool) -> SweepConfig:
    found = Given.read(config, overrides, trust_code=trust_code).config
    if found.question is None:
        raise ConfigError("question.ask: nothing is asked", "For example question.ask=pooling", key="question.ask")
    question_of(found)
    name = f"{found.name[: LONGEST_NAME - len(found.question.ask) - 1]}-{found.question.ask}"
    return found.model_copy(update={"name": name}).trusting(found.trust, found.mistrust)
