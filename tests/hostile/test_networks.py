"""Networks that are larger than they look: refused, or quickly read, and what can be built can be read back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from convscape.spaces import Architecture, ArchitectureError, parse_notation, to_notation
from convscape.tests.hostile.refusals import HANG


def as_json(layers: list[Any]) -> str:
    plain = parse_notation("INPUT[8x8x1] -> FLATTEN -> FC-10").to_json()
    return json.dumps({**plain, "layers": [*layers, *plain["layers"]]})


@pytest.mark.parametrize(
    "layers",
    [
        [{"kind": "parallel", "branches": [[] for _ in range(2_000_000)]}],
        [{"kind": "parallel", "branches": [[] for _ in range(5_000)]} for _ in range(100)],
        [{"kind": "residual", "body": [], "shortcut": []} for _ in range(100_000)],
        [{"kind": "activation", "function": "relu"} for _ in range(100_000)],
    ],
    ids=["branches", "many with branches", "residuals", "activations"],
)
def test_json_of_too_many_layers_is_refused_at_once(layers: list[Any]) -> None:
    text = as_json(layers)
    begun = time.process_time()
    with pytest.raises(ArchitectureError, match="LARGEST_"):
        Architecture.from_json(text)
    assert time.process_time() - begun < HANG


@pytest.mark.parametrize(
    "notation",
    [
        "INPUT[8x8x1] -> [IDENTITY]*100000 -> FLATTEN -> FC-10",
        "INPUT[8x8x1] -> " + "IDENTITY -> " * 100_000 + "FLATTEN -> FC-10",
        "INPUT[8x8x1] -> PARALLEL(" + " | ".join(["IDENTITY"] * 50_000) + ") -> FLATTEN -> FC-10",
        "INPUT[8x8x1] -> " + "[" * 50_000 + "RELU" + "]" * 50_000 + " -> FLATTEN -> FC-10",
    ],
    ids=["repeated", "in a row", "branches", "brackets"],
)
def test_notation_is_refused_or_can_be_written_and_read_back(notation: str) -> None:
    begun = time.process_time()
    try:
        found = parse_notation(notation)
    except ArchitectureError:
        found = None
    assert time.process_time() - begun < HANG
    if found is not None:
        assert parse_notation(to_notation(found)) == found
        assert Architecture.from_json(json.dumps(found.to_json())) == found


def test_no_zero_is_below_zero() -> None:
    """Equal networks have equal digests, also where a rate is written as -0.0."""
    plain = json.loads(as_json([{"kind": "dropout", "rate": 0.5, "spatial": False}]))
    rates = [json.loads(json.dumps(plain).replace('"rate": 0.5', f'"rate": {rate}')) for rate in ("0.0", "-0.0")]
    one, other = map(Architecture.from_json, rates)
    assert one == other
    assert one.digest == other.digest
    assert parse_notation(to_notation(other)) == other
