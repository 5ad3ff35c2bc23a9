"""Architectures: JSON there and back, what is refused, and digests under which equal networks are equal."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from convscape.spaces.architecture import FORMAT, Architecture
from convscape.spaces.errors import ArchitectureError, ConvscapeError
from convscape.spaces.layers import (
    LARGEST_WIDTH,
    LARGEST_WINDOW,
    LAYERS,
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Parallel,
    Pool,
    Residual,
)
from convscape.spaces.tracing import DEEPEST_NESTING, LARGEST_NETWORK
from hypothesis import given, strategies as st
from strategies import architectures

HEAD = (GlobalPool(), Flatten(), Linear(5))


def network(*layers, input=(3, 16, 16), fit="crop"):
    return Architecture(input, (*layers, *HEAD), 5, fit)


@given(architectures())
def test_json_there_and_back_is_the_same_architecture(architecture):
    text = json.dumps(architecture.to_json())
    again = Architecture.from_json(text)
    assert again == architecture
    assert again.digest == architecture.digest
    assert json.dumps(again.to_json()) == text


def test_a_value_can_be_a_key():
    one, same = (network(Conv(4), Residual((Conv(4),))) for _ in range(2))
    assert {one: 1}[same] == 1


@given(st.text())
def test_any_text_is_an_architecture_or_a_project_error(text):
    with pytest.raises(ConvscapeError):
        Architecture.from_json(text)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars | st.sampled_from([*LAYERS, "same", "crop", FORMAT]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["kind", "format", "input", "layers", "classes", "fit", "filters", "kernel", "body"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(values)
def test_any_json_is_an_architecture_or_a_project_error(value):
    try:
        Architecture.from_json(json.dumps(value))
    except ConvscapeError:
        return
    raise AssertionError("random JSON without a format became a network")


@st.composite
def damaged(draw):
    """The JSON of a network with one value somewhere replaced, removed or added."""
    whole = draw(architectures(most_layers=4)).to_json()
    at = whole
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        inner = at[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            at = inner
            continue
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                at[key] = draw(values)
            case "remove":
                del at[key]
            case "add" if isinstance(at, dict):
                at[draw(st.text(max_size=5))] = draw(values)
            case _:
                at.append(draw(values))
        return whole


@given(damaged())
def test_damaged_json_is_an_architecture_or_a_project_error(value):
    with suppress(ConvscapeError):
        assert len(Architecture.from_json(json.dumps(value)).digest) == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other/1"}, "`format`"),
        ({"colour": 1}, "`colour` is not part"),
        ({"layers": 3}, "`layers` must be a list"),
        ({"layers": [{"kind": "conf"}]}, r"`layers\[0\].kind` \(='conf'\)"),
        ({"layers": [{"kind": "conv"}]}, r"`layers\[0\]`: Conv needs filters"),
        ({"layers": [{"kind": "conv", "filters": 3, "colour": 1}]}, r"`layers\[0\].colour`"),
        ({"layers": [{"kind": "conv", "filters": 0}]}, r"`layers\[0\]`: Conv: `filters` \(=0\)"),
        ({"layers": [{"kind": "residual", "body": [{"kind": "pool", "mode": "min"}]}]}, r"`layers\[0\].body\[0\]`"),
        ({"layers": [{"kind": "parallel", "branches": [[], 3]}]}, r"`layers\[0\].branches\[1\]`"),
        ({"input": [3, 16]}, "channels, height, width"),
        ({"input": [3, 16, 10**9]}, "LARGEST_IMAGE"),
        ({"fit": "squeeze"}, "`fit`"),
        ({"classes": True}, "`classes`"),
    ],
)
def test_an_error_names_the_place(change, message):
    with pytest.raises(ArchitectureError, match=message):
        Architecture.from_json(network().to_json() | change)


def test_a_typo_is_answered_with_the_nearest_name():
    with pytest.raises(ArchitectureError) as caught:
        Architecture.from_json(network().to_json() | {"layers": [{"kind": "conv", "filtres": 3}]})
    assert caught.value.remedy == "Did you mean 'filters'?"


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (lambda: Conv(10**9), "LARGEST_WIDTH"),
        (lambda: Linear(LARGEST_WIDTH + 1), "LARGEST_WIDTH"),
        (lambda: Conv(1, LARGEST_WINDOW + 1), "LARGEST_WINDOW"),
        (lambda: Pool("max", 2, padding=10**5000), "LARGEST_WINDOW"),
        (lambda: network(*[Activation()] * (LARGEST_NETWORK + 1)), "LARGEST_NETWORK"),
        (lambda: network(Conv(LARGEST_WIDTH), input=(1, 65536, 65536)), "LARGEST_TENSOR"),
        (lambda: network(nested(DEEPEST_NESTING + 1)), "DEEPEST_NESTING"),
        (lambda: Architecture.from_json(" " * 20_000_000), "LARGEST_JSON"),
        (lambda: Architecture.from_json(network().to_json() | {"layers": [0] * 20_000}), "LARGEST_NETWORK"),
    ],
)
def test_what_is_too_large_is_refused_by_a_bound_that_is_named(make, bound):
    with pytest.raises(ArchitectureError, match=bound):
        make()


def nested(depth):
    layer = Activation()
    for _ in range(depth):
        layer = Residual((layer,))
    return layer


def test_json_nested_too_deep_for_python_is_a_project_error():
    with pytest.raises(ArchitectureError):
        Architecture.from_json("[" * 100_000)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv("3"),
        lambda: Conv(4, (3, 3, 3)),
        lambda: Conv(4, padding="full"),
        lambda: Conv(4, padding=-1),
        lambda: Conv(4, groups=3),
        lambda: Conv(4, bias=1),
        lambda: Conv(4, fit="squeeze"),
        lambda: Pool("min"),
        lambda: Pool("average", 2, dilation=2),
        lambda: Dropout(1.0),
        lambda: Dropout(True),
        lambda: Dropout(float("nan")),
        lambda: LocalResponseNorm(0),
        lambda: LocalResponseNorm(k=float("inf")),
        lambda: Activation("swish"),
        lambda: GlobalPool("l2"),
        lambda: Linear(True),
        lambda: Residual(()),
        lambda: Residual(("conv",)),
        lambda: Parallel(((),)),
    ],
)
def test_a_value_out_of_range_is_refused(make):
    with pytest.raises(ArchitectureError):
        make()


def test_classes_must_be_what_comes_out():
    with pytest.raises(ArchitectureError, match="last output") as caught:
        Architecture((3, 8, 8), (Conv(4), Flatten(), Linear(9)), classes=10)
    assert "Linear(10)" in caught.value.remedy


EQUAL = {
    "same is (F-1)/2": ((Conv(4, 5, padding="same"),), (Conv(4, 5, padding=2),)),
    "valid is no padding": ((Conv(4, 3, padding="valid"),), (Conv(4, 3, padding=0),)),
    "a pool of one cell does nothing": ((Conv(4), Pool("max", 1)), (Conv(4),)),
    "dropout of nothing": ((Conv(4), Dropout(0)), (Conv(4),)),
    "a fit rule where windows tile": ((Conv(4, 3, fit="pad"),), (Conv(4, 3),)),
    "pad is padding on the far side": (
        (Pool("max", 3, 2, fit="pad"),),
        (Pool("max", 3, 2, padding=(0, 1, 0, 1)),),
    ),
    "dilation of a 1x1 window": ((Conv(4, 1, dilation=2),), (Conv(4, 1),)),
    "inside blocks too": ((Residual((Conv(3, 3),)),), (Residual((Dropout(0), Conv(3, 3, padding=1))),)),
    "a whole number is its fraction": ((LocalResponseNorm(k=1),), (LocalResponseNorm(k=1.0),)),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_equal_networks_have_equal_digests(pair):
    assert network(*pair[0]).digest == network(*pair[1]).digest


DIFFERENT = {
    "filters": ((Conv(4),), (Conv(5),)),
    "kernel": ((Conv(4, (3, 5)),), (Conv(4, (5, 3)),)),
    "stride": ((Conv(4, 3, 1),), (Conv(4, 3, 2),)),
    "padding side": ((Conv(4, 2, padding=(0, 1, 0, 1)),), (Conv(4, 2, padding=(1, 0, 1, 0)),)),
    "bias": ((Conv(4),), (Conv(4, bias=False),)),
    "groups": ((Conv(3),), (Conv(3, groups=3),)),
    "pooling": ((Pool("max"),), (Pool("average"),)),
    "an L2 pool of one cell is the absolute value": ((Conv(4), Pool("l2", 1)), (Conv(4),)),
    "order": ((BatchNorm(), Activation()), (Activation(), BatchNorm())),
    "activation": ((Activation("elu"),), (Activation("relu"),)),
    "dropout": ((Dropout(0.1),), (Dropout(0.1, spatial=True),)),
    "shortcut": ((Residual((Conv(3),)),), (Residual((Conv(3),), (Conv(3, 1),)),)),
    "branch order": ((Parallel(((), (Conv(2),))),), (Parallel(((Conv(2),), ())),)),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_different_networks_have_different_digests(pair):
    assert network(*pair[0]).digest != network(*pair[1]).digest


def test_input_classes_and_an_active_fit_rule_count():
    plain = network(Pool("max", 3, 2))
    assert plain.digest != network(Pool("max", 3, 2), input=(3, 16, 18)).digest
    assert plain.digest != network(Pool("max", 3, 2), fit="pad").digest
    assert network(Pool("max", 2)).digest == network(Pool("max", 2), fit="strict").digest


def test_a_digest_stays_what_it_is():
    """Sweeps on disk know their designs by it."""
    assert network(Conv(4), BatchNorm(), Activation(), Pool()).digest == "7c3cc0075326"


@given(architectures())
def test_a_digest_ignores_what_does_nothing(architecture):
    padded = replace(architecture, layers=(Dropout(0), *architecture.layers))
    assert padded.digest == architecture.digest
