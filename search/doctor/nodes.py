"""What the answers of a node mean for a sweep."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ...spaces import readable_bytes
from ..tracking import without_secrets
from ..workers import trials_that_fit
from .findings import Finding, Level
from .versions import NAMES, misfits, versions_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..config import ResourcesConfig
    from ..workers import Answer, Clock, Node

LITTLE, NONE = 2 * 10**9, 10**8
"""Bytes of free disk below which a note is made, and below which nothing can be relied on."""
APART = 2.0
"""Seconds that a clock may be off before a note is made: so much earlier or later `search.seconds` ends there."""


def kind_of(node: Node) -> tuple[object, ...]:
    """What nodes that are alike have in common, by what Ray counts on them: CPUs, GPUs and their type."""
    types = sorted(name for name in node.resources if name.startswith("accelerator_type:"))
    return node.resources.get("CPU", 0.0), node.resources.get("GPU", 0.0), *types


def node_findings(
    answer: Answer, driver: Mapping[str, str], resources: ResourcesConfig, clock: Clock | None, *, folder: str
) -> list[Finding]:
    """What a node's answer means. What is wrong on a node that gets no trials is a note.

    Args:
        answer: what the node said when it was surveyed.
        driver: the driver's versions, by package.
        resources: what each trial gets.
        clock: the node's clock beside the driver's; None where it is not known.
        folder: the folder of sweeps, as an absolute path.
    """
    fatal = Level.WRONG if trials_that_fit(resources, answer.node) else Level.NOTE
    if answer.problem:
        return [
            Finding(
                check="answer",
                level=fatal,
                text=f"it was asked, and {answer.problem}" if "no answer" not in answer.problem else answer.problem,
                remedy="See `ray status` and the node's logs under Ray's temporary folder; take the node out, or start "
                "Ray on it anew.",
            )
        ]
    said: Mapping[str, Any] = answer.value
    found = [*_machine(answer.node, said, resources, fatal), *_versions(said, driver, fatal)]
    found += [_checkpoints(said, folder, fatal), *_images(said), _disk(said, fatal)]
    return [*found, _clock(clock)]


def _machine(node: Node, said: Mapping[str, Any], resources: ResourcesConfig, fatal: Level) -> list[Finding]:
    counted, seen = node.resources.get("GPU", 0.0), said["gpus"]
    kinds = Counter((gpu["name"], readable_bytes(gpu["memory"])) for gpu in seen)
    names = ", ".join(f"{count} {name} of {memory}" for (name, memory), count in kinds.items())
    memory = f"{readable_bytes(said['memory'])} of memory"
    found = [Finding(check="machine", level=Level.OK, text=f"{memory}; {names or 'no GPU that PyTorch finds'}")]
    if counted > len(seen):
        found.append(
            Finding(
                check="GPUs",
                level=fatal if resources.gpus else Level.NOTE,
                text=f"Ray counts {counted:g} here, PyTorch finds {len(seen) or 'none'}: trials with `resources.gpus` "
                "fail here",
                remedy="Install a PyTorch for the node's GPU driver, or start Ray with the right `--num-gpus`.",
            )
        )
    elif counted < len(seen):
        found.append(
            Finding(
                check="GPUs",
                level=Level.NOTE,
                text=f"PyTorch finds {len(seen)} here, Ray counts {counted:g}: trials get no others",
                remedy=f"Start Ray there with `--num-gpus={len(seen)}`.",
            )
        )
    return found


def _versions(said: Mapping[str, Any], driver: Mapping[str, str], fatal: Level) -> list[Finding]:
    versions: Mapping[str, str] = said["versions"]
    found = [
        Finding(
            check=NAMES[package],
            level=fatal,
            text=f"it does not load: {problem}",
            remedy=f"Install it again on the node; `python -c 'import {package}'` there says more.",
        )
        for package, problem in said["unusable"].items()
    ]
    for package in misfits(driver, versions):
        if package not in said["unusable"]:
            has = f"it has {versions[package]}" if versions[package] else "it is missing"
            found.append(
                Finding(
                    check=NAMES[package],
                    level=fatal,
                    text=f"{has}; the driver has {driver[package]}",
                    remedy=f"Install {NAMES[package]} {driver[package]} there, into the Python that Ray was started "
                    "with.",
                )
            )
    same = dict(versions) == dict(driver)
    text = "the same as the driver's" if same else versions_line(versions)
    return [Finding(check="versions", level=Level.OK, text=text), *found]


def _checkpoints(said: Mapping[str, Any], folder: str, fatal: Level) -> Finding:
    if not said["seen"]:
        text = f"handed back through Ray: this node does not see {folder}, and need not"
        return Finding(check="checkpoints", level=Level.OK, text=text)
    if said["written"]:
        return Finding(
            check="checkpoints",
            level=fatal,
            text=f"it sees {folder}, and cannot write there: {said['written']}",
            remedy="Start Ray there as a user who may write it, or mount it writable.",
        )
    return Finding(check="checkpoints", level=Level.OK, text=f"written to {folder}, which this node sees")


def _images(said: Mapping[str, Any]) -> list[Finding]:
    if said["images"] is None:
        return []
    if not said["images"]:
        return [Finding(check="images", level=Level.OK, text="this node sees data.root")]
    why = without_secrets(" ".join(said["images"].split()))
    return [
        Finding(
            check="images",
            level=Level.NOTE,
            text=f"this node does not see data.root ({why}): images up to data.memory reach it by Ray, more do not",
            remedy="Where they come to more, mount their folder on each node under that path; for a URL install what "
            "reads it there, and let the node list and read it. Or raise data.memory.",
        )
    ]


def disk_finding(free: int, folder: str, fatal: Level, remedy: str) -> Finding:
    """Whether there is room on a disk.

    Args:
        free: bytes that are free.
        folder: where they are.
        fatal: what it means if there is none.
        remedy: what to do if there is little.
    """
    level = fatal if free < NONE else Level.NOTE if free < LITTLE else Level.OK
    text = f"free in {folder}"
    remedy = remedy if free < LITTLE else ""
    return Finding(check="disk", level=level, text=text, remedy=remedy, amount=float(free), unit="bytes")


def _disk(said: Mapping[str, Any], fatal: Level) -> Finding:
    remedy = "Make room there, or start Ray with another `--temp-dir`: images and logs lie there."
    return disk_finding(said["free"], said["temporary"], fatal, remedy)


def _clock(clock: Clock | None) -> Finding:
    if clock is None:
        return Finding(check="clock", level=Level.NOTE, text="not known: the node no longer answered")
    apart = max(0.0, abs(clock.ahead) - clock.within)
    level = Level.NOTE if apart > APART else Level.OK
    text = "from the driver's clock" if level is Level.OK else (
        f"{'ahead of' if clock.ahead > 0 else 'behind'} the driver's clock: `search.seconds` ends "
        f"{'earlier' if clock.ahead > 0 else 'later'} there"
    )  # fmt: skip
    remedy = "" if level is Level.OK else "Set both by a time server, as chrony or systemd-timesyncd do."
    amount = abs(clock.ahead) if level is Level.NOTE else abs(clock.ahead) + clock.within
    text = text if level is Level.NOTE else f"at most {text}"
    return Finding(check="clock", level=level, text=text, remedy=remedy, amount=amount, unit="seconds")
