"""Draws what the benchmarks measured: regret by compute on a table, or accuracy by seconds.

    python benchmarks/draw.py regret CURVES PICTURE      CURVES as `tabular/compare.py --curves` writes them
    python benchmarks/draw.py accuracy RESULTS PICTURE   RESULTS as `time_to_accuracy.py` writes them

Lines are medians over seeds, bands go from the lower to the upper quartile; diamonds are test accuracies at the end,
their mean and range. PICTURE ends in .svg or .png.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "convscape"  # one picture for the same numbers
from matplotlib import pyplot as plt  # noqa: E402 - a backend is chosen first
from matplotlib.ticker import NullFormatter  # noqa: E402

WIDTH, HEIGHT = 5.2, 3.6
"""Of a panel, in inches."""
POINTS = 200
"""Moments of a line of accuracy."""
OURS = "#c0392b"


def regret(lines: list[dict[str, Any]]) -> list[tuple[str, dict[str, tuple[Any, Any]]]]:
    """Panels, one a table and a number of workers: each side's budgets, and its regrets (seeds, budgets)."""
    panels: dict[str, dict[str, tuple[Any, Any]]] = {}
    for line in lines:
        half = "" if line["half"] is None else f", half {line['half']}"
        title = f"{line['table']}{half}, {line['workers']} workers"
        panels.setdefault(title, {})[line["side"]] = line["budgets"], np.array(line["regrets"])
    return list(panels.items())


def accuracy(lines: list[dict[str, Any]]) -> list[tuple[str, dict[str, tuple[Any, Any]]]]:
    """Panels, one a data set and time: each side's seconds, and its best accuracies so far (seeds, moments).

    A side that trains on validation images has no line: what it is validated on is not the others'.
    """
    panels: dict[str, dict[str, list[Any]]] = {}
    for line in [line for line in lines if line["side"] != "textbook-all"]:
        panels.setdefault(_title(line), {}).setdefault(line["side"], []).append(line["curve"])
    drawn: list[tuple[str, dict[str, tuple[Any, Any]]]] = []
    for title, sides in panels.items():
        last = max(line["seconds"] for line in lines if _title(line) == title)
        moments = np.geomspace(1, last, POINTS)
        drawn.append(
            (title, {side: (moments, np.array([_held(c, moments) for c in curves])) for side, curves in sides.items()})
        )
    return drawn


def tests(lines: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[float, list[float]]]:
    """Of each panel's sides the seconds that they had, and the test accuracies that they ended with."""
    found: dict[tuple[str, str], tuple[float, list[float]]] = {}
    for line in lines:
        if "test" in line:
            found.setdefault((_title(line), line["side"]), (line["seconds"], []))[1].append(line["test"])
    return found


def _title(line: dict[str, Any]) -> str:
    return f"{line['data']}, {line['seconds']:g} s"


def _held(curve: list[tuple[float, float]], moments: Any) -> list[float]:
    """The best so far at each moment; NaN before the first."""
    return [max((reached for at, reached in curve if at <= moment), default=float("nan")) for moment in moments]


def draw(
    panels: list[tuple[str, dict[str, tuple[Any, Any]]]],
    across: str,
    up: str,
    picture: Path,
    ends: dict[tuple[str, str], tuple[float, list[float]]],
) -> None:
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH * len(panels), HEIGHT), squeeze=False)
    for axis, (title, sides) in zip(axes[0], panels, strict=True):
        for side, (at, values) in sides.items():
            shown = ~np.isnan(values).any(axis=0)
            low, middle, high = np.quantile(values[:, shown], [0.25, 0.5, 0.75], axis=0)
            style = {"color": OURS, "linewidth": 2.2, "zorder": 3} if side == "ours" else {"linewidth": 1.2}
            (line,) = axis.plot(np.array(at)[shown], middle, label=f"{side} (n = {len(values)})", **style)
            axis.fill_between(np.array(at)[shown], low, high, color=line.get_color(), alpha=0.12, linewidth=0)
            if (title, side) in ends:
                _diamond(axis, *ends[title, side], color=line.get_color())
        for (of, side), (seconds, reached) in ends.items():
            if of == title and side not in sides:
                _diamond(axis, seconds, reached, label=f"{side} (n = {len(reached)})")
        axis.set(title=title, xlabel=across, ylabel=up, xscale="log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(picture, dpi=110, metadata={"Date": None} if picture.suffix == ".svg" else None)


def _diamond(axis: Any, seconds: float, reached: list[float], **style: Any) -> None:
    mean = float(np.mean(reached))
    reach = [[mean - min(reached)], [max(reached) - mean]]
    axis.errorbar(seconds, mean, reach, fmt="D", markersize=5, capsize=3, zorder=4, **style)


def main() -> None:
    what, results, picture = sys.argv[1:4]
    lines = [json.loads(line) for line in Path(results).read_text().splitlines()]
    if what == "regret":
        draw(regret(lines), "full trainings", "regret, points of accuracy", Path(picture), {})
    else:
        draw(accuracy(lines), "seconds", "best validation accuracy so far", Path(picture), tests(lines))


if __name__ == "__main__":
    main()
