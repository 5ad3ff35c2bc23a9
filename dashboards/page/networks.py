"""The layers of networks as the page holds them: each layer once, each network as a list of places."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...spaces import ConvscapeError, cost_table, load_architecture

if TYPE_CHECKING:
    from collections.abc import Sequence

LayerRow = tuple[str, str, tuple[int, ...], int, int]
"""Place, layer, output as (H, W, C) or (units,), parameters and MACs."""


def page_networks(notations: Sequence[str]) -> dict[str, Any]:
    """Networks for the page, by their notation.

    Gives `layers`, all different rows of layer tables; `networks`, each a list of places in it; and `network`, for
    each notation its place in that, None where the notation cannot be read.

    Args:
        notations: of one network for each trial.
    """
    layers: dict[LayerRow, int] = {}
    networks: list[list[int]] = []
    known: dict[str, int | None] = {}
    for notation in notations:
        if notation in known:
            continue
        rows = _rows(notation)
        known[notation] = None if rows is None else len(networks)
        if rows is not None:
            networks.append([layers.setdefault(row, len(layers)) for row in rows])
    return {"layers": list(layers), "networks": networks, "network": [known[notation] for notation in notations]}


@lru_cache(maxsize=20_000)
def _rows(notation: str) -> tuple[LayerRow, ...] | None:
    try:
        table = cost_table(load_architecture(notation))
    except ConvscapeError:
        return None
    return tuple((row.path, row.name, (*row.output[1:], row.output[0]), row.parameters, row.macs) for row in table.rows)
