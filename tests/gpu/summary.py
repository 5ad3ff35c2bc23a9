"""What all checks came to: one table, the failures once more, and one line of JSON."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gpu.ordering import GROUPS
from gpu.results import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpu.results import Figure, Result

COLUMNS = ("check", "group", "outcome", "seconds", "figure")
BENCHMARK = "benchmark"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table."""

    check: str
    group: str
    outcome: str
    seconds: float | None = None
    figure: str = ""


def rows_of(results: Sequence[Result]) -> list[Row]:
    """One row a check: its cases together, in the order of groups."""
    checks: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        checks.setdefault((result.group, result.check), []).append(result)
    rows = [
        Row(
            check=check,
            group=group,
            outcome=_outcome(cases),
            seconds=sum(case.seconds for case in cases),
            figure=figures([figure for case in cases for figure in case.figures]),
        )
        for (group, check), cases in checks.items()
    ]
    return sorted(rows, key=lambda row: GROUPS.index(row.group) if row.group in GROUPS else len(GROUPS))


def _outcome(cases: Sequence[Result]) -> str:
    """`passed` where all did; else how many came to what, and why the first was skipped or left out."""
    counts = Counter(case.outcome for case in cases)
    told = [outcome if len(cases) == 1 else f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome]]
    why = next((case.why for case in cases if case.outcome in ("skipped", "left out")), "")
    why = why.removeprefix("left out: ").partition(";")[0].partition("\n")[0]
    return ", ".join(told) + (f": {why:.60}" if why else "")


def figures(measured: Sequence[Figure]) -> str:
    """Each figure by its name: as it is, or the median and the range of several."""
    named: dict[tuple[str, str], list[float]] = {}
    for figure in measured:
        named.setdefault((figure.name, figure.unit), []).append(figure.value)
    return "; ".join(_figure(name, unit, values) for (name, unit), values in named.items())


def _figure(name: str, unit: str, values: Sequence[float]) -> str:
    unit = f" {unit}" if unit else ""
    if len(values) == 1:
        return f"{name} {values[0]:.3g}{unit}"
    low, high = min(values), max(values)
    return f"{name} {statistics.median(values):.3g} ({low:.3g} to {high:.3g}, n = {len(values)}){unit}"


def benchmark_rows(told: dict[str, Any]) -> list[Row]:
    """The rows of what benchmarks/gpu.py tells as JSON; values it does not have are left empty."""
    rows = [
        Row(
            check=f"{row.get('group', '')}: {row.get('name', '')}",
            group=BENCHMARK,
            outcome="measured",
            figure=_measured(row),
        )
        for row in told.get("rows", ())
        if isinstance(row.get("value"), int | float)
    ]
    for key, outcome in (("failed", "failed"), ("left_out", "left out")):
        rows += [Row(check=_name(each), group=BENCHMARK, outcome=outcome) for each in told.get(key, ())]
    return rows


def _measured(row: dict[str, Any]) -> str:
    """A value with its unit and, where it is told, what it is compared with."""
    value = f"{row['value']:,.0f}" if abs(row["value"]) >= 1000 else f"{row['value']:.4g}"
    against = f"of {row['of']}" if row.get("of") else str(row.get("against") or "")
    return " ".join(filter(None, (value, str(row.get("unit", "")), against)))


def _name(each: Any) -> str:
    if not isinstance(each, dict):
        return f"{each:.100}"
    return ": ".join(str(each[key])[:60] for key in ("group", "name", "why", "reason") if each.get(key))


def table(rows: Sequence[Row]) -> str:
    """The rows under the names of their columns."""
    cells = [COLUMNS]
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        cells.append((row.check, row.group, row.outcome, seconds, row.figure))
    widths = [max(len(line[at]) for line in cells) for at in range(len(COLUMNS))]
    lines = [
        "  ".join(
            text.rjust(width) if at == 3 else text.ljust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def failures(results: Sequence[Result]) -> str:
    """Every failed case with its short traceback; "" where none failed."""
    return "\n".join(
        f"FAILED  {named(result)}\n{indented(result.why)}" for result in results if result.outcome == "failed"
    )


def named(result: Result) -> str:
    """A case as words: the check and, of several, which."""
    return f"{result.check} [{result.case}]" if result.case else result.check


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def to_json(
    results: Sequence[Result],
    versions: dict[str, str],
    *,
    seconds: float,
    benchmark: dict[str, Any] | None,
    failed: bool,
) -> dict[str, Any]:
    """Everything, for a program to read."""
    counts = Counter(result.outcome for result in results)
    return {
        "gpu": "failed" if failed else "passed in part" if counts["left out"] else "passed",
        "checks": {outcome.replace(" ", "_"): counts[outcome] for outcome in OUTCOMES},
        "seconds": round(seconds, 1),
        "versions": versions,
        "results": [
            {key: value for key, value in asdict(result).items() if key != "id" and value not in ("", ())}
            | {"seconds": round(result.seconds, 3)}
            for result in results
        ],
        "benchmark": benchmark,
    }
