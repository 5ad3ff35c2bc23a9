"""The command that compares trials: of one sweep or of several, as text, JSON, CSV, or a page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..spaces import ConfigError
from .answering import print_answer
from .completion import sweep_names
from .options import SWEEPS, Dashboard, Experiment, Folder, Store, check_store, typed_path
from .printing import echo, echo_json
from .remote import run_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..dashboards.page import SweepSource
    from ..dashboards.text import ComparedSweep


def compare(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="Sweeps; with --uri all, where none is named.", autocompletion=sweep_names
        ),
    ] = None,
    folder: Folder = SWEEPS,
    number: Annotated[int, typer.Option("-n", min=1, help="How many trials the table shows.")] = 10,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", parser=typed_path, help="Write a page that needs nothing else."),
    ] = None,
    uri: Store = None,
    experiment: Experiment = None,
    address: Dashboard = None,
    output: Annotated[
        Literal["table", "json", "csv"], typer.Option("--output", "-o", help="A table for people, JSON, or CSV.")
    ] = "table",
) -> None:
    """The trials of sweeps, best first, why others failed, and how to open them in MLflow.

    \b
      convscape compare digits -n 20
      convscape compare digits leaves --html both.html
      convscape compare digits -o csv > digits.csv
      convscape compare digits --uri http://127.0.0.1:5000 --experiment convscape
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        if html is not None:
            raise ConfigError(f"--html: {html} would be written at {address}", "Do it on the head, or with --uri.")
        run_there(context, address)
    check_store(uri, experiment)
    if not names and uri is None:
        raise ConfigError("which sweep?", "Name one or several; `convscape list` shows all.")
    named = list(dict.fromkeys(names or ()))
    alone = uri is None and len(named) == 1 and output != "csv"
    if alone and (html is None or output == "json"):
        _of_one(named[0], folder, number, output)
        if html is None:
            return
    from ..dashboards.page import read_sources

    sources = read_sources(named, folder, uri=uri, experiment=experiment)
    if html is not None:
        _write(sources, html)
    if output == "json" and not alone:
        from ..dashboards.text import comparison_json

        echo_json(comparison_json(_beside(sources)))
    elif output == "csv":
        import pandas as pd

        trials = pd.concat([source.frames.trials for source in sources], ignore_index=True)
        echo(trials.map(no_formula).to_csv(index=False).rstrip("\n"))
    elif html is None:
        from ..dashboards.text import comparison_text

        echo(comparison_text(_beside(sources), number))


def _beside(sources: Sequence[SweepSource]) -> list[ComparedSweep]:
    from ..dashboards.text import ComparedSweep

    return [ComparedSweep(source.name, source.state, source.frames, source.answer) for source in sources]


def no_formula(value: Any) -> Any:
    """The value, a text with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _of_one(name: str, folder: Path, number: int, output: str) -> None:
    """A sweep in its folder: its leaderboard."""
    from ..dashboards.text import leaderboard_table, pages, why_failed
    from ..search import Sweep
    from ..search.records import failures

    sweep = Sweep.open(name, folder)
    records = sweep.trials()
    trials = sweep.summaries(records)
    if output == "json":
        failed = [asdict(failure) for failure in failures(records)]
        told: dict[str, Any] = {"trials": [asdict(trial) for trial in trials], "failures": failed}
        if sweep.config.question:
            from ..dashboards.text import answer_of_sweep  # scipy comes with it

            told["answer"] = answer_of_sweep(sweep, records)
        echo_json(told)
        return
    if sweep.config.question:
        print_answer(sweep, records)
        return
    if not trials:
        echo(f"{sweep.no_result(records)}")
        return
    echo("\n".join([leaderboard_table(trials, number), *why_failed(records)]))
    echo("\n".join(["", "Compare runs in MLflow:", *(f"  {line}" for line in pages(sweep))]))


def _write(sources: Sequence[SweepSource], html: Path) -> None:
    from ..dashboards.page import page_content, pictures_of, usual_places, write_page

    pictures = pictures_of(sources[0].digest, usual_places(sources[0].name)) if len(sources) == 1 else []
    write_page(page_content(sources, pictures=pictures), html)
    echo(f"Written: {html}", err=True)
