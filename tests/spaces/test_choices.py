"""What a setting may be: values, lists and ranges, and errors that name the key."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from convscape.spaces.choices import Options, Range, number, options, values, whole_numbers
from convscape.spaces.conv_space.settings import Settings
from convscape.spaces.errors import SpaceError
from hypothesis import given, strategies as st


class Recorder:
    """A trial that keeps what it was asked and takes the first or lowest."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append((name, *choices))
        return choices[0]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self.asked.append((name, low, high, step, log))
        return low

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.asked.append((name, low, high, step, log))
        return low


def test_one_option_is_never_asked() -> None:
    trial = Recorder()
    assert Options((3,)).suggest(trial, "kernel") == 3
    assert Options((3, 5, 7)).suggest(trial, "kernel", lambda k: k == 5) == 5
    assert trial.asked == []


def test_a_narrowed_choice_goes_by_a_name_that_lists_it() -> None:
    trial = Recorder()
    choice = Options((3, 5, 7))
    choice.suggest(trial, "kernel")
    choice.suggest(trial, "kernel", lambda k: k < 6)
    choice.suggest(trial, "kernel", lambda k: k > 3)
    assert trial.asked == [("kernel", 3, 5, 7), ("kernel in 3|5", 3, 5), ("kernel in 5|7", 5, 7)]


def test_a_range_of_whole_bounds_is_whole() -> None:
    trial = Recorder()
    assert isinstance(Range(1, 4).suggest(trial, "a"), int)
    assert isinstance(Range(1, 4.0).suggest(trial, "b"), float)
    Range(0.1, 10, log=True).suggest(trial, "c")
    assert trial.asked == [("a", 1, 4, 1, False), ("b", 1.0, 4.0, None, False), ("c", 0.1, 10.0, None, True)]


def test_ways_to_write_whole_numbers() -> None:
    assert whole_numbers(3, "k", 1, 9) == Options((3,))
    assert whole_numbers([5, 3], "k", 1, 9) == Options((5, 3))
    assert whole_numbers({"low": 2, "high": 5}, "k", 1, 9) == Options((2, 3, 4, 5))
    assert whole_numbers({"low": 3, "high": 8, "step": 2}, "k", 1, 9) == Options((3, 5, 7))


def test_ways_to_write_numbers() -> None:
    assert number(0.5, "k", 0, 1) == Options((0.5,))
    assert number([0, 0.5], "k", 0, 1) == Options((0, 0.5))
    assert number({"low": 0.1, "high": 1, "log": True}, "k", 0, 1) == Range(0.1, 1, log=True)
    assert number({"low": 0.0, "high": 1.0, "step": 0.25}, "k", 0, 1) == Range(0.0, 1.0, step=0.25)


@pytest.mark.parametrize(
    ("read", "value", "key", "says"),
    [
        (whole_numbers, 0, "k", "0 is out of range"),
        (whole_numbers, 10, "k", "10 is out of range"),
        (whole_numbers, 2.0, "k", "2.0 is no whole number"),
        (whole_numbers, True, "k", "True is no whole number"),
        (whole_numbers, "3", "k", "'3' is no whole number"),
        (whole_numbers, None, "k", "None is no whole number"),
        (whole_numbers, [3, 99], "k", "99 is out of range"),
        (whole_numbers, [], "k", "empty list"),
        (whole_numbers, [3, 3], "k", "listed twice"),
        (whole_numbers, {"low": 1, "high": 2.5}, "k", "needs whole numbers"),
        (whole_numbers, {"low": 1, "high": 8, "log": True}, "k", "`log`"),
        (whole_numbers, {"low": 1, "high": 12}, "k.high", "12 is out of range"),
        (whole_numbers, {"low": 1, "high": 4, "step": 0.5}, "k", "whole"),
        (number, "1e-3x", "k", "'1e-3x' is no number"),
        (number, True, "k", "True is no number"),
        (number, float("nan"), "k", "out of range"),
        (number, float("inf"), "k", "out of range"),
        (number, {"low": 1}, "k", "needs `low` and `high`"),
        (number, {"low": 5, "high": 2}, "k.low", "above high"),
        (number, {"low": 1, "high": 2, "hihg": 3}, "k.hihg", "unknown key"),
        (number, {"low": 1, "high": 2, "log": "yes"}, "k.log", "true or false"),
        (number, {"low": 1, "high": 2, "step": -1}, "k.step", "-1: must be above 0"),
        (number, {"low": 1, "high": 2, "step": 0}, "k.step", "0: must be above 0"),
        (number, {"low": 1, "high": 2, "step": 1, "log": True}, "k.step", "a log range has no steps"),
        (number, {"low": 1, "high": 2, "step": 1e-5}, "k.step", "1e-05 makes more than 10,000 steps"),
        (number, {"low": 1, "high": 2, "step": "1"}, "k.step", "'1' is no number"),
        (number, {"low": 1, "high": 2, "step": 99}, "k.step", "99 is out of range"),
        (options, "reul", "k", "'reul' is not known"),
        (options, ["relu", "relu"], "k", "listed twice"),
        (options, [], "k", "empty list"),
        (options, {"low": 1}, "k", "not known"),
    ],
)
def test_what_is_refused_and_which_key_it_names(read: Any, value: Any, key: str, says: str) -> None:
    bounds = (("relu", "elu"),) if read is options else (1, 9)
    with pytest.raises(SpaceError) as caught:
        read(value, "k", *bounds)
    assert caught.value.key == key
    assert caught.value.message.startswith("k")
    assert says in caught.value.message


def test_what_a_whole_number_must_be_is_said() -> None:
    with pytest.raises(SpaceError) as caught:
        Settings({"kernel": "three"})
    assert caught.value.message == "space.kernel: 'three' is no whole number"
    assert caught.value.remedy == "It must be a whole number from 1 to 31."


@pytest.mark.parametrize("key", ["stage0", "stage01"])
def test_stages_are_numbered_from_1(key: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Settings({key: {"kernel": 3}})
    assert (caught.value.message, caught.value.key) == (f"space.{key}: stages are numbered from 1", f"space.{key}")


def test_a_log_range_starts_above_zero() -> None:
    with pytest.raises(SpaceError, match="starts above 0"):
        number({"low": 0, "high": 1, "log": True}, "k", 0, 1)


def test_a_near_miss_is_pointed_out() -> None:
    with pytest.raises(SpaceError) as caught:
        options("reul", "k", ("relu", "tanh"))
    assert caught.value.remedy == "Did you mean 'relu'?"


def test_true_is_not_one() -> None:
    assert options([True, False], "k", (True, False)) == Options((True, False))
    with pytest.raises(SpaceError):
        options(1, "k", (True, False))
    with pytest.raises(SpaceError):
        options(True, "k", (0, 1))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["low", "high", "log", "step"]) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(anything, st.sampled_from([whole_numbers, number, options]))
def test_anything_is_a_choice_or_an_error(value: Any, read: Any) -> None:
    bounds = (("relu", True),) if read is options else (0, 100)
    try:
        choice = read(value, "k", *bounds)
    except SpaceError as error:
        assert error.key.split(".")[0] == "k"  # noqa: PT017 - either outcome is right
    else:
        choice.suggest(Recorder(), "k")


def test_a_step_below_one_makes_fractions_of_whole_bounds() -> None:
    growth = number({"low": 1, "high": 2, "step": 0.4}, "growth", 0, 4)
    assert values(growth) == (1.0, 1.4, 1.8)
    trial = optuna.create_study().ask()
    assert growth.suggest(trial, "growth") in (1.0, 1.4, 1.8)
    assert trial.distributions["growth"] == optuna.distributions.FloatDistribution(1.0, 1.8, step=0.4)


def test_a_number_too_long_to_write_is_refused() -> None:
    with pytest.raises(SpaceError, match="a value too long to write is out of range"):
        whole_numbers(10**5000, "filters", 1, 10)
