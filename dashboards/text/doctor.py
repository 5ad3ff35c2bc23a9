"""Says what was found where a sweep is to run: a block for each node, or for several that are alike."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...search.doctor import Level
from ...spaces import readable_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...search.doctor import Diagnosis, Finding, NodeFindings

WIDTH = 80
"""Columns of the text, at most."""
NAMED = 4
"""Nodes of a block that are named, at most."""
_CHECK = 12
"""Columns of what was looked at."""


def doctor_text(found: Diagnosis) -> str:
    """What was found, in lines of 80 columns, and in the last one whether a sweep can run.

    Args:
        found: what was found on this machine or cluster.
    """
    lines = [f"Can a sweep run on {found.place}?", "", "the driver, which is this process"]
    lines += _lines((finding,) for finding in found.driver)
    for alike in _groups(found.nodes):
        lines += ["", *_cut(_title(alike, found.nodes), "  ")]
        lines += _lines(zip(*(node.findings for node in alike), strict=True))
    lines += ["", "a sweep's trials", *_lines((finding,) for finding in found.trials)]
    return "\n".join([*lines, "", *_cut(sentence(found), "  ")])


def doctor_json(found: Diagnosis) -> dict[str, Any]:
    """What was found, as values for JSON: `can_run`, the `sentence`, and findings of the driver, nodes and trials.

    Args:
        found: what was found on this machine or cluster.
    """
    return {"can_run": found.can_run, "sentence": sentence(found), "room": found.room, **asdict(found)}


def sentence(found: Diagnosis) -> str:
    """Whether a sweep can run, in a sentence.

    Args:
        found: what was found on this machine or cluster.
    """
    levels = Counter(finding.level for finding in found.findings)
    if not found.can_run:
        wrong = levels[Level.WRONG]
        return f"No sweep can run on {found.place} as it is: {wrong} thing{'s are' if wrong > 1 else ' is'} wrong."
    notes = levels[Level.NOTE]
    noted = f"; {notes} note{'s' if notes > 1 else ''} above" if notes else ""
    return f"A sweep can run on {found.place}{noted}."


def _groups(nodes: Sequence[NodeFindings]) -> list[list[NodeFindings]]:
    """Nodes that differ in nothing but figures, together; in the order of the first of each."""
    groups: dict[object, list[NodeFindings]] = {}
    for node in nodes:
        told = tuple((finding.check, finding.level, finding.text, finding.remedy) for finding in node.findings)
        groups.setdefault((node.head, node.cpus, node.gpus, told), []).append(node)
    return list(groups.values())


def _title(alike: Sequence[NodeFindings], everyone: Sequence[NodeFindings]) -> str:
    node = alike[0]
    has = f"{node.cpus:g} CPU" + (f", {node.gpus:g} GPU" if node.gpus else "")
    counted = f"({has} as Ray counts, {_room(node)})"
    addresses = Counter(other.address for other in everyone)
    names = [
        f"{each.host} {each.address}" + (f" {each.id[:8]}" if addresses[each.address] > 1 else "") for each in alike
    ]
    if len(alike) == 1:
        return f"{'head' if node.head else 'node'} {names[0]} {counted}"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(alike)} nodes {counted}: {', '.join(names[:NAMED])}{more}"


def _room(node: NodeFindings) -> str:
    return f"room for {node.room} trial{'s' if node.room > 1 else ''}" if node.room else "gets no trials"


def _lines(findings: Iterable[Sequence[Finding]]) -> Iterator[str]:
    """A line or more for each finding, which may be that of several nodes with figures of their own."""
    for alike in findings:
        finding = alike[0]
        amount = _amounts(alike)
        head = f"  {finding.level:<6}{finding.check:<{_CHECK}}"
        yield from textwrap.wrap(
            f"{head}{amount}{finding.text}", WIDTH, subsequent_indent=" " * len(head), break_on_hyphens=False
        )
        if finding.remedy:
            indent = " " * len(head) + "-> "
            yield from textwrap.wrap(
                finding.remedy,
                WIDTH,
                initial_indent=indent,
                subsequent_indent=" " * len(indent),
                break_on_hyphens=False,
            )


def _amounts(alike: Sequence[Finding]) -> str:
    """What was measured, from the least to the most, with a space behind it; "" where nothing was."""
    amounts = sorted(finding.amount for finding in alike if finding.amount is not None)
    if not amounts:
        return ""
    shown = readable_bytes if alike[0].unit == "bytes" else _seconds
    least, most = shown(amounts[0]), shown(amounts[-1])
    return f"{least} " if least == most else f"{least} to {most} "


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _cut(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
