"""What follows from the figures, in words: how near ours is to the bare step, that to the floor, and what pays."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .networks import Network
    from .report import Gains, Speeds
    from .timing import Turns

OWN_SHARE, FAST_STEP = 0.85, 0.5
"""Ours should have that share of the bare step's speed, and the bare step that share of the floor's."""
PAYS = 1.05
"""How many times faster something must be to be worth switching on."""
SHARING_PAYS = 1.1
"""How many times as much several trials at a time must come to; each has less memory for it."""
NEAR = 0.95
"""Fewer trials at a time that come to such a share of the best are better: each ends sooner."""
SWITCHES = ("bfloat16", "graphs", "compile", "trials at a time", "stacked")


def share_of(speeds: Speeds, way: str, base: str, network: str, precision: str) -> float | None:
    """One way's speed over another's; None where one of them was not measured."""
    above, below = speeds.get((way, network, precision)), speeds.get((base, network, precision))
    return above / below if above and below else None


def step_lines(speeds: Speeds, cells: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each network and precision that was measured.

    Args:
        speeds: all there are.
        cells: networks and precisions, in the order of the lines.
    """
    lines: list[str] = []
    for cell in cells:
        own, fast = share_of(speeds, "ours", "bare", *cell), share_of(speeds, "bare", "floor", *cell)
        loop = share_of(speeds, "ours", "loop", *cell)
        graphed = share_of(speeds, "bare graphed", "floor", *cell)
        words = [
            *([f"ours is {own:.0%} of the bare step{_mark(own, OWN_SHARE)}"] if own else []),
            *([f"the bare step is {fast:.0%} of the floor{_mark(fast, FAST_STEP)}"] if fast else []),
            *([f"as a CUDA graph it is {graphed:.0%}"] if fast and graphed else []),
            *([f"ours is {loop:.1f} times the DataLoader loop"] if loop else []),
        ]
        if words:
            lines.append(f"{' '.join(cell)}: {'; '.join(words)}")
    return lines


def to_explain(speeds: Speeds, network: str, precision: str) -> list[str]:
    """Which of "ours" and "bare" are slower than they should be, so that a profile must say why."""
    own, fast = (share_of(speeds, *pair, network, precision) for pair in (("ours", "bare"), ("bare", "floor")))
    return [
        way for way, share, least in (("ours", own, OWN_SHARE), ("bare", fast, FAST_STEP)) if share and share < least
    ]


def trials_at_a_time(speeds: Speeds, network: str, precision: str) -> tuple[int, float] | None:
    """How many trials a GPU should have at a time, and how many times as much as one they come to.

    None where several were not measured.
    """
    prefix = "shared "
    found = {
        int(way.removeprefix(prefix)): speed
        for (way, *cell), speed in speeds.items()
        if way.startswith(prefix) and cell == [network, precision]
    }
    if 1 not in found or len(found) < 2:
        return None
    alone = found.pop(1)
    best = max(found.values())
    count = min(count for count, speed in found.items() if speed >= NEAR * best)
    gain = found[count] / alone
    return (count, gain) if gain >= SHARING_PAYS else (1, best / alone)


def sharing_lines(speeds: Speeds, networks: Sequence[Network], precision: str) -> list[str]:
    """Whether several trials on one GPU pay, for each network that was measured, and from which size on they do not.

    Args:
        speeds: all there are.
        networks: from small to large.
        precision: of the trials.
    """
    lines: list[str] = []
    pays: list[str] = []
    not_any_more = ""
    for network in sorted(networks, key=lambda each: each.macs):
        if (found := trials_at_a_time(speeds, network.name, precision)) is None:
            continue
        count, gain = found
        size = f"{network.name} ({network.macs / 1e6:,.1f} M MACs an image)"
        if count > 1:
            lines.append(f"{size}: {count} trials at a time come to {gain:.2f} times one: sharing pays")
            pays.append(network.name)
            not_any_more = ""
        else:
            lines.append(f"{size}: several trials at a time come to {gain:.2f} times one at best: sharing does not pay")
            not_any_more = not_any_more or size
    if lines:
        lines.append(
            f"sharing does not pay from {not_any_more} on"
            if not_any_more
            else f"sharing pays for all sizes that were measured, up to {pays[-1]}"
        )
    return lines


def stacked_lines(speeds: Speeds, networks: Sequence[Network], precision: str, count: int) -> list[str]:
    """What several networks trained as one come to beside as many one by one and in as many processes.

    Args:
        speeds: all there are.
        networks: that may have been measured.
        precision: of the networks.
        count: of networks that were trained as one, at most.
    """
    lines: list[str] = []
    for network in networks:
        cell = network.name, precision
        bases = {f"one by one {count}": "one by one", f"processes {count}": "in processes"}
        for way in (f"stacked {count}", f"stacked {count} graphed"):
            found = {words: share_of(speeds, way, base, *cell) for base, words in bases.items()}
            words = [f"{share:.2f} times as fast as {told}" for told, share in found.items() if share]
            if words:
                lines.append(f"{network.name} {precision}, {way}: {', '.join(words)}")
    return lines


def defaults(speeds: Speeds, gains: Gains, networks: Sequence[Network], precision: str) -> list[dict[str, str]]:
    """What to switch on for each network that something was measured of, made of the figures.

    Args:
        speeds: all there are.
        gains: how many times faster each of SWITCHES made which network.
        networks: that may have been measured.
        precision: that trials were shared in.

    Returns:
        A row a network: its name, each of SWITCHES as a word, and in `most` what gives most.
    """
    rows: list[dict[str, str]] = []
    for network in networks:
        found = {switch: gains[switch, network.name] for switch in SWITCHES if (switch, network.name) in gains}
        if not found:
            continue
        words: dict[str, str] = dict.fromkeys(SWITCHES, "not measured")
        for switch, gain in found.items():
            # torch.compile records graphs itself, so that it must be worth more than they are alone.
            least = PAYS * max(1.0, found.get("graphs", 1.0)) if switch == "compile" else PAYS
            words[switch] = f"{'on' if gain >= least else 'off'} ({gain:.2f}x)"
        if (trials := trials_at_a_time(speeds, network.name, precision)) is not None:
            words["trials at a time"] = f"{trials[0]} ({trials[1]:.2f}x)"
        if "stacked" in found:
            words["stacked"] = f"{found['stacked']:.2f}x"
        best = max(found, key=lambda switch: found[switch])
        most = f"{best} {found[best]:.2f}x" if found[best] >= PAYS else "nothing"
        rows.append({"network": network.name, **words, "most": most})
    return rows


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rows under the names of their columns, as lines."""
    if not rows:
        return []
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def ratio(turns: Turns, way: str, base: str) -> float | None:
    """The median of the rounds' own ratios of two ways; None where one of them failed."""
    if way not in turns.measured or base not in turns.measured:
        return None
    pairs = zip(turns.measured[way].values, turns.measured[base].values, strict=True)
    return statistics.median(above / below for above, below in pairs)


def _mark(share: float, least: float) -> str:
    return f" (below {least:.0%})" if share < least else ""
