"""Runs a sweep: makes its folder, wires data, study, tracker and engine, and trains until it ends or is interrupted."""

from __future__ import annotations

import errno
import json
import logging
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...spaces import ConvscapeError, SweepError
from ..config import SweepConfig, load_data, parse_sweep_file, read_sweep_file
from ..files import sweep_lock, temporary_path, write_atomically
from ..sweep import CONFIG, TRIALS, Sweep, folder_option
from ..tracking import UploadProgress
from .heartbeat import ProgressCallback
from .inputs import check_inputs
from .preflight import preflight
from .provenance import described
from .terminal import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ...trainers.data import Dataset
    from ..scheduling import Engine
    from ..sweep import TrialSummary
    from ..tracking import Tracker
    from .heartbeat import How

FLUSH_SECONDS = 15.0
"""How long the end of a sweep waits for MLflow; what is left is sent later."""
SHORT = 10.0
"""Seconds that loading torch and building a network may take on a busy machine."""

_log = logging.getLogger(__name__)


def launch(
    config: SweepConfig | str | Path, *, overrides: Sequence[str] = (), replace: bool = False, progress: bool = True
) -> Sweep:
    """Runs a sweep to its end, on this machine unless the config names a cluster.

    Args:
        config: a sweep file or the config it holds.
        overrides: "key=value" settings over those of the file.
        replace: start over where a sweep of this name is there already. Its MLflow runs are kept.
        progress: show how it stands on standard error.

    Raises:
        ConfigError, DataError, SweepError: see their messages. Nothing is written then.
    """
    if not isinstance(config, SweepConfig):
        config = read_sweep_file(config, overrides)
    elif overrides:
        config = parse_sweep_file(json.dumps(config.to_json()), "config", overrides)
    started = time.monotonic()
    _refuse_another(config, replace=replace)
    dataset = load_data(config)
    preflight(config, dataset)
    sweep = Sweep(config)
    with _new_folder(config, replace=replace):
        _run(sweep, dataset, started, progress=progress, new=True)
    return sweep


def resume(name: str, folder: str | Path = "sweeps", *, progress: bool = True) -> Sweep:
    """Goes on with a sweep that was interrupted or killed.

    What ended is kept, what waited goes on from its checkpoint, and nothing is trained twice. A time budget is one of
    this call's own.
    """
    started = time.monotonic()
    sweep = Sweep.open(name, folder)
    try:
        with sweep_lock(sweep.folder):
            dataset = load_data(sweep.config)
            _run(sweep, dataset, started, progress=progress)
    except OSError as error:
        if not _is_of(sweep.folder, error):
            raise
        raise _unusable(sweep.folder, error) from error
    return sweep


def _run(sweep: Sweep, dataset: Dataset, started: float, *, progress: bool, new: bool = False) -> None:
    """Trains. Of a `new` sweep that is interrupted before any epoch ended nothing is kept."""
    from ..scheduling import Engine
    from ..study import Study
    from ..tracking import Tracker

    config = sweep.config
    check_inputs(config, dataset)
    tracker = Tracker(sweep.folder, uri=config.tracking_uri, experiment=config.tracking.experiment, sweep=config.name)
    status: How = "failed"
    shown = Progress()
    heartbeat = ProgressCallback(sweep.folder, shown if progress else lambda _: None)
    engine: Engine | None = None
    at_once = False
    if dataset.streamed:
        shown.say("The images come to more than data.memory: they are read anew each epoch.")
    if dataset.skipped:
        shown.say(f"{len(dataset.skipped)} files could not be read: {', '.join(dataset.skipped[:5])}")
    if (limit := config.resources.epoch_seconds) and limit < SHORT:
        shown.say(
            f"resources.epoch_seconds is {limit:g} s. A worker's first epoch may take that long to begin, and ends the "
            f"worker then: allow {SHORT:g} s or more."
        )
    try:
        tracker.start(**described(config, dataset))
        search = config.search
        study = Study(
            sweep.folder, sampler=search.sampler, seed=search.seed, objectives=search.objectives, code=config.code or ()
        )
        with shown:
            engine = Engine(
                config,
                study,
                tracker,
                input=dataset.input,
                classes=len(dataset.classes),
                deadline=started + config.search.seconds if config.search.seconds else None,
                callback=heartbeat,
            )
            heartbeat(engine)
            with _interruptible(engine, shown):
                _train(engine, dataset, config, sweep.folder)
        engine.close()
        status = "interrupted" if engine.interrupted else "completed"
        if engine.interrupted:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        at_once = status == "failed"  # else it is raised above, after all was saved
        status = "interrupted"
        if new and not (sweep.folder / TRIALS).exists():
            shown.say("Interrupted before any epoch ended: no result to keep.")
            _give_up(engine, tracker)
        else:
            shown.say(f"Saved. Go on with: convscape resume {sweep.name}{folder_option(config)}")
        raise
    finally:
        if engine is not None:
            heartbeat.end(engine, status)
        _take_leave(sweep, tracker, status, at_once=at_once)


def _take_leave(sweep: Sweep, tracker: Tracker, status: How, *, at_once: bool) -> None:
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
    if left and ((sweep.folder / TRIALS).exists() or _in_mlflow(sweep.folder)):
        _log.warning(
            "%d results have not reached MLflow yet: `convscape sync %s%s` sends them.",
            left,
            sweep.name,
            folder_option(sweep.config),
        )


def _train(engine: Engine, dataset: Dataset, config: SweepConfig, folder: Path) -> None:
    from ..workers import run_inline, run_ray

    if config.resources.runner == "inline":
        run_inline(engine, dataset, config.resources)
    else:
        run_ray(engine, dataset, config.resources, folder)


@contextmanager
def _interruptible(engine: Engine, progress: Progress) -> Iterator[None]:
    """Ctrl-C once lets the running epochs end and saves; twice leaves at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def finish(*_: object) -> None:
        engine.interrupted = "interrupted"
        signal.signal(signal.SIGINT, former)
        progress.say("Finishing the running epochs and saving. Ctrl-C again leaves at once.")

    former = signal.signal(signal.SIGINT, finish)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _refuse_another(config: SweepConfig, *, replace: bool) -> None:
    """Raises SweepError where the sweep's folder holds another sweep that is not to be replaced, or something else."""
    folder = config.sweep_folder
    try:
        inside = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise _unusable(folder, error) from None
    if CONFIG in inside and not replace:
        raise SweepError(
            f"sweep '{config.name}' is already in {folder.parent}",
            f"Go on with `convscape resume {config.name}{folder_option(config)}`, choose another name with "
            "`--set name=…`, or start over with `--replace`.",
        )
    if CONFIG not in inside and inside - {"lock", temporary_path(folder / CONFIG).name}:
        raise SweepError(f"{folder} holds something that is no sweep", "Choose another name with `--set name=…`.")


@contextmanager
def _new_folder(config: SweepConfig, *, replace: bool) -> Iterator[None]:
    """The sweep's folder, new, locked, its config written. Where nothing gets trained all is as it was before."""
    folder = config.sweep_folder
    former = folder.with_name(f".{folder.name}.former")
    ours = False
    try:
        if (folder / CONFIG).exists():
            with sweep_lock(folder):
                _refuse_another(config, replace=replace)  # one may have come while the data was loaded
                shutil.rmtree(former, ignore_errors=True)
                folder.rename(former)
        folder.mkdir(parents=True, exist_ok=True)
        with sweep_lock(folder):
            _refuse_another(config, replace=False)
            ours = True
            write_atomically(folder / CONFIG, json.dumps(config.to_json(), indent=1) + "\n")
            yield
    except BaseException as error:
        if ours and not (folder / TRIALS).exists() and not _in_mlflow(folder):
            shutil.rmtree(folder, ignore_errors=True)
        if former.exists() and not folder.exists():
            former.rename(folder)
        if isinstance(error, OSError) and _is_of(config.folder.resolve(), error):
            raise _unusable(folder, error) from error
        raise
    shutil.rmtree(former, ignore_errors=True)


def _in_mlflow(folder: Path) -> bool:
    """Whether MLflow has runs of the sweep that it has not heard the end of."""
    delivery = UploadProgress(folder).refresh()
    return bool(delivery.runs) and delivery.left() > 0


def _is_of(folder: Path, error: OSError) -> bool:
    """Whether `folder` is at fault. Unlike an error of opening, one of a full disk does not name the file."""
    return str(error.filename).startswith(str(folder)) or error.errno in (errno.ENOSPC, errno.EDQUOT)


def _unusable(folder: Path, error: OSError) -> SweepError:
    return SweepError(
        f"folder: {error.filename or folder} cannot be used: {error.strerror}",
        "Choose another with `--set folder=…`, or make it writable, with some space on its disk.",
    )


def _give_up(engine: Engine | None, tracker: Tracker) -> None:
    """Tells MLflow that trials which will not be resumed have ended."""
    for record in engine.records.values() if engine else ():
        if record.state in ("running", "paused"):
            tracker.trial_ended(record.number, state="interrupted", reason="interrupted untrained", metrics={})


def _final(sweep: Sweep) -> dict[str, float]:
    try:
        trials = sweep.trials()
    except (ConvscapeError, OSError):  # a sweep that failed before its first trial
        return {}
    counts, summaries = sweep.counts(trials), sweep.summaries(trials)
    best = _of_the_best(summaries[0]) if summaries else {}
    return {f"trials/{key}": float(value) for key, value in counts.items()} | best


def _of_the_best(best: TrialSummary) -> dict[str, float]:
    seeds = {"best_mean_accuracy": best.mean_accuracy, "best_std_accuracy": best.std_accuracy}
    return {"best_accuracy": best.accuracy, **{name: value for name, value in seeds.items() if value is not None}}
