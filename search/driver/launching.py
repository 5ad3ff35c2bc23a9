"""Runs a sweep: makes its folder, wires data, study, tracker and engine, and trains until it ends or is interrupted."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ...spaces import ConvscapeError
from ..bucket import bring
from ..config import SweepConfig, load_data, remember, with_environment
from ..files import CONFIG, STOP, TRIALS, reseal, sweep_lock
from ..proposals import DesignSpace
from ..sweep import Sweep, folder_option
from ..tracking import UploadProgress, held
from .adequacy import adequacy
from .changes import keep_changes, refuse_other_images, with_changes, with_changes_of_file
from .description import datasets, description
from .display import ProgressDisplay
from .ending import has_ended
from .folder import (
    former_stays,
    in_mlflow,
    is_fault_of,
    let_former_go,
    new_folder,
    put_back_where_killed,
    refuse_another,
    unusable,
)
from .forecast import refuse_too_short
from .given import Given
from .in_bucket import follow, in_bucket
from .inputs import check_inputs, check_settings
from .interrupts import interruptible, terminable
from .phases import CHECKING, OPENING, READING, SENDING
from .preflight import check_machine, check_schedules, read_and_check
from .progress import SweepState
from .progress_callback import ProgressCallback
from .provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ...trainers.data import Dataset
    from ..bucket import Mirror
    from ..records import Experiment, TrialRecord, TrialSummary
    from ..scheduling import Engine
    from ..tracking import Tracker

FLUSH_SECONDS = 15.0
"""Seconds that the end of a sweep waits for MLflow; what is left is sent later, by `convscape sync`."""
SHORT = 10.0
"""Seconds that loading torch and building a network may take on a busy machine."""

_log = logging.getLogger(__name__)


def launch(
    config: SweepConfig | Mapping[str, Any] | str | Path,
    *,
    overrides: Sequence[str] = (),
    replace: bool = False,
    resume: bool = False,
    progress: bool | ProgressDisplay = True,
    trust_code: bool = False,
) -> Sweep:
    """Runs a sweep to its end, on this machine unless the config names a cluster.

    Code that the config names runs with the rights of the process: that of its `code` folders because it is launched,
    anything else where `trust_code` says so.

    Ctrl-C once lets the running epochs end and saves, twice leaves at once; `resume` goes on.

    Args:
        config: a sweep file, a dict of what it holds, or the config; or a folder of images, its URL in object storage,
            or a data set's name, whose sweep is then the one that `convscape init` would write.
        overrides: "key=value" settings over those of the file.
        replace: start over where a sweep of this name is there already. Runs that it has in MLflow are kept.
        resume: go on where a sweep of this name is there already, as `convscape.resume` does, with what `config` and
            `overrides` say otherwise of settings that can still be changed.
        progress: show on standard error, or in the notebook, what was seen of the images and how far the sweep is;
            False for warnings and an interruption alone; or a display of that.
        trust_code: run code that is named and installed, too, not that of the `code` folders alone.

    Returns:
        The sweep, to read its results.

    Raises:
        ConfigError: the sweep file, or its space on these images, cannot be used, or it differs from the sweep to be
            resumed in what cannot be changed any more. Nothing is written then.
        DataError: the images or weights are missing, damaged or too few. Nothing is written then.
        SweepError: a sweep of this name is there already, or nothing can be trained any more.
        KeyboardInterrupt: the sweep was interrupted, and saved unless no epoch had ended.
    """
    with shown_by(progress) as shown:
        given = Given.read(config, overrides, trust_code=trust_code)
        return launch_given(given, shown, replace=replace, resume=resume, trust_code=trust_code)


def launch_given(given: Given, shown: ProgressDisplay, *, replace: bool, resume: bool, trust_code: bool) -> Sweep:
    """Runs the sweep of what was given, as `launch` does.

    Args:
        given: the config, and where it comes from.
        shown: shows how far it is.
        replace: start over where a sweep of this name is there already.
        resume: go on where a sweep of this name is there already.
        trust_code: run code that is named and installed, too.
    """
    started = time.monotonic()
    config = given.config
    _say(shown, put_back_where_killed(config))
    if config.url and resume:
        bring(config.url, config.name)
    if resume and (config.sweep_folder / CONFIG).exists():
        sweep = Sweep.open(config.name, config.folder, trust_code=trust_code)
        if given.begins:
            refuse_other_images(sweep.config, config)
        return _go_on(sweep, with_changes_of_file(sweep.config, config, given.keys), started, shown)
    config, by_environment = with_environment(config)
    experiment: Experiment | None = None
    if config.question:
        from ..questions import as_question, experiment_of, unused_settings, with_trainings  # scipy comes with it

        if ignored := unused_settings(given.keys):
            shown.note(ignored)
        config = as_question(config)
        refuse_another(config, replace=replace)
        dataset, designs = read_and_check(config, shown.enter)
        experiment = experiment_of(config, designs)
        config = with_trainings(config, experiment)
    else:
        refuse_another(config, replace=replace)
        dataset, designs = read_and_check(config, shown.enter)
    for line in by_environment:
        shown.say(line)
    if needed := held():
        _log.warning(
            "A password is kept in no file: `resume` and `sync` will need %s in the environment.", " and ".join(needed)
        )
    if given.file is not None:
        remember(given.file, config.named_code, config.trust)
    sweep = Sweep(config)
    with terminable(), new_folder(config, replace=replace), in_bucket(sweep, shown, new=True) as mirror:
        remember(config.sweep_folder, config.named_code, config.trust)
        if _run(sweep, dataset, designs, started, shown, mirror=mirror, experiment=experiment):
            _say(shown, let_former_go(sweep))
    return sweep


def resume(
    name: str,
    folder: str | Path = "sweeps",
    *,
    overrides: Sequence[str] = (),
    progress: bool | ProgressDisplay = True,
    trust_code: bool = False,
) -> Sweep:
    """Goes on with a sweep that was interrupted or killed, or that has ended and is to have more.

    Trials that ended are kept, those that waited go on from their checkpoints, and nothing is trained twice. The time
    budget, `search.seconds`, begins anew. Where nothing is left to train it returns at once.

    Args:
        name: the sweep's name.
        folder: the folder that holds sweeps, as `folder` in the sweep file.
        overrides: "key=value" settings that hold from now on: of `search.trials`, `search.seconds`, `search.finalists`
            and those of `resources`. Where more trials find better designs the finals are held again.
        progress: show on standard error, or in the notebook, how far the sweep is; or a display of that.
        trust_code: run the code that the sweep names, although it was not launched here or has changed since.

    Returns:
        The sweep, to read its results.

    Raises:
        ConfigError: the sweep names code, and nothing says that it may run; or a setting cannot be changed any more.
        SweepError: no such sweep, another process runs it, settings or images have changed, or nothing can be trained.
        DataError: the images or weights are missing, damaged or too few.
        KeyboardInterrupt: the sweep was interrupted and saved.
    """
    with shown_by(progress) as shown:
        started = time.monotonic()
        sweep = Sweep.open(name, folder, trust_code=trust_code)
        return _go_on(sweep, with_changes(sweep.config, overrides), started, shown)


def _go_on(former: Sweep, config: SweepConfig, started: float, shown: ProgressDisplay) -> Sweep:
    """Resumes a sweep by a config that may differ from its own in what can be changed."""
    sweep = Sweep(config)
    try:
        with terminable(), sweep_lock(sweep.folder), in_bucket(sweep, shown) as mirror:
            if check_settings(config) and has_ended(sweep):
                keep_changes(sweep.folder, former.config, config)
                _tell_unsent(sweep, UploadProgress(sweep.folder).refresh().left())
                _say(shown, let_former_go(sweep))
                return sweep
            check_machine(config.resources)
            shown.enter(READING)
            dataset = load_data(config)
            shown.enter(CHECKING)
            designs = DesignSpace.for_images(config, dataset)
            if not (sweep.folder / TRIALS).exists():
                refuse_too_short(config, dataset, designs)
            if config.search.seconds and not former.config.search.seconds:
                check_schedules(config, designs)
            if _run(sweep, dataset, designs, started, shown, former=former.config, mirror=mirror):
                _say(shown, let_former_go(sweep))
    except OSError as error:
        if not is_fault_of(sweep.folder, error):
            raise
        raise unusable(sweep.folder, error) from error
    return sweep


def _say(shown: ProgressDisplay, line: str) -> None:
    if line:
        shown.say(line)


def shown_by(progress: bool | ProgressDisplay) -> ProgressDisplay:
    """The display that is meant by the `progress` of `launch`."""
    return progress if isinstance(progress, ProgressDisplay) else ProgressDisplay(live=progress)


def _run(
    sweep: Sweep,
    dataset: Dataset,
    designs: DesignSpace,
    started: float,
    shown: ProgressDisplay,
    *,
    former: SweepConfig | None = None,
    mirror: Mirror | None = None,
    experiment: Experiment | None = None,
) -> bool:
    """Trains. A resumed sweep has a `former` config; of a new one that is interrupted at once nothing is kept.

    A `mirror` copies the sweep into object storage meanwhile. A new sweep that asks a question has an `experiment`.
    Gives whether all is done: a question whose time was up is to be resumed.
    """
    from ..scheduling import Engine
    from ..study import Study
    from ..tracking import Tracker

    config = sweep.config
    samplers = config.samplers()
    check_inputs(config, dataset)
    (sweep.folder / STOP).unlink(missing_ok=True)  # of a run before
    changed = keep_changes(sweep.folder, former or config, config)
    reseal(sweep.folder / CONFIG)
    tracker = Tracker(
        sweep.folder,
        uri=config.tracking_uri,
        experiment=config.tracking.experiment,
        sweep=config.name,
        at_once=former is not None,
    )
    status = SweepState.FAILED
    validated = len(dataset.validation)
    at_most = validated + len(dataset.train) if config.search.cross_validate and dataset.splits_again else 0
    callback = ProgressCallback(
        sweep.folder, shown, phases=shown.phases, validated=validated, at_most=at_most, say=shown.say
    )
    engine: Engine | None = None
    saved = at_once = False
    _say_notes(
        shown, config, dataset, [] if former else [*adequacy(config, dataset, designs), *_notes(config, experiment)]
    )
    shown.enter(OPENING)
    try:
        tracker.start(**_told_of(config, dataset))
        if changed:
            tracker.note(changed)
        study = Study(sweep.folder, sampler=samplers, objectives=config.search.objectives)
        if experiment:
            study.experiment(lambda: experiment)
        deadline = started + config.search.seconds if config.search.seconds else None
        engine = Engine(config, designs, study, tracker, deadline=deadline, callback=callback)
        callback(engine)
        follow(mirror, engine)
        with interruptible(engine, shown):
            _train(engine, dataset, config, sweep.folder, partial(callback.enter, engine))
        engine.close()
        saved = True
        cut_short = engine.interrupted or (
            config.question is not None and not has_ended(sweep, list(engine.records.values()))  # its time was up
        )
        status = SweepState.INTERRUPTED if cut_short else SweepState.COMPLETED
        if engine.interrupted:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        at_once = not saved
        status = SweepState.INTERRUPTED
        if former is None and not (sweep.folder / TRIALS).exists():
            left = "the sweep that was there is kept" if former_stays(sweep.folder) else "nothing is left behind"
            shown.say(f"Interrupted before any epoch ended: there is no result to keep, and {left}.")
        else:
            shown.say(f"Saved. Go on with: convscape resume {sweep.name}{folder_option(config)}")
        raise
    finally:
        if engine is not None:
            if status is not SweepState.COMPLETED:
                engine.ledger.wait_for_resume(engine.records.values())
            callback.end(engine, status)
        if status is not SweepState.COMPLETED and (sweep.folder / TRIALS).exists():
            _say(shown, former_stays(sweep.folder))
        shown.enter(SENDING)
        if mirror is not None:  # what is not copied is not sent to MLflow, either
            mirror.hasten()
        _take_leave(sweep, tracker, status, at_once=at_once)
    return status is SweepState.COMPLETED


def _say_notes(shown: ProgressDisplay, config: SweepConfig, dataset: Dataset, notes: Sequence[str]) -> None:
    """Says what was seen of the images, what is to be known before it trains, and of a limit that is too short."""
    from ...trainers.data import data_report

    for line in [*data_report(dataset), *notes]:
        shown.note(line)
    if (limit := config.resources.epoch_seconds) and limit < SHORT:
        shown.note(
            f"resources.epoch_seconds is {limit:g} s. A worker's first epoch may take that long to begin, and ends the "
            f"worker then: allow {SHORT:g} s or more."
        )


def _told_of(config: SweepConfig, dataset: Dataset) -> dict[str, Any]:
    """What MLflow is told of a sweep that begins: where it comes from, its description, and its images."""
    found = provenance(config, dataset)
    found["tags"]["mlflow.note.content"] = description(config, dataset)
    return {**found, "datasets": datasets(config, dataset)}


def _notes(config: SweepConfig, experiment: Experiment | None) -> list[str]:
    """What is to be known of an experiment before it trains, in lines."""
    if experiment is None:
        return []
    from ..verdicts import experiment_notes, plan_lines  # scipy comes with it

    planned = plan_lines(experiment, config.search.epochs)
    return [*planned, *(f"Note: {line}" for line in experiment_notes(experiment))]


def _take_leave(sweep: Sweep, tracker: Tracker, status: SweepState, *, at_once: bool) -> None:
    """Tells MLflow how the sweep ended and waits until it has all, a while; `at_once` not. Ctrl-C ends the waiting."""
    try:
        tracker.finish(status=status, metrics={} if at_once else _final(sweep))
        left = tracker.flush(0.0 if at_once else FLUSH_SECONDS)
    except KeyboardInterrupt:
        at_once = True
        tracker.finish(status=status, metrics={})
        raise
    finally:
        tracker.close(wait=not at_once)
    if (sweep.folder / TRIALS).exists() or in_mlflow(sweep.folder):
        _tell_unsent(sweep, left, tracker.problem)


def _tell_unsent(sweep: Sweep, left: int, problem: str | None = None) -> None:
    if left:
        _log.warning(
            "%d results have not reached MLflow yet%s: `convscape sync %s%s` sends them.",
            left,
            f" ({problem})" if problem else "",
            sweep.name,
            folder_option(sweep.config),
        )


def _train(engine: Engine, dataset: Dataset, config: SweepConfig, folder: Path, phase: Callable[[str], None]) -> None:
    from ..workers import run_inline, run_ray
    from .runner import choose_runner  # torch comes with it

    if choose_runner(config, engine.designs).name == "inline":
        run_inline(engine, dataset, config.resources, phase)
    else:
        run_ray(engine, dataset, config.resources, folder, phase)


def _final(sweep: Sweep) -> dict[str, float]:
    try:
        trials = sweep.trials()
    except (ConvscapeError, OSError):  # a sweep that failed before its first trial
        return {}
    counts, summaries = sweep.counts(trials), sweep.summaries(trials)
    best = _of_the_best(summaries[0]) if summaries else {}
    return {f"trials/{key}": float(value) for key, value in counts.items()} | best | _answered(sweep, trials)


def _answered(sweep: Sweep, trials: list[TrialRecord]) -> dict[str, float]:
    """What came of a design question, as metrics of the sweep's run."""
    answer = sweep.answer(trials)
    found: dict[str, float] = {}
    for contrast in answer.contrasts if answer else ():
        if contrast.interval is not None:
            name = f"answer/{contrast.a} less {contrast.b}"
            values = {"difference": contrast.difference, "low": contrast.interval.low, "high": contrast.interval.high}
            found |= {f"{name}/{key}": value for key, value in {**values, "p": contrast.p}.items()}
    return found


def _of_the_best(best: TrialSummary) -> dict[str, float]:
    seeds = {"best_mean_accuracy": best.mean_accuracy, "best_std_accuracy": best.std_accuracy}
    return {"best_accuracy": best.accuracy, **{name: value for name, value in seeds.items() if value is not None}}
