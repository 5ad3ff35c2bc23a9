"""Trains jobs in this process, one after the other, by the code that workers run. Needs no Ray."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...spaces import DivergenceError, SweepError
from ...trainers import Checkpoints
from ...trainers.device import still_computes
from ..scheduling import Decision, Report
from .placement import device_of, threads_of
from .precision import MEASURING, choose_precision
from .training_job import Setup, TrainingJob, describe_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trainers.data import Dataset
    from ..config import ResourcesConfig
    from ..scheduling import Engine, Job


def run_inline(
    engine: Engine, dataset: Dataset, resources: ResourcesConfig, phase: Callable[[str], None] = lambda _: None
) -> None:
    """Trains the engine's jobs in this process, on its CPU or GPU, one after the other, until there are no more.

    Args:
        engine: gives jobs and takes their reports.
        dataset: the images.
        resources: threads, GPU and precision.
        phase: called with what is done before the first result, in a few words.

    Raises:
        SweepError: nothing can be trained: the study or checkpoints cannot be written, the images not be read, or an
            error of CUDA's has made the GPU unusable for this process.
    """
    assert resources.gpus != "auto", "the sweep file's reader refuses it for this runner"
    device, threads = device_of(resources), threads_of(resources)

    def here(call: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
        phase(MEASURING)
        return call(*arguments)

    precision = choose_precision(engine, here, device=device, threads=threads)
    phase("first epoch")
    setup = Setup(
        threads=threads,
        device=device,
        precision=precision,
        compile=resources.compile,
        cuda_graphs=resources.cuda_graphs,
        gpus=resources.gpus,
    )
    setup.limit_memory()
    if resources.runner == "auto":  # by Ray a trial would have this part of the memory, which may halve its batch
        setup = replace(setup, cpus=resources.cpus, workers=resources.workers)
    while (job := engine.next()) is not None:
        _train(engine, job, dataset, setup)


def _train(engine: Engine, job: Job, dataset: Dataset, setup: Setup) -> None:
    training, decision = None, Decision.CONTINUE
    while decision is Decision.CONTINUE:
        try:
            training = training or TrainingJob(job, dataset, setup)
            report = Report(number=job.number, results=(training.epoch(),))
        except SweepError:
            raise
        except Exception as error:  # noqa: BLE001 - a trial's failure never ends the sweep
            failure = describe_failure(error, Checkpoints(job.checkpoints))
            report = Report(number=job.number, failure=failure, diverged=isinstance(error, DivergenceError))
        decision = engine.report(report)
        if training is not None:
            training.reported()
        if not report.failure:
            continue
        training = None  # and what it has of the memory
        if not still_computes(setup.device):
            raise SweepError(
                f"{setup.device} cannot be used in this process any more: trial {job.number}: {report.failure}",
                "Go on with `convscape resume`: that trial counts as failed, and nothing is lost. With `runner: ray` "
                "such an error ends a worker alone.",
            )
