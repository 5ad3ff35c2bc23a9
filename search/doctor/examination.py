"""Looks at this machine or at a cluster, and tells what was found."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...spaces import SweepError
from ..bucket import images_there
from ..config import with_environment
from ..tracking import StoreProbe, public_address, sqlite_file
from ..workers import PACKAGES, NodeProcesses, alive_nodes, joined, small_training, survey, trials_that_fit
from .findings import Diagnosis, Finding, Level, NodeFindings
from .folder import bucket_findings, folder_finding, marked
from .nodes import kind_of, node_findings
from .versions import misfits, versions_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..config import ResourcesConfig, SweepConfig
    from ..workers import Answer, Node

SURVEYED, CLOCKED, TRAINED, TRACKED = 60.0, 2.0, 45.0, 30.0
"""Seconds after which a node that has not answered, its clock, its training, and MLflow's store are given up."""


def examine(config: SweepConfig, enter: Callable[[str], None] = lambda _: None) -> Diagnosis:
    """Says whether a sweep can run on this machine, or on the cluster that the config names.

    Nothing is left: what is written for the look is removed, a Ray that was started is stopped, a cluster is left.

    Args:
        config: the sweep file.
        enter: called with the name of each phase.

    Raises:
        SweepError: no cluster answers, Ray does not start, or the folder of sweeps cannot be written.
    """
    config, by_environment = with_environment(config)
    resources = config.resources
    with marked(config.folder) as (file, text):
        probe = StoreProbe(config.tracking_uri)
        enter("joining the Ray cluster" if resources.address else "starting Ray")
        with joined(resources):
            enter("asking each node")
            nodes, driver = alive_nodes(), _versions_here()
            asked = (
                str(file),
                text,
                config.data.url or (str(config.data.root) if config.data.root else None),
                PACKAGES,
            )
            with NodeProcesses(nodes) as processes:
                answers = processes.ask(survey(), [(node, asked) for node in nodes], SURVEYED)
                there = [answer.node for answer in answers if not answer.problem]
                clocks = {node.id: processes.clock(node, CLOCKED) for node in there}
                enter("training on each kind of node")
                trained = _trainings(processes, answers, driver, resources)
        enter("asking MLflow")
        found = [
            NodeFindings(
                id=node.id,
                address=node.address,
                host=node.host,
                head=node.head,
                cpus=node.resources.get("CPU", 0.0),
                gpus=node.resources.get("GPU", 0.0),
                room=trials_that_fit(resources, node),
                findings=(
                    *node_findings(answer, driver, resources, clocks.get(node.id), folder=str(config.folder.resolve())),
                    *trained.get(node.id, ()),
                ),
            )
            for answer in answers
            for node in [answer.node]
        ]
        here = [
            Finding(check="versions", level=Level.OK, text=versions_line(driver)),
            folder_finding(config.folder),
            *bucket_findings(config.url, config.tracking.uri),
            *_images(config),
            *_tracking(config, by_environment, probe.problem(TRACKED)),
        ]
    return Diagnosis(
        place=f"the cluster at {resources.address}" if resources.address else "this machine",
        driver=tuple(here),
        nodes=tuple(found),
        trials=tuple(trial_findings(nodes, resources)),
    )


def _versions_here() -> dict[str, str]:
    """The driver's own versions, without loading what takes seconds."""
    own = {"python": platform.python_version(), "convscape": __version__}
    return own | {name: importlib.metadata.version(name) for name in PACKAGES if name not in own}


def _trainings(
    processes: NodeProcesses, answers: Sequence[Answer], driver: Mapping[str, str], resources: ResourcesConfig
) -> dict[str, tuple[Finding, ...]]:
    """What a small training on a node of each kind came to, for every node of that kind, by the node's id.

    Nodes that get no trials are left out, and those on which something is known to be wrong.
    """
    kinds: dict[tuple[object, ...], list[tuple[Node, str]]] = {}
    for answer in answers:
        if answer.problem or not trials_that_fit(resources, answer.node) or answer.value["unusable"]:
            continue
        if not misfits(driver, answer.value["versions"]):
            gpu = bool(answer.value["gpus"]) and answer.node.resources.get("GPU", 0.0) > 0
            kinds.setdefault((*kind_of(answer.node), gpu), []).append((answer.node, "cuda" if gpu else "cpu"))
    first = [(node, (device,)) for (node, device), *_ in kinds.values()]
    told = {answer.node.id: answer for answer in processes.ask(small_training(), first, TRAINED)}
    return {
        node.id: (_training(told[alike[0][0].id], alike[0][1], len(alike)),)
        for alike in kinds.values()
        for node, _ in alike
    }


def _training(answer: Answer, device: str, alike: int) -> Finding:
    where = "the GPU" if device == "cuda" else "a CPU"
    which = f", on {answer.node.address} for the {alike} nodes of its kind" if alike > 1 else ""
    if answer.problem.startswith("no answer"):
        return Finding(
            check="training",
            level=Level.NOTE,
            text=f"a small network was not trained on {where}{which}: {answer.problem}",
            remedy="The node may be busy, or its disk slow. Look again when it is idle.",
        )
    if answer.problem:
        return Finding(
            check="training",
            level=Level.WRONG,
            text=f"a small network does not train on {where}{which}: {answer.problem}",
            remedy="Every trial would fail there likewise. Mend the installation on the node, or take the node out.",
        )
    said: Mapping[str, Any] = answer.value
    right = f"{said['accuracy']:.0%} of the digits right after an epoch"
    text = f"for an epoch of a small network on {where}{which}: {right}"
    return Finding(check="training", level=Level.OK, text=text, amount=said["seconds"], unit="seconds")


def trial_findings(nodes: Sequence[Node], resources: ResourcesConfig) -> list[Finding]:
    """Whether trials find the CPUs and GPUs that they ask for, and how many run at a time.

    Args:
        nodes: those of the cluster.
        resources: what each trial gets.
    """
    room = sum(trials_that_fit(resources, node) for node in nodes)
    if shares := resources.gpus == "auto":
        needs = "an eighth of a GPU or more"
    else:
        needs = f"{resources.cpus:g} CPU" + (f" and {resources.gpus:g} GPU" if resources.gpus else "")
    if not room:
        waits = resources.address and resources.workers
        most = {kind: max((node.resources.get(kind, 0.0) for node in nodes), default=0.0) for kind in ("CPU", "GPU")}
        return [
            Finding(
                check="trials",
                level=Level.NOTE if waits else Level.WRONG,
                text=f"none fits: a trial needs {needs}, and no node has that: the most on one is {most['CPU']:g} CPU "
                f"and {most['GPU']:g} GPU" + ("; they wait for nodes to come" if waits else ""),
                remedy="Ask for less in `resources`, or add a node: `ray start --address=HEAD:6379`. Where nodes come "
                "when they are needed, say how many trials: `resources.workers`.",
            )
        ]
    wanted = resources.workers
    if wanted and wanted > room and not shares:
        return [
            Finding(
                check="trials",
                level=Level.NOTE,
                text=f"{room} at a time fit, of {needs} each; `resources.workers` asks for {wanted}",
                remedy="The others wait for nodes to come. Where none will, leave `resources.workers` out.",
            )
        ]
    at_most = "up to " if shares else ""
    return [
        Finding(check="trials", level=Level.OK, text=f"{at_most}{min(wanted or room, room)} at a time, of {needs} each")
    ]


def _images(config: SweepConfig) -> list[Finding]:
    root = config.data.root
    if root is None:
        return []
    if config.data.url:
        return [_images_in_storage(config.data.url)]
    if os.access(root, os.R_OK):
        return [Finding(check="images", level=Level.OK, text=f"{config.data.name} in {root}")]
    return [
        Finding(
            check="images",
            level=Level.WRONG,
            text=f"data.root: {root} {'cannot be read' if root.exists() else 'is not there'}",
            remedy="Name the folder that holds the images, as the machine sees it on which the sweep is launched.",
        )
    ]


def _images_in_storage(url: str) -> Finding:
    try:
        count, size = images_there(url)
    except SweepError as error:
        return Finding(check="images", level=Level.WRONG, text=error.message, remedy=error.remedy)
    text = (
        f"{count:,} files, {size / 1e9:.2f} GB, in {url}: they come here when a sweep begins, and to each node where "
        "they exceed data.memory"
    )
    return Finding(check="images", level=Level.OK, text=text)


def _tracking(config: SweepConfig, by_environment: Sequence[str], problem: str) -> list[Finding]:
    database = sqlite_file(config.tracking_uri)
    store = str(database) if database is not None else public_address(config.tracking_uri)
    said = [Finding(check="MLflow", level=Level.NOTE, text=line) for line in by_environment]
    if not problem:
        return [*said, Finding(check="MLflow", level=Level.OK, text=f"{store} can be written")]
    if database is not None:
        remedy = "Make it writable, or name another store: `tracking.uri`."
        return [*said, Finding(check="MLflow", level=Level.WRONG, text=problem, remedy=remedy)]
    return [
        *said,
        Finding(
            check="MLflow",
            level=Level.NOTE,
            text=f"{store} takes nothing now: {problem}",
            remedy="A sweep runs without it, and `convscape sync NAME` sends its results later. Look at `tracking.uri` "
            "and at the server.",
        ),
    ]
