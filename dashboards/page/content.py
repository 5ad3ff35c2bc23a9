"""All that the page shows, as values for JSON: trials by columns, figures, networks, and how each sweep stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .columns import page_columns, page_values
from .key_figures import key_figures
from .networks import page_networks
from .plots import page_plots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .pictures import Picture
    from .sources import SweepSource


def page_content(
    sources: Sequence[SweepSource],
    *,
    live: str | None = None,
    running: Sequence[dict[str, Any] | None] = (),
    pictures: Sequence[Picture] = (),
) -> dict[str, Any]:
    """What the page of one or several sweeps shows.

    Args:
        sources: the sweeps, in the order in which they are named.
        live: where the page asks its server for what is new; None for a file, which asks nobody.
        running: how far each sweep is, as `progress_of` gives it.
        pictures: of what the winner learnt.
    """
    import pandas as pd

    trials = pd.concat([source.frames.trials for source in sources], ignore_index=True)
    networks = page_networks(trials["notation"].tolist())
    return {
        "title": " and ".join(source.name for source in sources),
        "made": time.strftime("%Y-%m-%d %H:%M"),
        "live": live,
        "version": "",
        "sweeps": [
            sweep_content(source, running[at] if at < len(running) else None) for at, source in enumerate(sources)
        ],
        "count": len(trials),
        "columns": page_columns(trials),
        "rows": {str(name): page_values(trials[name]) for name in trials.columns},
        **networks,
        "plots": page_plots(trials, [source.frames for source in sources], [source.name for source in sources]),
        "pictures": [picture.to_json() for picture in pictures],
    }


def sweep_content(source: SweepSource, running: dict[str, Any] | None) -> dict[str, Any]:
    """How one sweep stands, as the top of the page shows it.

    Args:
        source: the sweep.
        running: how far it is, as `progress_of` gives it.
    """
    return {
        "name": source.name,
        "state": source.state,
        "asked": [list(pair) for pair in source.asked],
        "problem": source.problem,
        "notes": list(source.notes),
        "running": running,
        "figures": key_figures(source),
        "run_link": source.run_link,
        "sweep_link": source.sweep_link,
        "command": source.command,
        "answer": list(source.answer["lines"]) if source.answer else [],
        "next": list(source.next),
    }
