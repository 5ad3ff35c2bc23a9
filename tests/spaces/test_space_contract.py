"""What every space has to keep to: the built-in one, a classic's variations, and one of somebody's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import convscape
import optuna
import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.classic_space import ClassicSpace
from convscape.spaces.conv_space.settings import DEFAULTS
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.custom import CustomSpace
from convscape.spaces.errors import SpaceError
from convscape.spaces.notation import to_notation
from convscape.spaces.parsing import parse_notation
from convscape.trainers.network import build_network
from torch import device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from convscape.spaces.contract import Space

EXAMPLES = Path(convscape.__file__).parent / "examples"
IMAGES = [(1, 8, 8), (3, 28, 28), (1, 64, 64), (3, 9, 40)]


def example(**settings: Any) -> Space:
    return CustomSpace("own_space.FireSpace", settings, [EXAMPLES])


def first(setting: Any) -> Any:
    """One value of what a setting may be."""
    return setting["low"] if isinstance(setting, dict) else setting[0] if isinstance(setting, list) else setting


class Case(NamedTuple):
    make: Callable[..., Space]
    chosen: dict[str, Any]
    """Settings that leave some to choose."""
    fixed: dict[str, Any]
    """Settings that leave nothing to choose."""


CASES = {
    "built-in": Case(
        ConvSpace,
        {"stages": [1, 2, 3], "filters": [2, 4], "kernel": [3, 5, 7], "downsampling": ["max", "strided", "none"]},
        {key: first(default) for key, default in DEFAULTS.items()},
    ),
    "classic": Case(
        ClassicSpace,
        {
            "base": ["lenet5", "vgg11", "resnet18", "googlenet", "base-cnn-c"], "width": {"low": 0.05, "high": 0.3},
            "head": ["keep", "global_average"], "pooling": ["keep", "average", "convolution"],
            "norm": ["keep", "batch", "none"], "activation": ["keep", "gelu"], "dropout": ["keep", 0, 0.25],
        },
        {"base": "alexnet", "width": 0.1, "pooling": "convolution", "norm": "batch", "dropout": 0.25},
    ),
    "own": Case(example, {"modules": [1, 2, 3, 4]}, {"modules": 2, "squeeze": 4, "expand": 8}),
}  # fmt: skip


@pytest.fixture(params=CASES, autouse=True)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def networks(space: Space, input: tuple[int, int, int], count: int, seed: int = 0) -> Iterator[Architecture]:
    """Networks of one study: Optuna refuses a choice that changes under its name."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(count):
        yield space.sample(study.ask(), input, 7)


@pytest.mark.parametrize("input", IMAGES)
def test_what_is_sampled_is_a_network_for_these_images_and_classes(case: Case, input: Any) -> None:
    space = case.make(**case.chosen)
    space.check(input)
    found = list(networks(space, input, 20))
    assert {(network.input, network.classes) for network in found} == {(input, 7)}
    assert len({network.digest for network in found}) > 5
    with device("meta"):
        for network in found[:5]:
            build_network(network)


def test_it_reads_back_from_json_and_notation(case: Case) -> None:
    for network in networks(case.make(**case.chosen), (3, 28, 28), 20):
        assert Architecture.from_json(network.to_json()) == network
        assert parse_notation(to_notation(network)).digest == network.digest


def test_one_seed_one_sequence_of_designs(case: Case) -> None:
    first, second = (list(networks(case.make(**case.chosen), (3, 28, 28), 10)) for _ in range(2))
    assert first == second
    assert first != list(networks(case.make(**case.chosen), (3, 28, 28), 10, seed=1))


def test_no_choice_changes_under_its_name(case: Case, recwarn: pytest.WarningsRecorder) -> None:
    space, known = case.make(**case.chosen), {}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=5), direction="maximize")
    for number in range(30):
        trial = study.ask()
        # Images of different sizes, as no sweep has them: what is offered differs, so must its name.
        network = space.sample(trial, IMAGES[number % len(IMAGES)], 7)
        for name, distribution in trial.distributions.items():
            assert known.setdefault(name, distribution) == distribution, name
        study.tell(trial, len(network.layers))
    assert len(known) > 2
    assert not recwarn


def test_what_is_fixed_is_never_asked(case: Case) -> None:
    trial = optuna.create_study().ask()
    case.make(**case.fixed).sample(trial, (1, 28, 28), 7)
    assert trial.params == {}


def test_images_too_small_for_all_of_it_are_refused_with_a_key(case: Case) -> None:
    space = case.make(**case.fixed)
    with pytest.raises(SpaceError) as caught:
        space.check((1, 1, 1))
    assert caught.value.key.startswith("space.")
    assert "1x1" in caught.value.message
    with pytest.raises(SpaceError):
        space.sample(optuna.create_study().ask(), (1, 1, 1), 7)


def test_an_unknown_setting_names_the_nearest(case: Case) -> None:
    name = next(key for key in reversed(case.fixed) if key != "base")
    with pytest.raises(SpaceError) as caught:
        case.make(**{**case.fixed, f"{name}x": 1})
    assert caught.value.key == f"space.{name}x"
    assert caught.value.remedy == f"Did you mean '{name}'?"


def test_a_value_out_of_range_names_its_key(case: Case) -> None:
    name = next(iter(case.fixed))
    with pytest.raises(SpaceError) as caught:
        case.make(**{**case.fixed, name: -1})
    assert caught.value.key == f"space.{name}"


def test_its_size_can_be_printed(case: Case) -> None:
    assert str(case.make(**case.fixed).size((1, 28, 28))) == "1 distinct network" + "s" * (case.make is example)
    assert "distinct networks" in str(case.make(**case.chosen).size((1, 28, 28)))
