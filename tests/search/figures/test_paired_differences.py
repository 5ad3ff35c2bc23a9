"""The figure of a design question: every pair, the interval, and zero, by which the sides are told."""

from __future__ import annotations

import pandas as pd
import pytest
from convscape.search.figures import paired_differences
from convscape.search.verdicts import mean_interval

DIFFERENCES = [0.02, 0.03, 0.025, 0.04, 0.01, 0.03]


@pytest.fixture
def pairs() -> pd.DataFrame:
    costs = {f"{what}_{side}": 2.0 if side == "a" else 1.0 for what in COSTS for side in "ab"}
    rows = [
        {"sweep": "s", "a": a, "b": "b", "base": base, "difference": value, "learnt": base != 5, **costs}
        for a in ("one", "two")
        for base, value in enumerate(DIFFERENCES)
    ]
    return pd.DataFrame(rows)


COSTS = ("accuracy", "trial", "parameters", "macs", "memory", "seconds")


def test_every_pair_is_a_point_and_the_interval_is_the_answer_s(pairs: pd.DataFrame) -> None:
    figure = paired_differences(pairs)
    scattered = [trace for trace in figure.data if trace.type == "scatter"]
    points = sorted(value for trace in scattered if trace.mode == "markers" for value in trace.x)
    mean = 100 * sum(DIFFERENCES) / len(DIFFERENCES)
    expected = sorted([100 * value for value in DIFFERENCES] * 2 + [mean] * 2)
    assert points == pytest.approx(expected)
    interval = mean_interval(DIFFERENCES)
    assert interval is not None
    bars = [tuple(trace.x) for trace in scattered if trace.mode == "lines"]
    assert bars == [pytest.approx((100 * interval.low, 100 * interval.high))] * 2


def test_zero_is_seen_also_where_all_pairs_are_on_one_side(pairs: pd.DataFrame) -> None:
    layout = paired_differences(pairs).layout
    assert [layout[axis].rangemode for axis in ("xaxis", "xaxis3")] == ["tozero", "tozero"]
    assert [layout[axis].zeroline for axis in ("xaxis", "xaxis3")] == [True, True]


def test_what_a_variant_without_an_epoch_takes_is_not_known(pairs: pd.DataFrame) -> None:
    (costs, _) = (trace for trace in paired_differences(pairs.assign(seconds_b=0.0)).data if trace.type == "bar")
    assert list(costs.x) == [None, 2.0, 2.0, 2.0]


def test_before_any_pair_is_complete_it_says_so(pairs: pd.DataFrame) -> None:
    assert "no pair is complete yet" in str(paired_differences(pairs[:0]).to_json())
