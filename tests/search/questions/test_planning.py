"""What is trained to settle a question: bases that differ in what is asked alone, at equal cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from convscape.search.config import BudgetConfig, SweepConfig
from convscape.search.proposals import DesignSpace
from convscape.search.questions import QUESTIONS, as_question, experiment_of
from convscape.search.questions.matching import matched
from convscape.search.records import Design, Experiment
from convscape.search.verdicts import COSTS, cost_of, different_networks
from convscape.spaces import (
    Activation,
    ConfigError,
    Conv,
    LocallyConnected,
    Pool,
    Residual,
    SpaceError,
    cost_table,
    trace,
)

INPUT, CLASSES = (1, 28, 28), 10


def config_of(ask: str, **settings) -> SweepConfig:
    question = {"ask": ask, "pairs": 4, **settings.pop("question", {})}
    return SweepConfig.model_validate({"name": "a", "data": {"name": "digits"}, "question": question, **settings})


def planned(ask: str, **settings) -> Experiment:
    config = as_question(config_of(ask, **settings))
    return experiment_of(config, DesignSpace.of(config, INPUT, CLASSES))


SPACES = {"filters": {"kernel": [3, 5, 7]}, "sharing": {"stages": [2, 3]}}
ASKED = [name for name in QUESTIONS if name != "transfer"]


@pytest.mark.parametrize("ask", ASKED)
def test_every_question_can_be_asked_and_its_variants_cost_alike(ask):
    found = planned(ask, space=SPACES.get(ask, {}))
    assert len(found.bases) == 4
    for base in found.bases:
        costs = [design.parameters for design in base.values()]
        assert max(costs) <= 1.02 * min(costs)
        assert len({design.key for design in base.values()}) == len(base)
        assert len({replace(design.recipe) for design in base.values()}) == 1


@pytest.mark.parametrize("cost", COSTS)
def test_what_is_matched_agrees_within_2_percent(cost):
    for base in planned("pooling", question={"match": cost}).bases:
        costs = [cost_of(design, cost) for design in base.values()]
        assert max(costs) <= 1.02 * min(costs)


def test_without_matching_widths_stay():
    for base in planned("filters", space={"kernel": [5, 7]}, question={"match": "none"}).bases:
        widths = {
            tuple({c.filters for c in design.architecture.layers if isinstance(c, Conv)}) for design in base.values()
        }
        assert len(widths) == 1


def test_variants_of_pooling_differ_in_their_downsampling_alone():
    for base in planned("pooling", question={"match": "none"}).bases:
        shapes = {
            name: [
                step.output for step in trace(design.architecture.layers, INPUT, "crop") if isinstance(step.layer, Pool)
            ]
            for name, design in base.items()
        }
        assert shapes["strided"] == shapes["All-CNN"] == []
        assert shapes["max pooling"]
        convolutions = {
            name: sum(isinstance(layer, Conv) for layer in design.architecture.layers) for name, design in base.items()
        }
        assert convolutions["max pooling"] == convolutions["strided"]
        assert convolutions["ConvPool"] == convolutions["All-CNN"] > convolutions["strided"]


def test_a_stack_sees_what_its_single_filter_sees():
    for base in planned("filters", space={"kernel": [5, 7, 9, 11]}, question={"match": "none"}).bases:
        fields = [
            [row.receptive_field for row in cost_table(design.architecture).rows if isinstance(row.layer, Conv)][-1]
            for design in base.values()
        ]
        assert fields[0] == fields[1]


def test_without_shortcuts_the_same_layers_are_left():
    for base in planned("residual", question={"match": "none"}).bases:
        with_, without = (design.architecture.layers for design in base.values())
        body = [layer for block in with_ for layer in (block.body if isinstance(block, Residual) else (block,))]
        assert tuple(body) == without


def test_local_filters_stand_in_the_place_of_the_last_convolution():
    for base in planned("sharing", space={"stages": [2, 3]}, question={"match": "none"}).bases:
        shared, local = (design.architecture.layers for design in base.values())
        (at,) = [index for index, layer in enumerate(local) if isinstance(layer, LocallyConnected)]
        assert isinstance(shared[at], Conv)
        assert [*shared[:at], *shared[at + 1 :]] == [*local[:at], *local[at + 1 :]]


def convolutions(design: Design) -> list[Conv]:
    return [layer for layer in design.architecture.layers if isinstance(layer, Conv)]


@pytest.mark.parametrize("ask", ["norm", "dropout", "pool-kind", "head"])
def test_what_is_not_asked_is_equal(ask):
    space = {"kernel": [3, 5], "stride": [1, 2], "activation": ["relu", "elu"], "stages": [1, 2]}
    for base in planned(ask, space=space, question={"match": "none"}).bases:
        first, *others = (
            [(layer.filters, layer.kernel, layer.stride) for layer in convolutions(design) if layer.filters != CLASSES]
            for design in base.values()
        )
        assert all(other == first for other in others)
        activations = {
            frozenset(layer.name for layer in design.architecture.layers if isinstance(layer, Activation))
            for design in base.values()
        }
        assert len(activations) == 1


@pytest.mark.parametrize("space", [{"stride": 2}, {"stride": [1, 2]}, {"stage2": {"stride": 2}}])
def test_early_and_late_strides_are_one_each(space):
    for base in planned(
        "stride", space={"stages": 2, "kernel": 3, "downsampling": "none", **space}, question={"match": "none"}
    ).bases:
        strides = {name: [layer.stride[0] for layer in convolutions(design)] for name, design in base.items()}
        assert sorted(strides["early"]) == sorted(strides["late"])
        assert strides["early"][0] == 2
        assert strides["late"][0] == 1
        assert sum(stride == 2 for stride in strides["late"]) == 1


def test_a_variant_s_own_of_one_stage_leaves_the_others_alike():
    variants = {"large": {"stage1": {"kernel": 7}}, "small": {"stage1": {"kernel": 3}}}
    space = {"stages": 2, "convolutions": 1, "kernel": [3, 5], "large_filters": "single", "downsampling": "max"}
    kernels = set()
    for base in planned("mine", space=space, variants=variants, question={"match": "none", "pairs": 8}).bases:
        large, small = ([layer.kernel[0] for layer in convolutions(design)] for design in base.values())
        assert (large[0], small[0]) == (7, 3)
        assert large[1] == small[1]
        kernels.add(large[1])
    assert kernels == {3, 5}


def test_without_matching_all_variants_are_made_narrower_alike():
    found = planned("bottleneck", question={"match": "none"}, budget={"macs": 1_000_000, "over_budget": "shrink"})
    for base in found.bases:
        assert all(design.macs <= 1_000_000 for design in base.values())
        widths = {max(layer.body[-2].filters for layer in of_kind(design)) for design in base.values()}
        assert len(widths) == 1


def of_kind(design: Design) -> list[Residual]:
    return [layer for layer in design.architecture.layers if isinstance(layer, Residual)]


def test_weights_have_the_widths_they_have():
    base = next(iter(planned("padding").bases))
    loaded = {
        name: replace(design, recipe=replace(design.recipe, weights="some.safetensors"))
        for name, design in base.items()
    }
    assert matched(loaded, "parameters", BudgetConfig()) == loaded
    with pytest.raises(SpaceError, match="over the budget"):
        matched(loaded, "parameters", BudgetConfig(parameters=10, over_budget="shrink"))


def test_bases_that_differ_in_the_rate_alone_are_one():
    space = {"stages": 1, "convolutions": 1, "filters": 16, "kernel": 3, "downsampling": "max", "hidden": 0,
             "head": "global_average", "dropout": 0.0}  # fmt: skip
    recipe = {"weight_decay": [0.0, 1e-3], "batch_size": 64, "flip": False, "crop": 0, "cutout": 0}
    found = planned("padding", space=space, recipe=recipe, question={"pairs": 8})
    assert len(found.bases) == 2
    held = "2 bases in place of 8: the space seems to hold no more that differ."
    assert found.notes == (
        held,
        "All bases are one network, trained by different recipes: the answer is about this network.",
    )


def test_stages_that_a_variant_cannot_have_are_told():
    found = planned("padding", space={"kernel": 5})
    assert found.notes
    assert found.notes[0].startswith("Bases of 3, 4, 5 stages are not asked: question padding, valid")


def test_blocks_behind_the_last_convolution_leave_it_shared():
    with pytest.raises(SpaceError, match="same network"):
        planned("sharing", space={"stages": 1, "block": "residual", "downsampling": "max"})


def test_of_many_rates_three_are_tried():
    many = {"low": 0.01, "high": 0.4, "step": 0.01}
    assert planned("padding", recipe={"learning_rate": many}).rates == (0.07, 0.21, 0.33)


def test_equal_seeds_plan_equal_experiments():
    assert planned("padding") == planned("padding")
    assert planned("padding", search={"seed": 1}) != planned("padding")


def test_an_experiment_survives_json():
    found = planned("norm")
    assert Experiment.from_json(found.to_json()) == found


def test_every_variant_is_within_the_budget():
    found = planned("pooling", budget={"macs": 2_000_000, "over_budget": "shrink"})
    assert all(design.macs <= 2_000_000 for base in found.bases for design in base.values())


def test_variants_of_ones_own_are_compared_with_the_first():
    variants = {"plain": {"block": "plain"}, "separable": {"block": "separable"}, "inception": {"block": "inception"}}
    found = planned("mine", variants=variants)
    assert found.contrasts == (("plain", "separable"), ("plain", "inception"))
    assert found.variants == tuple(variants)


@pytest.mark.parametrize(
    ("ask", "settings", "told"),
    [
        ("poling", {}, "'poling' is no question"),
        ("pooling", {"space": {"downsampling": "none", "stages": 2}}, "no pooling in it"),
        ("filters", {"space": {"kernel": 3}}, "space.kernel is 3"),
        ("stride", {"space": {"stages": 1}}, "2 stages or more"),
        ("pooling", {"space": {"base": "lenet5"}}, "a classic"),
        ("transfer", {}, "no pretrained weights"),
        ("mine", {}, "compares two or more"),
        ("padding", {"recipe": {"optimizer": ["sgd", "adamw"]}}, "recipe.optimizer"),
    ],
)
def test_what_cannot_be_asked_is_said(ask, settings, told):
    with pytest.raises((ConfigError, SpaceError), match=told):
        planned(ask, **settings)


def test_variants_that_are_the_same_network_are_said():
    same = {"one": {"activation": "relu"}, "other": {"activation": "relu"}}
    with pytest.raises(SpaceError, match="one and other are the same network"):
        planned("mine", variants=same)


def test_a_base_that_fits_in_no_variant_is_said():
    with pytest.raises(SpaceError, match="question padding, same: space: no network fits an image of 28x28"):
        planned("padding", space={"stages": 5, "kernel": 5, "downsampling": "max"})


def test_matching_that_cannot_be_is_said():
    tiny = {"stages": 1, "convolutions": 1, "filters": 1, "head": "global_average", "norm": "none"}
    with pytest.raises(SpaceError, match="parameters"):
        planned("filters", space={**tiny, "kernel": 11})


def test_left_out_bases_are_counted():
    found = planned(
        "filters", space={"kernel": [5, 11], "filters": [1, 2, 32], "stages": [1, 2]}, question={"pairs": 12}
    )
    assert len(found.bases) == 12
    assert found.left_out
    assert all("parameters of" in reason for reason in found.left_out)


def test_learning_rates_are_those_of_the_recipe():
    assert planned("padding").rates == (0.033, 0.0894, 0.243)
    assert planned("padding", recipe={"learning_rate": 0.1}).rates == (0.0333, 0.1, 0.3)
    assert planned("padding", recipe={"learning_rate": [0.1, 0.01]}).rates == (0.01, 0.1)
    assert planned("padding", question={"rates": [0.2, 0.05]}).rates == (0.05, 0.2)
    one = planned("padding", question={"rates": [0.2]})
    assert one.tuned == 0
    assert one.trainings == 4 * 2 * 2


def test_adamw_is_tried_with_a_fiftieth_of_the_default_rates():
    of_sgd, of_adamw = (planned("padding", recipe={"optimizer": each}).rates for each in ("sgd", "adamw"))
    assert of_adamw == pytest.approx([rate / 50 for rate in of_sgd], rel=0.01)


def test_weights_and_null_beside_them_are_refused_for_transfer():
    with pytest.raises(ConfigError, match="offers null beside weights"):
        planned("transfer", space={"base": "lenet5"}, recipe={"weights": [None, "torchvision:resnet18"]})


def test_bases_that_repeat_a_network_are_told():
    space = {"stages": 1, "convolutions": 1, "filters": [8, 16], "kernel": 3, "hidden": 0, "head": "global_average",
             "downsampling": "max", "dropout": {"low": 0.0, "high": 0.3}}  # fmt: skip
    found = planned("padding", space=space, question={"pairs": 8})
    assert found.notes == (
        "Of the 8 bases 2 are different networks; the rest repeat one with other dropout or another recipe.",
    )
    assert different_networks(found.bases) == 2


def test_one_side_that_is_always_the_same_makes_no_base_the_same():
    found = planned("mine", question={"pairs": 6, "match": "none"}, variants={"lenet": {"base": "lenet5"}, "own": {}})
    assert different_networks(found.bases) == 6
    assert found.notes == ()
