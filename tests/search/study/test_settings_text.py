"""What a trial was sampled with comes back from a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import parse_sweep_file
from convscape.search.proposals import DesignSpace
from convscape.search.study import Study, read_trials, settings_of_text, settings_text
from hypothesis import given, strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

if TYPE_CHECKING:
    from pathlib import Path

SPACE = """
name: tiny
data: {name: digits}
space: {stages: [1, 2], convolutions: 1, filters: [4, 8], kernel: [3, 5], hidden: [0, 32]}
"""
SETTINGS: list[tuple[Any, Any]] = [
    (0.01, FloatDistribution(1e-3, 0.1, log=True)),
    (0.5, FloatDistribution(0.0, 1.0, step=0.25)),
    (4, IntDistribution(0, 8, step=4)),
    (8, IntDistribution(1, 64, log=True)),
    (None, CategoricalDistribution([None, "a", True, 1.5])),
    (True, CategoricalDistribution([False, True])),
]


def test_what_a_study_has_of_its_trials_comes_back(tmp_path: Path) -> None:
    designs = DesignSpace.of(parse_sweep_file(SPACE), (1, 8, 8), 10)
    study = Study(tmp_path, sampler="random")
    texts = [study.settings(study.ask(designs.sample)) for _ in range(10)]
    kept = [(record.params, record.distributions) for record in read_trials(tmp_path)]
    assert [settings_of_text(text) for text in texts] == kept
    assert all(len(params) > 5 for params, _ in kept)


def test_every_kind_of_distribution_comes_back() -> None:
    params = {str(place): value for place, (value, _) in enumerate(SETTINGS)}
    texts = {str(place): distribution_to_json(each) for place, (_, each) in enumerate(SETTINGS)}
    assert settings_of_text(settings_text(params, texts)) == (params, texts)


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e400", "1e300", "-1e16", "9" * 400])
@pytest.mark.parametrize("value", ['"a"', "{number}"])
def test_a_choice_that_is_no_number_to_reckon_with_is_left_out(number: str, value: str) -> None:
    kept = '"y":[1,"Categorical",{"choices":[1,1e15]}]'
    chosen = value.format(number=number)
    told = settings_of_text(f'{{"x":[{chosen},"Categorical",{{"choices":["a",{number}]}}],{kept}}}')
    assert [each.keys() for each in told] == [{"y"}, {"y"}]


@given(
    st.text()
    | st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(str)
)
def test_no_text_breaks_it(text: str) -> None:
    params, distributions = settings_of_text(text)
    assert params.keys() == distributions.keys()
