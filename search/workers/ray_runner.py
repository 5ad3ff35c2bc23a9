"""Who trains the engine's jobs: Ray Tune's warm workers, or this process itself, through the same code."""

from __future__ import annotations

import logging
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from .precision import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ...trainers.data import Dataset
    from ..config import ResourcesConfig
    from ..scheduling import Engine
    from .trainable import Setup

TUNE_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leave CUDA_VISIBLE_DEVICES alone for trials without a GPU
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # nothing of Tune is read back, and it writes all trials each time
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is the sweep's: it lets the running epochs end
    "TUNE_RESULT_BUFFER_LENGTH": "1",  # a worker goes on when the engine has judged what it told
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a trial's reason is kept with the trial
}
TUNE_LOGGERS = "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"
"""Tune's own loggers are off unless a user sets this to 0: the spool has the results, and files a trial cost time."""
MOST_IDLE = 3
"""Times in a row that Ray Tune may end before it begins anything, as where its folder cannot be written."""
logging.getLogger("ray.tune.execution.experiment_state").setLevel(logging.CRITICAL)  # its snapshots are read by nobody


def run_inline(engine: Engine, dataset: Dataset, resources: ResourcesConfig) -> None:
    """Trains job after job in this process."""
    from .trainable import Setup, TrainingJob, failure

    threads = threads_of(resources)
    precision = settled(engine, dataset, lambda call, *arguments: call(*arguments), device="cpu", threads=threads)
    setup = Setup(threads, "cpu", precision, resources.compile)
    while (job := engine.next()) is not None:
        orders, run, order = job.to_json(), None, "go on"
        while order == "go on":
            try:
                run = run or TrainingJob(orders, dataset, setup)
                result = run.epoch()
            except SweepError:
                raise
            except Exception as error:  # noqa: BLE001 - a trial's failure never ends the sweep
                engine.fail(job.number, failure(error, orders))
                break
            order = engine.report(job.number, result)
            run.told()


def run_ray(engine: Engine, dataset: Dataset, resources: ResourcesConfig, folder: Path) -> None:
    """Trains jobs on a Ray cluster, as many at a time as `resources` allow.

    Each job is a Tune trial on a worker that stays warm; a paused trial holds no worker. All workers start at once, by
    a setting: Tune starts one after the other, and gives the job of one that still starts to one that is free.

    Raises:
        SweepError: the cluster cannot be reached, never has what one trial needs, or its workers do not live.
    """
    with _environment({**TUNE_SETTINGS, TUNE_LOGGERS: os.environ.get(TUNE_LOGGERS, "1")}):
        import ray

        ours = not ray.is_initialized()
        if ours:
            _start_ray(resources)
        try:
            workers = resources.workers
            if workers is None or (ours and not resources.address):  # else a node with room may come when asked for
                room = _workers(resources, ray.cluster_resources())
                workers = workers or room
            with _environment({"TUNE_MAX_PENDING_TRIALS_PG": str(workers + 1)}):
                _tune(engine, dataset, resources, folder, workers)
        finally:
            if ours:
                ray.shutdown()


def _tune(engine: Engine, dataset: Dataset, resources: ResourcesConfig, folder: Path, workers: int) -> None:
    from ray import tune

    from .trainable import Setup
    from .tune import ConvscapeScheduler, ConvscapeSearcher

    device, threads = "cuda" if resources.gpus else "cpu", threads_of(resources)
    precision = settled(engine, dataset, _on_a_worker(engine, resources), device=device, threads=threads)
    setup = Setup(
        threads,
        device,
        precision,
        resources.compile,
        resources.epoch_seconds,
        cpus=resources.cpus,
        gpus=resources.gpus,
        workers=resources.workers,
    )
    trainable = _sharing(dataset, setup)
    idle = 0
    while not engine.finished:
        jobs, before = ConvscapeSearcher(engine, workers), _epochs(engine)
        reason = "Tune ended without it"
        try:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"CPU": resources.cpus, "GPU": resources.gpus}),
                tune_config=tune.TuneConfig(
                    num_samples=-1,
                    search_alg=jobs,
                    scheduler=ConvscapeScheduler(engine, jobs),
                    reuse_actors=True,
                    trial_name_creator=_short_name,
                    trial_dirname_creator=_short_name,
                ),
                run_config=tune.RunConfig(name="ray", storage_path=str(folder), verbose=0),
            )
            tuner.fit()
        except Exception as error:  # noqa: BLE001 - Tune ends at errors it does not know, such as Ray's out of memory
            reason = f"{type(error).__name__}: {str(error).strip()[-300:]}"
        if jobs.problem:
            raise jobs.problem
        idle = 0 if engine.active or _epochs(engine) > before else idle + 1
        if idle >= MOST_IDLE:
            raise SweepError(
                f"Ray Tune ended {MOST_IDLE} times before anything was trained; the last: {reason}",
                "Mend that, then start it again: what was trained is kept.",
            )
        for number in sorted(engine.active):
            engine.worker_lost(number, reason)


def _epochs(engine: Engine) -> int:
    """Epochs trained so far."""
    return sum(record.epochs for record in engine.records.values())


def _sharing(dataset: Dataset, setup: Setup) -> Any:
    """The trainable, its images in Ray's object store, from which the workers of a node share them.

    Ray puts what is more than the store on the disk of its temporary folder; workers read it there all the same.

    Raises:
        SweepError: that has no room for them either.
    """
    from ray import tune
    from ray.exceptions import ObjectStoreFullError, OutOfDiskError

    from .trainable import WarmWorker

    try:
        return tune.with_parameters(WarmWorker, dataset=dataset, setup=setup)
    except (ObjectStoreFullError, OutOfDiskError) as error:
        raise SweepError(
            f"the images fit neither into Ray's object store nor onto the disk beside it: {error!s:.80}",
            "Free space in Ray's temporary folder (/tmp/ray); or lower data.memory, past which a folder or a torch "
            "Dataset is read anew each epoch, or data.train and data.validation; or start Ray with a larger store by "
            "`ray start --head --object-store-memory=BYTES` and use resources.address=auto.",
        ) from error


def _on_a_worker(engine: Engine, resources: ResourcesConfig) -> Callable[..., dict[str, Any] | None]:
    """What calls a function on a worker that has what a trial has, unless the sweep is halted meanwhile."""
    import ray

    def run(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any] | None:
        # One call a process: the worker, and what it holds of a GPU, are gone before the first trial comes.
        remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_calls=1)(function)
        task = remote.remote(*arguments)
        while not ray.wait([task], timeout=0.2)[0]:
            if engine.halted:
                ray.cancel(task, force=True)
                return None
        try:
            return ray.get(task)
        except Exception as error:  # noqa: BLE001 - whatever killed that worker may not kill the next
            return {"precision": "float32", "reason": f"not measured: {type(error).__name__}: {error!s:.200}"}

    return run


def threads_of(resources: ResourcesConfig) -> int:
    """Threads a trial computes with: its CPUs, at least one."""
    return max(1, math.floor(resources.cpus))


def _start_ray(resources: ResourcesConfig) -> None:
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        if resources.address:
            ray.init(address=resources.address, **options)
        else:
            ray.init(address="local", include_dashboard=False, **options)
    except (OSError, ValueError, RuntimeError) as error:
        if resources.address:
            raise SweepError(
                f"resources.address: no Ray cluster at {resources.address}: {error!s:.200}",
                "Start one with `ray start --head`, or leave `resources.address` out for a local one.",
            ) from None
        raise SweepError(
            f"Ray does not start on this machine: {error!s:.300}",
            "`--set resources.runner=inline` does without it, one trial at a time.",
        ) from None


def _workers(resources: ResourcesConfig, cluster: Mapping[str, float]) -> int:
    """As many workers as the cluster has room for.

    Raises:
        SweepError: it has room for none.
    """
    needs = {"CPU": resources.cpus, "GPU": resources.gpus}
    workers = math.floor(min(cluster.get(kind, 0.0) / amount for kind, amount in needs.items() if amount) + 1e-9)
    if workers < 1:
        has = f"{cluster.get('CPU', 0):g} CPU and {cluster.get('GPU', 0):g} GPU"
        raise SweepError(
            f"resources: a trial needs {resources.cpus:g} CPU and {resources.gpus:g} GPU, the cluster has {has}",
            "Ask for less in `resources`, or add a node. Where nodes come when they are needed: `resources.workers`.",
        )
    return workers


def _short_name(trial: Any) -> str:
    return f"{trial.config['number']:05d}-{trial.trial_id}"


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """These environment variables while the body runs."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
