"""Output sizes, padding and receptive fields against textbooks and against windows counted one by one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from convscape.spaces.errors import GeometryError
from convscape.spaces.geometry import ReceptiveField, far_padding, lost_cells, output_size, same_padding, span
from hypothesis import given, strategies as st

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "geometry.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["output_size"], ids=lambda case: case["say"])
def test_output_size_of_the_textbooks(case):
    settings = {key: case[key] for key in ("size", "kernel", "stride", "padding", "dilation", "fit") if key in case}
    assert output_size(**{"stride": 1, **settings}) == case["output"]


@pytest.mark.parametrize("case", GOLDEN["refused"], ids=lambda case: case["say"])
def test_strict_refuses_what_the_textbooks_call_invalid(case):
    with pytest.raises(GeometryError, match="not whole") as caught:
        output_size(case["size"], case["kernel"], case["stride"], case["padding"], fit="strict")
    assert case["formula"] in caught.value.message


@pytest.mark.parametrize("case", GOLDEN["too_large"], ids=lambda case: case["say"])
@pytest.mark.parametrize("fit", ["crop", "pad", "strict"])
def test_windows_larger_than_the_map_are_errors(case, fit):
    with pytest.raises(GeometryError, match="does not fit"):
        output_size(case["size"], case["kernel"], case["stride"], case["padding"], fit=fit)


@pytest.mark.parametrize("case", GOLDEN["halvings"], ids=lambda case: f"{case['size']}")
def test_sizes_that_work_best_divide_by_2_many_times(case):
    size = case["size"]
    for _ in range(case["times"]):
        size = output_size(size, 2, 2, fit="strict")
    assert size % 2 == 1


@pytest.mark.parametrize("case", GOLDEN["same_padding"], ids=lambda case: f"F{case['kernel']}")
def test_same_padding_of_the_textbooks(case):
    assert same_padding(case["kernel"]) == (case["padding"], case["padding"])


@pytest.mark.parametrize("case", GOLDEN["receptive_field"], ids=lambda case: case["say"])
def test_receptive_field_of_the_textbooks(case):
    field = ReceptiveField()
    for kernel, stride in case["layers"]:
        field = field.through(kernel, stride, before=0)
    assert field.size == case["size"]


def test_strict_names_the_formula_and_every_way_out():
    with pytest.raises(GeometryError) as caught:
        output_size(224, kernel=11, stride=4, padding=0, fit="strict")
    assert "(224 - 11 + 0)/4 + 1" in caught.value.message
    for way in ("input 223", "input 227", "padding 2 with fit crop (gives 55)", "fit pad (adds 3, gives 55)"):
        assert way in caught.value.remedy


def test_a_window_larger_than_its_input_names_the_largest_that_fits():
    with pytest.raises(GeometryError, match="window of 5 does not fit an input of 2 with padding 1\\+1") as caught:
        output_size(2, kernel=5, stride=1, padding=1)
    assert "at most 4" in caught.value.remedy


def test_a_dilated_window_larger_than_its_input_names_the_dilation():
    with pytest.raises(GeometryError) as caught:
        output_size(31, kernel=3, stride=1, dilation=20)
    assert "F 3 with dilation 20 covers (3-1)*20+1 = 41, which does not fit an input of 31" in caught.value.message
    assert caught.value.remedy == "Use dilation at most 15, F at most 2, or more padding."
    with pytest.raises(GeometryError) as caught:  # too large however dense
        output_size(2, kernel=5, stride=1, dilation=2)
    assert "dilation at most" not in caught.value.remedy
    assert "F at most 1" in caught.value.remedy


@given(st.integers(1, 40), st.integers(2, 7), st.integers(0, 4), st.integers(2, 9))
def test_remedies_of_a_dilated_window_are_the_largest_that_fit(size, kernel, padding, dilation):
    try:
        output_size(size, kernel, 1, padding, dilation)
    except GeometryError as error:
        said = {name: int(most) for name, most in re.findall(r"(dilation|F) at most (\d+)", error.remedy)}
    else:
        return
    fits = [d for d in range(1, dilation) if d * (kernel - 1) + 1 <= size + 2 * padding]
    assert said.get("dilation") == max(fits, default=None)
    assert said["F"] == max(f for f in range(1, kernel) if dilation * (f - 1) + 1 <= size + 2 * padding)


windows = st.fixed_dictionaries(
    {
        "size": st.integers(1, 40),
        "kernel": st.integers(1, 7),
        "stride": st.integers(1, 5),
        "padding": st.tuples(st.integers(0, 4), st.integers(0, 4)),
        "dilation": st.integers(1, 3),
    }
)


def places(size, kernel, stride, padding, dilation):
    """Where windows can stand, counted by sliding one."""
    found, start = [], -padding[0]
    while start + dilation * (kernel - 1) <= size - 1 + padding[1]:
        found.append(start)
        start += stride
    return found


@given(windows)
def test_crop_gives_as_many_cells_as_windows_can_stand(window):
    stands = places(**window)
    if stands:
        assert output_size(**window) == len(stands)
    else:
        with pytest.raises(GeometryError):
            output_size(**window)


@given(windows)
def test_lost_cells_are_those_behind_the_last_window(window):
    stands = places(**window)
    if stands:
        last_seen = stands[-1] + span(window["kernel"], window["dilation"]) - 1
        assert lost_cells(**window) == window["size"] - 1 + window["padding"][1] - last_seen


@given(windows)
def test_pad_is_crop_on_an_input_widened_until_nothing_is_lost(window):
    if not places(**window):
        return
    before, after = window["padding"]
    extra = far_padding(**window)
    widened = window | {"padding": (before, after + extra)}
    assert lost_cells(**widened) == 0
    assert 0 <= extra < window["stride"]
    assert output_size(**window, fit="pad") == output_size(**widened) == len(places(**widened))


@given(windows)
def test_strict_agrees_with_crop_exactly_where_nothing_is_lost(window):
    if not places(**window):
        return
    if lost_cells(**window):
        with pytest.raises(GeometryError):
            output_size(**window, fit="strict")
    else:
        assert output_size(**window, fit="strict") == output_size(**window)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 3))
def test_same_padding_keeps_the_size_and_puts_the_odd_cell_far(size, kernel, dilation):
    before, after = same_padding(kernel, dilation)
    assert output_size(size, kernel, 1, (before, after), dilation) == size
    assert 0 <= after - before <= 1


@given(windows)
def test_remedies_of_strict_work(window):
    if not places(**window) or not lost_cells(**window):
        return
    with pytest.raises(GeometryError) as caught:
        output_size(**window, fit="strict")
    start = "Nearest settings that work for this layer: "  # deeper in a network its input is a map, not the image
    assert caught.value.remedy.startswith(start)
    options = caught.value.remedy.removeprefix(start).removesuffix(".").split(", ")
    for option in [option.split(" ") for option in options]:
        match option:
            case ["input", size]:
                output_size(**window | {"size": int(size)}, fit="strict")
            case ["stride", stride]:
                output_size(**window | {"stride": int(stride)}, fit="strict")
            case ["padding", cells]:
                output_size(**window | {"padding": int(cells)}, fit="strict")


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)), max_size=4))
def test_receptive_field_is_what_can_be_traced_back_cell_by_cell(layers):
    field = ReceptiveField()
    for kernel, stride, before, dilation in layers:
        field = field.through(kernel, stride, before, dilation)

    def seen(place):
        cells = {place}
        for kernel, stride, before, dilation in reversed(layers):
            cells = {cell * stride - before + tap * dilation for cell in cells for tap in range(kernel)}
        return min(cells), max(cells)

    (low, high), (next_low, _) = seen(0), seen(1)
    assert field.size == high - low + 1
    assert field.stride == next_low - low
    assert field.offset == (low + high) / 2


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-4, 4), st.integers(-4, 4))
def test_a_merged_field_covers_both_and_no_more(size, other_size, start, other_start):
    def field(size, start):
        return ReceptiveField(size, 1, start + (size - 1) / 2)

    merged = field(size, start).merged(field(other_size, other_start))
    low, high = min(start, other_start), max(start + size, other_start + other_size) - 1
    assert (merged.size, merged.offset) == (high - low + 1, (low + high) / 2)
