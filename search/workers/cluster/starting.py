"""Starts Ray or joins a cluster for jobs to train on, and says how many workers fit there."""

from __future__ import annotations

import logging
import re
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray._raylet import Config  # pyright: ignore[reportAttributeAccessIssue] - compiled, without types
from ray.job_config import JobConfig

from ....spaces import SweepError
from ..placement import refuse_without_gpus
from .local_ray import start_local_ray
from .nodes import trials_that_fit
from .package import packaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...config import ResourcesConfig, SweepConfig
    from .nodes import Node


_ABOVE = Path(__file__).parents[4]
"""The folder that Convscape is imported from."""
_log = logging.getLogger(__name__)
_MISMATCH = re.compile(r"Version mismatch.*?Ray: (\S+)\s+Python: (\S+).*?Ray: (\S+)\s+Python: (\S+)", re.DOTALL)
"""What Ray says where its cluster runs another version of it or of Python: the cluster's two, and then ours."""


class _Job(JobConfig):
    """Has workers not look for modules in the current folder and the script's first: a numpy.py there would run."""

    def _runtime_env_has_working_dir(self) -> bool:
        return True


def start_ray(resources: ResourcesConfig, code: Sequence[Path] = ()) -> None:
    """Joins the Ray cluster at `resources.address`, or starts one of this machine's own where no address is given.

    A cluster is sent this Convscape and the modules below `code`, which its workers take in place of what is installed
    there. It is sent nothing of the environment.

    Args:
        resources: says which cluster.
        code: folders of a person's own modules that workers may import; what may not run is not among them.

    Raises:
        SweepError: no cluster answers there, it runs another Ray or Python, the modules are too many to be sent, or Ray
            does not start on this machine.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        with _own_sigterm(), _deaf_to_a_closed_terminal():
            if resources.address:
                Config.initialize("")  # so that it reads `token_mode`; Ray does so, too, for "auto"
                with packaged(code) as package:
                    ray.init(
                        address=resources.address,
                        job_config=_Job(),
                        # Not in the job's config: where the driver is itself a job Ray would take that job's instead.
                        runtime_env={"py_modules": [str(package)]},
                        **options,
                    )
            else:
                if not {Path.cwd(), Path(sys.argv[0]).resolve().parent} & {_ABOVE, _ABOVE.resolve()}:
                    options["job_config"] = _Job()
                start_local_ray(**options)
    except (OSError, ValueError, RuntimeError) as error:
        if resources.address:
            raise _not_joined(resources.address, error) from None
        raise SweepError(
            f"Ray does not start on this machine: {error!s:.300}",
            "`--set resources.runner=inline` does without it, one trial at a time.",
        ) from None


def code_of(config: SweepConfig) -> Sequence[Path]:
    """The folders of a person's own modules that a sweep's workers may import; () where it names no code.

    What may not run was refused when the driver was to import it.
    """
    code = config.named_code
    return code.folders if code.paths and config.trust != "nothing" else ()


def _not_joined(address: str, error: Exception) -> SweepError:
    if found := _MISMATCH.search(str(error)):
        ray_there, python_there, ray_here, python_here = found.groups()
        return SweepError(
            f"resources.address: the cluster at {address} runs Ray {ray_there} on Python {python_there}, and this "
            f"machine Ray {ray_here} on Python {python_here}",
            f"Launch from an environment with Ray {ray_there} and Python {python_there}, or start the cluster with Ray "
            f"{ray_here} and Python {python_here}.",
        )
    if "No node info found" in str(error):  # Ray's driver needs a raylet beside it
        return SweepError(
            f"resources.address: this machine is no node of the Ray cluster at {address}, as a sweep's process must be",
            "Type the command on a node, or send the sweep there: `convscape launch SWEEP.yaml --submit http://HEAD:8265`.",
        )
    return SweepError(
        f"resources.address: no Ray cluster at {address}: {error!s:.200}",
        "Start one with `ray start --head`, or leave `resources.address` out for a local one.",
    )


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


def workers_that_fit(resources: ResourcesConfig, nodes: Sequence[Node]) -> int:
    """As many workers as the nodes have room for, by their CPUs and GPUs: a trial is on one of them.

    Args:
        resources: what each trial gets.
        nodes: those of the cluster.

    Raises:
        SweepError: no node has room for one.
    """
    workers = sum(trials_that_fit(resources, node) for node in nodes)
    if resources.gpus == "auto":
        refuse_without_gpus(workers, "the cluster has none")
        return workers
    if workers < 1:
        most = {kind: max((node.resources.get(kind, 0.0) for node in nodes), default=0.0) for kind in ("CPU", "GPU")}
        raise SweepError(
            f"resources: a trial needs {resources.cpus:g} CPU and {resources.gpus:g} GPU, and no node of the cluster "
            f"has that: the most on one is {most['CPU']:g} CPU and {most['GPU']:g} GPU",
            "Ask for less in `resources`, or add a node. Where nodes come when they are needed: `resources.workers`.",
        )
    return workers


def tell_without_room(resources: ResourcesConfig, nodes: Sequence[Node]) -> None:
    """Warns where no node has room for a trial now: one that has may come, and is waited for.

    Args:
        resources: what each trial gets.
        nodes: those of the cluster.
    """
    try:
        workers_that_fit(resources, nodes)
    except SweepError as error:
        _log.warning("%s. The sweep waits for one that has; nothing is trained before. Ctrl-C ends it.", error.message)
