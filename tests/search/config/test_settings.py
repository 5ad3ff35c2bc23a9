"""A sweep from a dict, as a notebook gives it."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import yaml
from convscape.search import launch
from convscape.search.config import config_of, given_settings, parse_sweep_file
from convscape.search.driver.given import Given
from convscape.spaces import ConfigError
from convscape.tests.tiny_sweep import TINY


def test_a_dict_is_what_the_file_is() -> None:
    assert config_of(yaml.safe_load(TINY)) == parse_sweep_file(TINY)


def test_values_of_python_are_taken() -> None:
    values: dict[str, Any] = {
        "name": "try",
        "data": {"name": "folder", "root": Path("images"), "size": np.int64(32)},
        "space": {"kernel": (3, 5), "filters": np.array([4, 8])},
        "recipe": {"learning_rate": {"low": 1e-5, "high": np.float64(0.1), "log": True}, "flip": False},
        "tracking": {"uri": None},
    }
    config = config_of(values, ["search.trials=7"])
    assert (config.data.root, config.data.size, config.search.trials) == (Path("images").resolve(), 32, 7)
    assert config.space["kernel"] == [3, 5]
    assert config.recipe["learning_rate"]["low"] == 1e-5
    assert values["space"]["kernel"] == (3, 5), "it is not changed"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "try", "data": {"name": "digits"}, "space": {"kernal": 3}}, r"^space.kernal: "),
        ({"name": "try"}, "^data: missing"),
        ({"name": "try", "data": {"name": "digits"}, "search": {"trials": object()}}, "is a object"),
        ({"name": "try", "data": {"name": "digits"}, "search": {"seconds": float("nan")}}, "no sweep file can"),
        ({}, "missing"),
    ],
)
def test_an_error_names_the_key_and_no_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        config_of(values)
    assert "settings:" not in str(caught.value)


def test_overrides_do_not_change_the_dict() -> None:
    sampler, data = {"class": "tpe"}, MappingProxyType({"name": "digits"})
    given = {"name": "try", "data": {"name": "digits"}, "search": {"sampler": sampler}}
    read = Given.read(given, ["search.sampler.multivariate=true"])
    assert read.config.search.sampler == {"class": "tpe", "multivariate": True}
    assert read.keys == {"name", "data.name", "search.sampler"}
    assert sampler == {"class": "tpe"}
    assert given_settings({"data": data}, ["data.train=100"]) == {"data.name", "data.train"}


def test_a_value_that_no_file_can_hold_is_refused_before_it_is_copied() -> None:
    with pytest.raises(ConfigError, match="hold what no sweep file can"):
        Given.read({"name": "try", "data": {"name": "digits"}, "search": {"sampler": {"class": Lock()}}})


@pytest.mark.usefixtures("quiet")
def test_a_dict_is_launched(tmp_path: Path) -> None:
    sweep = launch({**yaml.safe_load(TINY), "folder": tmp_path}, overrides=["search.trials=1"], progress=False)
    assert sweep.folder == tmp_path / "tiny"
    assert len(sweep.summaries()) == 1
