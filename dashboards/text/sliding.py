"""Prints a network that slides over an image, as text and as JSON: its layers there, and its cost beside crops."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from ...spaces import WIDTH, cost_table, format_layer_table, format_memory_table, to_notation
from .networks import cost_json, notation_lines

if TYPE_CHECKING:
    from ...spaces import Precision, SlidingNetwork


def sliding_text(network: SlidingNetwork, batch: int, optimizer: str, precision: Precision) -> str:
    """A sliding network's notation, what it gives, and layer table and memory on its image, as text of 80 columns.

    Args:
        network: at work on an image.
        batch: images of a training step, for its memory.
        optimizer: "sgd", "adamw" or "none", for the memory of a training step.
        precision: of weights and activations alike.

    Raises:
        ArchitectureError: an unknown precision or optimizer.
    """
    memory = format_memory_table(network, batch, optimizer, precision)
    told = "\n".join(fill(line, WIDTH, subsequent_indent="  ") for line in _told(network))
    return f"{notation_lines(network.native)}\n\n{told}\n\n{format_layer_table(network)}{memory}".rstrip("\n")


def sliding_json(network: SlidingNetwork, batch: int, optimizer: str, precision: Precision) -> dict[str, Any]:
    """A sliding network as values for JSON: its layers, totals and memory on its image, and the cost beside crops.

    `notation`, `digest` and `architecture` are those of the fully convolutional network at its own size. `crops` is
    None where the head is a global pooling, so that there is one vector of scores and no stride.

    Args:
        network: at work on an image.
        batch: images of a training step, for its memory.
        optimizer: "sgd", "adamw" or "none", for the memory of a training step.
        precision: of weights and activations alike.

    Raises:
        ArchitectureError: an unknown precision or optimizer.
    """
    once, one_by_one = _macs(network)
    beside = {
        "places": network.places,
        "macs": one_by_one,
        "one_pass_macs": once,
        "ratio": one_by_one / max(1, once),
    }
    return {
        "notation": to_notation(network.native),
        "digest": network.native.digest,
        "architecture": network.native.to_json(),
        "sliding": {
            "input": list(network.input),
            "native_input": list(network.native.input),
            "output": list(network.output),
            "stride": list(network.stride) if network.stride else None,
            "pads": network.pads,
            "crops": beside if network.stride else None,
        },
        **cost_json(network, batch, optimizer, precision),
    }


def _told(network: SlidingNetwork) -> list[str]:
    over, own = (f"{height}x{width}" for _, height, width in (network.input, network.native.input))
    if network.stride is None:
        return [
            f"Over {over}: one vector of {network.output[0]:,} scores, as for an image of any size; made for {own}."
        ]
    rows, columns = network.stride
    apart = str(rows) if rows == columns else f"{rows}x{columns}"
    if network.places == 1:
        return [f"Over {over}: one vector of {network.output[0]:,} scores; on larger images one every {apart} cells."]
    once, one_by_one = _macs(network)
    scores, down, right = network.output
    ratio = f"{one_by_one / max(1, once):.4g}"
    return [
        f"Over {over}: {down}x{right} places of {own}, {apart} cells apart, {scores:,} scores each.",
        f"One pass takes {once:,} MACs, the {network.places:,} crops one by one {one_by_one:,}: {ratio} times as many.",
        "Layers pad: around a crop they see zeros where the pass sees the image, so that scores differ."
        if network.pads
        else "No layer pads: the scores are those of the crops.",
    ]


def _macs(network: SlidingNetwork) -> tuple[int, int]:
    """Multiply-accumulates of one pass, and of the crops at all its places."""
    return cost_table(network).totals.macs, network.places * cost_table(network.native).totals.macs
