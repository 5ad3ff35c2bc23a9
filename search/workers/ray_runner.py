"""Trains jobs on the warm workers of a Ray cluster, through Ray Tune."""

from __future__ import annotations

import logging
import os
import time
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from ..bucket import brought_here
from ..files import PLACEMENT, option_for
from .cluster import TUNE_LOGGERS, TUNE_SETTINGS, environment, token_mode
from .placement import WHOLE, Needs, Placement, Room, Slot, device_of, image_bytes, threads_of
from .precision import MEASURING, choose_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ...trainers.data import Dataset
    from ...trainers.device import Precision
    from ..config import ResourcesConfig, SweepConfig
    from ..scheduling import Engine
    from .checkpoint_store import StoreAccess
    from .cluster import FairShare, NodeCheck, NodeGuard
    from .training_job import Setup
    from .tune import ConvscapeScheduler, ConvscapeSearcher

SNAPSHOTS = "ray.tune.execution.experiment_state"
"""The logger of Tune's snapshots, which nobody reads back."""
MOST_IDLE = 3
"""Times in a row that Ray Tune may end before anything begins, as where its folder cannot be written."""


def run_ray(
    engine: Engine,
    dataset: Dataset,
    resources: ResourcesConfig,
    folder: Path,
    phase: Callable[[str], None] = lambda _: None,
) -> None:
    """Trains the engine's jobs on a Ray cluster, as many at a time as `resources` allow, until the engine has no more.

    Each job is a Tune trial on a worker that stays warm; a paused trial holds no worker. All workers start at once, by
    a setting: Tune starts one after the other, and gives the job of one that still starts to one that is free.

    Args:
        engine: gives jobs and takes their reports.
        dataset: the images, which workers read from Ray's object store.
        resources: the cluster, and what each trial gets.
        folder: the sweep's folder, where Tune writes.
        phase: called with what is done before the first result and after the last, in a few words.

    On a cluster that was there before, workers that do not see the folder hand checkpoints back through Ray.

    Raises:
        SweepError: the cluster cannot be reached, never has what one trial needs, has a node that does not fit, or its
            workers do not live.
    """
    settings = {**TUNE_SETTINGS, TUNE_LOGGERS: os.environ.get(TUNE_LOGGERS, "1")}
    if resources.address:
        settings |= token_mode(resources.address)
    with environment(settings), _silent(SNAPSHOTS):
        phase("starting Ray" if not resources.address else "joining the Ray cluster")
        import ray  # it reads some of the settings now

        from .checkpoint_store import store_beside_driver
        from .cluster import alive_nodes, code_of, start_ray, tell_without_room, workers_that_fit

        ours = not ray.is_initialized()
        if ours:
            start_ray(resources, code_of(engine.config))
        try:
            workers = resources.workers
            may_come = resources.address or not (ours or resources.gpus == "auto")
            if workers is None or not may_come:
                room = workers_that_fit(resources, alive_nodes())
                workers = workers or room
            else:
                tell_without_room(resources, alive_nodes())
            joined = not ours or resources.address
            with (
                environment({"TUNE_MAX_PENDING_TRIALS_PG": str(workers + 1)}),
                store_beside_driver(folder) if joined else nullcontext() as store,
                _head_watched(engine.config) if joined else nullcontext(),
            ):
                _tune(engine, dataset, resources, folder, workers, store, phase)
        finally:
            if ours:
                phase("stopping Ray" if not resources.address else "leaving the Ray cluster")
                ray.shutdown()


def _head_watched(config: SweepConfig) -> AbstractContextManager[None]:
    import ray

    from .cluster import head_watched

    command = f"convscape resume {config.name}{option_for(config.folder, reached=False)} --address HOST:PORT"
    return head_watched(
        ray.get_runtime_context().gcs_address, f"Nothing that was told is lost: `{command}` goes on, on any cluster."
    )


def _tune(
    engine: Engine,
    dataset: Dataset,
    resources: ResourcesConfig,
    folder: Path,
    workers: int,
    store: StoreAccess | None,
    phase: Callable[[str], None],
) -> None:
    from .cluster import FairShare
    from .training_job import Setup
    from .tune import ConvscapeScheduler, ConvscapeSearcher

    guard = _guard(engine, dataset, resources, phase)
    device, threads = device_of(resources), threads_of(resources)
    precision = choose_precision(engine, _on_a_worker(engine, resources, phase), device=device, threads=threads)
    setup = Setup(
        threads=threads,
        device=device,
        precision=precision,
        compile=resources.compile,
        cuda_graphs=resources.cuda_graphs,
        epoch_seconds=resources.epoch_seconds,
        cpus=resources.cpus,
        gpus=0.0 if resources.gpus == "auto" else resources.gpus,
        workers=resources.workers,
        store=store,
    )
    share = FairShare() if store else None
    with _placement(engine, dataset, resources, precision, share, phase) as placement:
        phase("starting workers")
        trainable = _sharing(dataset, setup, guard.check if guard else None)
        idle = 0
        while not engine.finished:
            if share and share.limit() < 1:  # Tune would keep the place of the last worker
                phase("another sweep's turn")
                if placement is not None:
                    placement.look_around()
                engine.callback(engine)
                time.sleep(1.0)
                continue
            searcher, before = ConvscapeSearcher(engine, workers, placement, share), _epochs(engine)
            scheduler = ConvscapeScheduler(engine, searcher, store=store, guard=guard)
            reason = _until_tune_ends(trainable, resources, folder, searcher, scheduler)
            if searcher.problem:
                raise searcher.problem
            idle = 0 if searcher.gave_way or engine.active or _epochs(engine) > before else idle + 1
            if idle >= MOST_IDLE:
                raise SweepError(
                    f"Ray Tune ended {MOST_IDLE} times before anything was trained; the last: {reason}",
                    "Mend that, then start it again: what was trained is kept.",
                )
            if placement is not None:
                placement.give_back(engine)
            for number in sorted(engine.active):
                engine.worker_lost(number, reason)


def _until_tune_ends(
    trainable: Any,
    resources: ResourcesConfig,
    folder: Path,
    searcher: ConvscapeSearcher,
    scheduler: ConvscapeScheduler,
) -> str:
    """Lets Ray Tune train until it ends, by itself or by an error of its own. Gives why it did."""
    from ray import tune

    from .tune import NoOutput

    try:
        tuner = tune.Tuner(
            tune.with_resources(trainable, _requests(resources)),
            tune_config=tune.TuneConfig(
                num_samples=-1,
                search_alg=searcher,
                scheduler=scheduler,
                reuse_actors=True,
                trial_name_creator=_short_name,
                trial_dirname_creator=_short_name,
            ),
            run_config=tune.RunConfig(
                name="ray",
                storage_path=str(folder),
                verbose=0,
                callbacks=[NoOutput()],
                # Else it has a worker save at each job's end, which nobody reads.
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        tuner.fit()
    except Exception as error:  # noqa: BLE001 - Tune ends at errors it does not know, such as Ray's out of memory
        return f"{type(error).__name__}: {str(error).strip()[-300:]}"
    return "Tune ended without it"


def _requests(resources: ResourcesConfig) -> Any:
    """What Tune asks Ray for, for a job: the same for all, or by the job's place."""
    if resources.gpus != "auto":
        return {"CPU": resources.cpus, "GPU": resources.gpus}
    from .cluster import request_of

    return lambda config: request_of(Slot.from_json(config["slot"]))


@contextmanager
def _placement(
    engine: Engine,
    dataset: Dataset,
    resources: ResourcesConfig,
    precision: Precision,
    share: FairShare | None,
    phase: Callable[[str], None],
) -> Iterator[Placement | None]:
    """What gives each job its share of a GPU; None where the sweep file says what a trial gets."""
    if resources.gpus != "auto":
        yield None
        return
    from .cluster import LateNodes, NewGpus, nodes_with_gpus

    phase("asking nodes for their GPUs")
    needs = Needs(
        images=image_bytes(dataset),
        train=len(dataset.train),
        precision=precision,
        graphs=resources.cuda_graphs,
        file=engine.config.sweep_folder / PLACEMENT,
    )
    room, late = Room(nodes_with_gpus()), LateNodes()
    with closing(NewGpus(late.silent, share)) as ask:
        yield Placement(needs, room, workers=resources.workers, look=late, ask=ask if resources.address else None)


def _epochs(engine: Engine) -> int:
    """Epochs trained so far."""
    return sum(record.epochs for record in engine.records.values())


def _guard(
    engine: Engine, dataset: Dataset, resources: ResourcesConfig, phase: Callable[[str], None]
) -> NodeGuard | None:
    """What has asked the nodes of a cluster whether they fit; None where this process's own Ray is all there is.

    Raises:
        SweepError: a node does not fit.
    """
    from .cluster import NodeCheck, NodeGuard, alive_nodes

    if not resources.address and len(alive_nodes()) < 2:
        return None
    phase("asking the cluster's nodes")
    config = engine.config
    check = NodeCheck.of(dataset, config.recipe_space().weights, brought_here(config.data.url))
    if check.brought:
        phase("bringing images to the cluster's nodes")
    guard = NodeGuard(check, resources)
    guard.ask()
    return guard


def _sharing(dataset: Dataset, setup: Setup, check: NodeCheck | None) -> Any:
    """The trainable, its images in Ray's object store, from which the workers of a node share them.

    Ray puts what is more than the store on the disk of its temporary folder; workers read it there all the same.

    Raises:
        SweepError: that has no room for them either.
    """
    from ray import tune
    from ray.exceptions import ObjectStoreFullError, OutOfDiskError

    from .trainable import WarmWorker

    try:
        return tune.with_parameters(WarmWorker, dataset=dataset, setup=setup, check=check)
    except (ObjectStoreFullError, OutOfDiskError) as error:
        raise SweepError(
            f"the images fit neither into Ray's object store nor onto the disk beside it: {error!s:.80}",
            "Free space in Ray's temporary folder (/tmp/ray); or lower data.memory, past which a folder or a torch "
            "Dataset is read anew each epoch, or data.train and data.validation; or start Ray with a larger store by "
            "`ray start --head --object-store-memory=BYTES` and use resources.address=auto.",
        ) from error


def _on_a_worker(
    engine: Engine, resources: ResourcesConfig, phase: Callable[[str], None]
) -> Callable[..., dict[str, Any] | None]:
    """What calls a function on a worker that has what a trial has, unless the sweep is halted meanwhile."""
    import ray

    from .cluster import place_of_its_own

    def run(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any] | None:
        phase(MEASURING)
        # One call a process: the worker, and what it holds of a GPU, are gone before the first trial comes.
        # A whole GPU may never be free where another sweep is on the cluster.
        cpus, gpus = (0, 1 / WHOLE) if resources.gpus == "auto" else (resources.cpus, resources.gpus)
        with place_of_its_own(cpus, gpus) as place:
            remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_calls=1, scheduling_strategy=place)(function)
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


def _short_name(trial: Any) -> str:
    return f"{trial.config['number']:05d}-{trial.trial_id}"


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    """A logger says nothing while the body runs."""
    before = logging.getLogger(logger).level
    logging.getLogger(logger).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logging.getLogger(logger).setLevel(before)
