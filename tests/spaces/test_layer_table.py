"""The layer table as text: its shares, its totals, its memory, and never more than 80 columns."""

from __future__ import annotations

import pytest
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import ArchitectureError
from convscape.spaces.layer_table import format_layer_table, format_memory_table, readable_bytes
from convscape.spaces.parsing import parse_notation
from hypothesis import given
from strategies import architectures

DEEP = "INPUT[32x32x3] -> RESIDUAL[RESIDUAL[PARALLEL[IDENTITY | RESIDUAL[CONV3-3 -> BN]] -> CONV1-3]] -> FC-10"


def fits(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


def shares(text: str) -> list[str]:
    """The first column of shares."""
    header, _, *rows = text.splitlines()
    end = header.index("%") + 1
    return [row[end - 3 : end].strip() for row in rows[:-2]]


@pytest.mark.parametrize("name", CLASSICS)
def test_every_classic_fits(name: str) -> None:
    text = format_layer_table(classic(name))
    assert fits(text)
    assert fits(format_memory_table(classic(name)))


@given(architectures(most_layers=10))
def test_every_network_fits_and_loses_nothing_of_its_names(architecture) -> None:
    text = format_layer_table(architecture)
    assert fits(text)
    assert fits(format_memory_table(architecture, 10**6, "adamw", "float64"))
    header, _, *lines = text.splitlines()
    start, end = lines[0].index("INPUT"), header.index("output")
    names = "".join(line[start:end].replace(" ", "") for line in lines[:-2])
    assert names == "".join(row.name.replace(" ", "") for row in cost_table(architecture).rows)


def test_shares_are_percent_of_the_total() -> None:
    """VGG-16: most parameters are in the first FC (CS231n ConvNet notes), 102,764,544 of 138,357,544."""
    shown = shares(format_layer_table(classic("vgg16")))
    rows = cost_table(classic("vgg16")).rows
    assert shown[[row.name for row in rows].index("FC-4096")] == "74"
    assert sum(float(share) for share in shown if share) == pytest.approx(100, abs=1)
    assert [bool(share) for share in shown] == [bool(row.parameters) for row in rows]


def test_a_network_without_parameters_or_macs_has_no_shares() -> None:
    assert "0 parameters, 0 MACs" in format_layer_table(parse_notation("INPUT[8x8x3] -> GAP"))


def test_deep_nesting_shows_the_end_of_a_place() -> None:
    text = format_layer_table(parse_notation(DEEP))
    assert "0.body.0.body.1" in text
    assert "…0.1.0.body.1" in text


def test_memory_in_the_textbooks_units() -> None:
    """CS231n ConvNet notes: values x 4 bytes, divided by 1024. VGG-16's rows, 15,237,608 of them, are 58.1 MiB."""
    assert readable_bytes(4 * 15_237_608) == "58.1 MiB"
    assert [readable_bytes(n) for n in (0, 999, 1000, 1023 * 1024, 2**30, 10**6 * 2**50)] == [
        "0 bytes", "999 bytes", "1.0 KiB", "1.0 MiB", "1.0 GiB", "1,000,000 PiB",
    ]  # fmt: skip


def test_memory_is_that_of_the_step_that_is_asked_for() -> None:
    lenet = classic("lenet5")
    cost = cost_table(lenet)
    text = format_memory_table(lenet, 32, "adamw", "bfloat16")
    assert "in bfloat16" in text
    assert f"32 images, adamw: {readable_bytes(cost.training_memory(32, 'bfloat16', 'adamw').total)}" in text
    assert f"classify 1 image: {readable_bytes(cost.inference_memory(1, 'bfloat16').total)}" in text
    assert "optimizer" not in format_memory_table(lenet, 1, "none").replace("no optimizer", "")
    with pytest.raises(ArchitectureError, match="`optimizer`"):
        format_memory_table(lenet, 1, "adam")
