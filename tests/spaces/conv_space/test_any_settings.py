"""Whatever stands in a sweep file's `space`, there is a space or a project error that names the key."""

from __future__ import annotations

from contextlib import suppress

import pytest
from convscape.spaces.conv_space.settings import KEYS
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.errors import SpaceError
from hypothesis import given, settings, strategies as st
from scripts import Chance

WORDS = ("low", "high", "log", "step", "same", "max", "batch", "residual", "fc", "crop")
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(0, 9) | st.floats() | st.text(max_size=5)
    | st.sampled_from([*WORDS, 10**400, -(10**400)])
)  # fmt: skip
ranges = st.fixed_dictionaries({"low": scalars, "high": scalars}, optional={"log": scalars, "step": scalars})
values = st.recursive(
    scalars | ranges,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, *KEYS]), inner, max_size=3),
    max_leaves=6,
)
sections = st.sampled_from([*KEYS, "stage1", "stage2", "stage99"]) | st.text(max_size=5)


@given(st.dictionaries(sections, values, max_size=4))
@settings(max_examples=300)
def test_any_settings_are_a_space_or_a_project_error(chosen: dict) -> None:
    with suppress(SpaceError):
        space = ConvSpace(**chosen)
        space.check((3, 8, 8))
        assert space.sample(Chance(0), (3, 8, 8), 10).output == (10,)
        assert space.size((3, 8, 8)).networks >= 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("filters", 10**9),
        ("stages", 10**6),
        ("convolutions", 10**6),
        ("hidden", {"low": 1, "high": 10**12}),
        ("kernel", [10**400]),
        ("growth", 1e308),
    ],
)
def test_what_would_overflow_is_refused_with_its_key_and_its_bound(key: str, value: object) -> None:
    with pytest.raises(SpaceError, match=rf"space\.{key}.* is out of range") as caught:
        ConvSpace(**{key: value})
    assert "must be a " in caught.value.remedy
