"""ConvSpace: whatever it is asked for, what it samples can be built, and Optuna never sees a choice change."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.conv_space.blocks import BLOCKS, NORMS, Style
from convscape.spaces.conv_space.settings import DEFAULTS, KEYS
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.conv_space.stages import DOWNSAMPLING, Stage
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import SpaceError
from convscape.spaces.geometry import FITS
from convscape.spaces.layers import BatchNorm, Conv, Dropout, Flatten, GlobalPool, Linear, Pool
from convscape.spaces.notation import to_notation
from convscape.spaces.tracing import trace
from hypothesis import given, settings, strategies as st
from scripts import Chance

IMAGE = (1, 28, 28)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=4, unique_by=repr)


OF_A_STAGE: dict[str, st.SearchStrategy[Any]] = {
    "convolutions": some(st.integers(1, 3)),
    "block": some(st.sampled_from(BLOCKS)),
    "filters": some(st.integers(1, 40)) | st.just({"low": 4, "high": 16, "step": 4}),
    "growth": some(st.sampled_from([0.25, 0.5, 1, 1.5, 2, 4])) | st.just({"low": 0.25, "high": 4.0, "log": True}),
    "kernel": some(st.integers(1, 11)),
    "large_filters": some(st.sampled_from(["single", "stack"])),
    "dilation": some(st.integers(1, 3)),
    "stride": some(st.integers(1, 4)),
    "padding": some(st.sampled_from(["same", "valid"])),
    "downsampling": some(st.sampled_from(DOWNSAMPLING)),
    "norm": some(st.sampled_from(NORMS)),
    "activation": some(st.sampled_from(["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"])),
    "stage_dropout": some(st.sampled_from([0.0, 0.25])) | st.just({"low": 0.0, "high": 0.5}),
    "dropout_kind": some(st.sampled_from(["spatial", "plain"])),
}
OF_ALL: dict[str, st.SearchStrategy[Any]] = OF_A_STAGE | {
    "dropout": some(st.sampled_from([0, 0.0, 0.1, 0.9])) | st.just({"low": 0.0, "high": 0.9}),
    "head": some(st.sampled_from(["fc", "global_average", "convolution"])),
    "hidden": some(st.integers(0, 40)),
    "hidden_layers": some(st.integers(1, 3)),
    "fit": some(st.sampled_from(FITS)),
}


@st.composite
def all_settings(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of all stages, and of two of them."""
    chosen = draw(st.fixed_dictionaries({"stages": some(st.integers(0, 5))}, optional=OF_ALL))
    stages = chosen["stages"]
    most = max(stages) if isinstance(stages, list) else stages
    for stage in draw(st.lists(st.integers(1, most), max_size=2, unique=True)) if most else []:
        keys = {key: values for key, values in OF_A_STAGE.items() if key != "growth" or stage > 1}
        chosen[f"stage{stage}"] = draw(st.fixed_dictionaries({}, optional=keys))
    return chosen


IMAGES = st.tuples(st.integers(1, 4), st.integers(8, 64), st.integers(8, 64))


@settings(max_examples=150, deadline=None)
@given(all_settings(), IMAGES, st.integers(2, 12))
def test_what_is_sampled_can_be_built_or_the_space_is_refused(chosen: dict, image: Any, classes: int) -> None:
    space = ConvSpace(**chosen)
    try:
        space.check(image)
    except SpaceError as error:
        assert error.key == "space.stages"  # noqa: PT017 - either outcome is right
        with pytest.raises(SpaceError):
            space.sample(Chance(0), image, classes)
        return
    known: dict[str, tuple[Any, ...]] = {}
    for seed in range(5):
        network = space.sample(Chance(seed, known), image, classes)
        steps = trace(network.layers, network.input, network.fit)
        assert steps[-1].output == (classes,)
        assert network.input == image


def test_none_of_several_thousand_is_invalid() -> None:
    space = ConvSpace(
        stages=[1, 2, 3],
        kernel=[1, 2, 3, 4, 7],
        stride=[1, 3],
        downsampling=["max", "overlapping", "strided", "none"],
        fit=list(FITS),
        filters=[4, 6, 8],
    )
    known: dict[str, tuple[Any, ...]] = {}
    digests = set()
    for seed in range(3_000):
        network = space.sample(Chance(seed, known), (3, 32, 28), 10)
        assert trace(network.layers, network.input, network.fit)[-1].output == (10,)
        digests.add(network.digest)
    assert len(digests) > 2_000


def test_a_tight_space_finds_the_few_that_fit() -> None:
    # 8x8, four stages that each halve it at least: only the gentlest choices can be completed.
    space = ConvSpace(
        stages=4, kernel=[1, 3, 5], padding=["same", "valid"], downsampling=["max", "none"], stride=[1, 2]
    )
    networks = {to_notation(space.sample(Chance(seed), (1, 8, 8), 10)) for seed in range(200)}
    assert len(networks) > 100


def test_two_hundred_trials_of_one_study(recwarn: pytest.WarningsRecorder) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = ConvSpace(stages=[1, 2, 4], convolutions=1, filters=8, growth=1, hidden=0, fit=["crop", "strict"])
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0), direction="maximize")
    distributions: dict[str, Any] = {}
    for number in range(200):
        trial = study.ask()
        network = space.sample(trial, (1, 12, 12), 10)
        for name, distribution in trial.distributions.items():
            assert distributions.setdefault(name, distribution) == distribution
        study.tell(trial, len(network.layers) + number / 1000)
    assert not recwarn


def test_a_fixed_setting_is_never_asked() -> None:
    fixed = {
        "stages": 2, "convolutions": 1, "filters": 8, "growth": 2, "kernel": 5, "large_filters": "stack",
        "padding": "same", "downsampling": "max", "norm": "batch", "dropout": 0.1, "head": "fc", "hidden": 16,
    }  # fmt: skip
    trial = Chance(0)
    network = ConvSpace(**fixed).sample(trial, IMAGE, 10)
    assert trial.asked == {}
    assert to_notation(network) == (
        "INPUT[28x28x1] -> [CONV3-8 -> BN -> RELU]*2 -> POOL2 -> [CONV3-16 -> BN -> RELU]*2 -> POOL2"
        " -> FC-16 -> RELU -> DROPOUT0.1 -> FC-10"
    )


def of_kind(network: Architecture, kind: type) -> list[Any]:
    return [layer for layer in network.layers if isinstance(layer, kind)]


def sampled(**chosen: Any) -> Architecture:
    base = {
        "stages": 1, "convolutions": 1, "filters": 8, "growth": 1, "kernel": 3, "large_filters": "single",
        "padding": "same", "downsampling": "none", "norm": "none", "dropout": 0.0, "head": "fc", "hidden": 0,
    }  # fmt: skip
    return ConvSpace(**(base | chosen)).sample(Chance(0), IMAGE, 10)


def test_what_each_setting_means() -> None:
    assert len(of_kind(sampled(stages=3), Conv)) == 3
    assert len(of_kind(sampled(convolutions=3), Conv)) == 3
    assert [c.filters for c in of_kind(sampled(stages=3, growth=2), Conv)] == [8, 16, 32]
    assert [c.filters for c in of_kind(sampled(stages=2, filters=1, growth=0.25), Conv)] == [1, 1]
    assert of_kind(sampled(kernel=4), Conv)[0].kernel == (4, 4)
    assert [c.stride for c in of_kind(sampled(stages=2, stride=2), Conv)] == [(2, 2), (1, 1)]
    assert of_kind(sampled(padding="valid"), Conv)[0].padding == "valid"
    assert len(of_kind(sampled(norm="batch", convolutions=2), BatchNorm)) == 2
    assert of_kind(sampled(dropout=0.25), Dropout) == [Dropout(0.25)]
    assert of_kind(sampled(dropout=0.0), Dropout) == []
    assert len(of_kind(sampled(head="global_average"), GlobalPool)) == 1
    assert of_kind(sampled(hidden=7), Linear) == [Linear(7), Linear(10)]
    assert sampled(fit="pad").fit == "pad"


@pytest.mark.parametrize(
    ("downsampling", "pools", "strides", "side"),
    [
        ("max", [Pool("max", 2, 2)], [(1, 1)], 14),
        ("average", [Pool("average", 2, 2)], [(1, 1)], 14),
        ("l2", [Pool("l2", 2, 2)], [(1, 1)], 14),
        ("overlapping", [Pool("max", 3, 2)], [(1, 1)], 13),
        ("strided", [], [(2, 2)], 14),
        ("convolution", [], [(1, 1), (2, 2)], 14),
        ("none", [], [(1, 1)], 28),
    ],
)
def test_ways_to_make_the_map_smaller(downsampling: Any, pools: Any, strides: Any, side: int) -> None:
    network = sampled(downsampling=downsampling)
    assert of_kind(network, Pool) == pools
    assert [conv.stride for conv in of_kind(network, Conv)] == strides
    before_flatten = [step for step in network.steps if len(step.output) == 3][-1]
    assert before_flatten.output[1:] == (side, side)


@settings(deadline=None)
@given(
    st.sampled_from([5, 7, 9, 11]), st.integers(1, 3), st.integers(1, 4), st.sampled_from(DOWNSAMPLING),
    st.sampled_from(["same", "valid"]),
)  # fmt: skip
def test_a_stack_has_the_receptive_field_and_the_map_of_the_large_filter(
    kernel: int, convolutions: int, stride: int, downsampling: Any, padding: Any
) -> None:
    def ends(form: Any) -> tuple[Any, Any]:
        stage = Stage(
            convolutions=convolutions,
            block="plain",
            kernel=kernel,
            form=form,
            dilation=1,
            stride=stride,
            padding=padding,
            downsampling=downsampling,
        )
        layers = [layer for group in stage.groups(1, Style(1)) for layer in group]
        network = Architecture((1, 200, 200), (*layers, Flatten(), Linear(2)), 2)
        last = cost_table(network).rows[-3]
        return last.receptive_field, last.output

    single, stack = ends("single"), ends("stack")
    assert stack[0] == single[0]
    if padding == "valid" or stride == 1:
        assert stack[1] == single[1]


def test_an_impossible_space_is_refused_with_its_key_and_its_size() -> None:
    space = ConvSpace(stages=[5, 6], padding="valid", kernel=7)
    with pytest.raises(SpaceError) as caught:
        space.check((1, 8, 12))
    assert caught.value.key == "space.stages"
    assert "8x12" in caught.value.message
    assert "5 stages" in caught.value.message
    assert "`padding: same`" in caught.value.remedy


def test_strict_admits_only_what_tiles() -> None:
    with pytest.raises(SpaceError):
        ConvSpace(stages=1, downsampling="max", padding="same", fit="strict").check((1, 9, 9))
    ConvSpace(stages=1, downsampling="max", padding="same", fit="crop").check((1, 9, 9))


def test_no_stages_is_a_plain_classifier() -> None:
    network = ConvSpace(stages=0, hidden=0, dropout=0.0).sample(Chance(0), IMAGE, 10)
    assert to_notation(network).endswith("FC-10")
    assert of_kind(network, Conv) == []


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(SpaceError) as caught:
        ConvSpace(kernal=3)
    assert caught.value.key == "space.kernal"
    assert caught.value.remedy == "Did you mean 'kernel'?"


@pytest.mark.parametrize("key", KEYS)
def test_the_defaults_are_valid_and_a_bad_value_names_its_key(key: str) -> None:
    ConvSpace(**{key: DEFAULTS[key]})
    with pytest.raises(SpaceError) as caught:
        ConvSpace(**{key: -1})
    assert caught.value.key == f"space.{key}"
