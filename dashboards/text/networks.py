"""Prints networks as text and as JSON: layers and cost, and what a sweep would make of them."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import fill
from typing import TYPE_CHECKING, Any

from ...search.records import epochs_in_words
from ...spaces import WIDTH, cost_table, format_layer_table, format_memory_table, to_notation

if TYPE_CHECKING:
    from ...search.driver import Forecast
    from ...search.proposals import DesignSpace
    from ...search.records import Design
    from ...spaces import Architecture, Precision, Traced


def network_text(architecture: Architecture, batch: int, optimizer: str, precision: Precision) -> str:
    """A network's notation, layer table and memory, as text of 80 columns.

    Args:
        architecture: the network.
        batch: images of a training step, for its memory.
        optimizer: "sgd", "adamw" or "none", for the memory of a training step.
        precision: of weights and activations alike.

    Raises:
        ArchitectureError: an unknown precision or optimizer.
    """
    memory = format_memory_table(architecture, batch, optimizer, precision)
    return f"{notation_lines(architecture)}\n\n{format_layer_table(architecture)}{memory}".rstrip("\n")


def notation_lines(architecture: Architecture) -> str:
    """A network's notation, in lines of WIDTH columns."""
    return fill(
        to_notation(architecture), WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def network_json(architecture: Architecture, batch: int, optimizer: str, precision: Precision) -> dict[str, Any]:
    """A network's notation, digest, layers, totals and memory in bytes, as values for JSON.

    Args:
        architecture: the network.
        batch: images of a training step, for its memory.
        optimizer: "sgd", "adamw" or "none", for the memory of a training step.
        precision: of weights and activations alike.

    Raises:
        ArchitectureError: an unknown precision or optimizer.
    """
    return {
        "notation": to_notation(architecture),
        "digest": architecture.digest,
        "architecture": architecture.to_json(),
        **cost_json(architecture, batch, optimizer, precision),
    }


def cost_json(network: Traced, batch: int, optimizer: str, precision: Precision) -> dict[str, Any]:
    """Totals of a network, its memory in bytes and its layers, as values for JSON.

    Args:
        network: at work on its input.
        batch: images of a training step, for its memory.
        optimizer: "sgd", "adamw" or "none", for the memory of a training step.
        precision: of weights and activations alike.

    Raises:
        ArchitectureError: an unknown precision or optimizer.
    """
    cost = cost_table(network)
    totals = cost.totals
    inference, training = cost.inference_memory(1, precision), cost.training_memory(batch, precision, optimizer)
    layers = [
        {
            "path": row.path,
            "kind": row.kind,
            "name": row.name,
            "output": [*row.output, 1, 1][:3],  # a flat output is a map of one cell
            "parameters": row.parameters,
            "weights": row.weights,
            "biases": row.biases,
            "macs": row.macs,
            "share": {
                "parameters": row.parameters / max(1, totals.parameters),
                "macs": row.macs / max(1, totals.macs),
            },
            "activations": row.activations,
            "kept_bytes": kept.bytes(1, precision),
            "receptive_field": list(row.receptive_field),
        }
        for row, kept in zip(cost.rows, cost.kept, strict=True)
    ]
    return {
        "totals": _totals(network),
        "memory": {
            "precision": precision,
            "batch": batch,
            "optimizer": optimizer,
            "inference": {**asdict(inference), "total": inference.total},
            "training": {**asdict(training), "total": training.total},
        },
        "layers": layers,
    }


def _totals(network: Traced) -> dict[str, Any]:
    totals = cost_table(network).totals
    names = ("parameters", "weights", "biases", "macs", "flops", "activations")
    counts = {name: getattr(totals, name) for name in names}
    return {**counts, "receptive_field": list(totals.receptive_field)}


def design_json(design: Design, designs: DesignSpace) -> dict[str, Any]:
    """A design that a sweep may train, as values for JSON; `over_budget` is "" where it is within the budget.

    Args:
        design: the network and its recipe.
        designs: what the sweep may train, and its budget.
    """
    return {
        "digest": design.architecture.digest,
        "notation": design.notation,
        "totals": _totals(design.architecture),
        "recipe": design.recipe.to_json(),
        "over_budget": designs.over_budget(design),
    }


def design_line(design: Design, designs: DesignSpace) -> str:
    """A design that a sweep may train, as a line; a second says why it would not be trained, where it is over budget.

    Args:
        design: the network and its recipe.
        designs: what the sweep may train, and its budget.
    """
    over = designs.over_budget(design)
    costs = f"{design.parameters:>12,} parameters {design.macs:>14,} MACs  {design.notation}"
    return costs + (f"\n{'':12} would not be trained: {over}" if over else "")


def design_text(design: Design, designs: DesignSpace) -> str:
    """A design that a sweep may train, as lines of WIDTH columns: its cost, why it would not be trained, its network.

    Args:
        design: the network and its recipe.
        designs: what the sweep may train, and its budget.
    """
    over = designs.over_budget(design)
    cost = f"{design.parameters:,} parameters, {design.macs:,} MACs{f'; would not be trained: {over}' if over else ''}"
    network = fill(
        design.notation, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return f"{cost}\n{network}"


def forecast_line(forecast: Forecast) -> str:
    """What the time of a sweep will buy, in a line."""
    last = f", and a last training of about {forecast.last:,} epochs" if forecast.last else ""
    workers = "1 worker has" if forecast.workers == 1 else f"{forecast.workers} workers have"
    trials = "1 trial" if forecast.trials == 1 else f"{forecast.trials:,} trials"
    return (
        f"an epoch of the first network takes {forecast.epoch_seconds:.3g} s, so that {workers} time for about "
        f"{trials}, the longest of {epochs_in_words(forecast.epochs)}{last}"
    )
