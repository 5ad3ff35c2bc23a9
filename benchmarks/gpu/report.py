"""What was measured, what failed and what there was no time for: printed as it comes, and as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convscape.trainers.device import is_out_of_memory

if TYPE_CHECKING:
    from .timing import Measured

Speeds = dict[tuple[str, str, str], float]
"""Images a second by way, network and precision, as in ("bare", "small 32", "bfloat16")."""
Gains = dict[tuple[str, str], float]
"""How many times faster a network trains by what could be switched on, as in ("bfloat16", "small 32")."""
LONGEST_ERROR = 200


@dataclass(kw_only=True)
class Report:
    """The rows of all tables, the speeds among them by name, and what is missing, with the reason."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    speeds: Speeds = field(default_factory=dict)
    gains: Gains = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    """Lines that say why a step is slow, and what helps."""
    left_out: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def row(self, group: str, name: str, value: float, unit: str, **more: Any) -> None:
        """Keeps a figure and prints it.

        Args:
            group: of figures, as in "bare".
            name: what was measured.
            value: the figure.
            unit: of the figure.
            more: what else to say of it, such as `n`, `spread`, or in `of` what it is compared with.
        """
        told = {key: _significant(item) for key, item in more.items()}
        self.rows.append({"group": group, "name": name, "value": _significant(value), "unit": unit, **told})
        besides = "  ".join(f"{key} {said(item)}" for key, item in more.items())
        say(f"{group:<8} {name:<40} {said(value):>11} {unit:<9} {besides}")

    def speed(
        self, group: str, way: str, network: str, precision: str, measured: Measured, **more: Any
    ) -> None:  # fmt: skip
        """Keeps images a second and prints them, with how many rounds they come from and their spread."""
        self.speeds[way, network, precision] = measured.median
        name = f"{network} {precision} {way}"
        self.row(group, name, measured.median, "images/s", n=measured.n, spread=list(measured.spread), **more)

    def fail(self, what: str, error: Exception) -> None:
        """Lists what failed, and says so where it happens; what found no memory was left out."""
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            self.leave_out(what, f"memory: {one_line(error)}")
            return
        self.failed.append(f"{what}: {one_line(error)}")
        say(f"FAILED   {self.failed[-1]}")

    def leave_out(self, what: str, why: str) -> None:
        """Lists what was not measured."""
        self.left_out.append(f"{what}: {why}")


def say(text: str = "") -> None:
    """Prints a line at once, so that whoever waits sees how far it is."""
    print(text, flush=True)


def one_line(error: Exception) -> str:
    """An error in a line: its type and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]:.{LONGEST_ERROR}}" if lines else type(error).__name__


def _significant(item: Any) -> Any:
    """Figures to four digits, for JSON; words and counts as they are."""
    if isinstance(item, list):
        return [_significant(each) for each in item]
    return float(f"{item:.4g}") if isinstance(item, float) else item


def said(item: Any) -> str:
    """A figure, or several, as people read them."""
    if isinstance(item, list | tuple):
        return "-".join(map(said, item))
    if isinstance(item, float):
        return f"{item:,.0f}" if abs(item) >= 1000 else f"{item:.4g}"
    return str(item)


def as_json(report: Report, device: str, versions: dict[str, Any], **more: Any) -> str:
    """The one line that programs read."""
    return json.dumps(
        {
            "benchmark": "gpu",
            "device": device,
            "versions": versions,
            "rows": report.rows,
            "left_out": report.left_out,
            "failed": report.failed,
            **more,
        }
    )
