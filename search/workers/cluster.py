"""Starts Ray or joins a cluster for jobs to train on, and says how many workers fit there."""

from __future__ import annotations

import logging
import math
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray._raylet import Config  # pyright: ignore[reportAttributeAccessIssue] - compiled, without types
from ray.job_config import JobConfig

from ...spaces import SweepError
from .local_ray import start_local_ray

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..config import ResourcesConfig


_HOME = Path(__file__).parents[3]
"""The folder that Convscape is imported from."""


class _Job(JobConfig):
    """Has workers not look for modules in the current folder and the script's first: a numpy.py there would run."""

    def _runtime_env_has_working_dir(self) -> bool:
        return True


def start_ray(resources: ResourcesConfig) -> None:
    """Joins the Ray cluster at `resources.address`, or starts one of this machine's own where no address is given.

    Raises:
        SweepError: no cluster answers there, or Ray does not start on this machine.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if not {Path.cwd(), Path(sys.argv[0]).resolve().parent} & {_HOME, _HOME.resolve()}:
        options["job_config"] = _Job()
    try:
        with _own_sigterm(), _deaf_to_a_closed_terminal():
            if resources.address:
                Config.initialize("")  # so that it reads `token_mode`; Ray does so, too, for "auto"
                ray.init(address=resources.address, **options)
            else:
                start_local_ray(**options)
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


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keeps this process's handler of SIGTERM, in whose place Ray puts one that leaves without saving."""
    ours = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ours)


@contextmanager
def _deaf_to_a_closed_terminal() -> Iterator[None]:
    """Keeps SIGHUP from the processes that start meanwhile: Ray's would be gone before the running epochs end."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def workers_that_fit(resources: ResourcesConfig, cluster: Mapping[str, float]) -> int:
    """As many workers as the cluster has room for, by their CPUs and GPUs.

    Args:
        resources: what each trial gets.
        cluster: what the cluster has in all, as `ray.cluster_resources` gives it.

    Raises:
        SweepError: there is room for none.
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
