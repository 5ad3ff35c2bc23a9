"""The JSON schema of a sweep file takes what is read, and refuses what is mistyped."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import convscape
import pytest
import yaml
from convscape.search.config import DataConfig, SweepConfig, recipe_space, sweep_file_schema
from convscape.search.config.yaml_lines import parse_yaml
from convscape.spaces.classics import classic_space
from convscape.spaces.conv_space import settings
from convscape.spaces.errors import SpaceError
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator, ValidationError

ROOT = Path(convscape.__file__).parent
SCHEMA = sweep_file_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
SNIPPETS = [
    block
    for page in ("sweep-file.md", "spaces.md")
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
]
TRY = {"name": "try", "data": {"name": "digits"}}


def test_it_is_a_schema_of_the_draft_it_names() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda file: file.name)
def test_the_examples_keep_to_it(file: Path) -> None:
    VALIDATOR.validate(parse_yaml(file.read_text(), file.name).values)


def test_the_sweep_file_of_the_readme_keeps_to_it() -> None:
    assert BLOCKS
    for block in BLOCKS:
        VALIDATOR.validate(parse_yaml(block, "README.md").values)


def test_what_the_pages_show_keeps_to_it() -> None:
    assert len(SNIPPETS) > 5
    for block in SNIPPETS:
        VALIDATOR.validate({**TRY, **yaml.safe_load(block)})


def test_a_config_with_every_default_written_out_keeps_to_it() -> None:
    VALIDATOR.validate(SweepConfig(name="try", data=DataConfig(name="digits")).to_json())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"serach": {}}, "serach"),
    ({"search": {"trails": 3}}, "trails"),
    ({"search": {"epochs": "all"}}, "all"),
    ({"search": {"epochs": 0}}, "0"),
    ({"search": {"start": [{"network": "lenet5", "recipe": {"learning_rat": 0.1}}]}}, "learning_rat"),
    ({"search": {"objectives": ["accuracy", "speed"]}}, "speed"),
    ({"space": {"kernal": 3}}, "kernal"),
    ({"space": {"kernel": 99}}, "99"),
    ({"space": {"kernel": [3, 3]}}, "3, 3"),
    ({"space": {"dropout": {"low": 0.1}}}, "high"),
    ({"space": {"stage2": {"kernal": 3}}}, "kernal"),
    ({"space": {"stage1": {"growth": 2}}}, "growth"),
    ({"space": {"base": "lenet6"}}, "lenet6"),
    ({"space": {"base": "lenet5", "stages": 2}}, "stages"),
    ({"recipe": {"batchsize": 16}}, "batchsize"),
    ({"recipe": {"batch_size": 0}}, "0"),
    ({"recipe": {"flip": "no flip"}}, "no flip"),
    ({"recipe": {"learning_rate": {"low": 0.1, "high": 0.2, "logg": True}}}, "logg"),
    ({"resources": {"gpu": 1}}, "gpu"),
    ({"budget": {"parameters": "many"}}, "many"),
    ({"name": "with space"}, "with space"),
    ({"data": {"root": "x"}}, "name"),
]


@pytest.mark.parametrize(("more", "says"), WRONG, ids=[str(more) for more, _ in WRONG])
def test_mistakes_are_marked(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        VALIDATOR.validate({**TRY, **more})
    assert says in str(caught.value)


RIGHT: list[dict[str, Any]] = [
    {"space": {"class": "my_module.MySpace", "anything": 1}},
    {"space": {"stages": 12, "stage12": {"growth": 2}, "kernel": {"low": 3, "high": 7, "step": 2}}},
    {
        "recipe": {
            "crop": "auto",
            "cutout": [0, 4],
            "gradient_clip": [None, 2.0],
            "weights": [None, "torchvision:vgg11"],
        }
    },
    {"space": {"base": ["lenet5", "vgg11"], "dropout": ["keep", 0.1], "width": [0.5, 1]}},
    {"search": {"start": "lenet5", "objectives": "accuracy", "sampler": {"class": "nsga2"}, "epochs": 4}},
    {"budget": {"training_memory": "2 GB", "inference_memory": 4_000}, "code": None},
]


@pytest.mark.parametrize("more", RIGHT, ids=str)
def test_every_way_to_write_a_setting_is_known(more: dict[str, Any]) -> None:
    VALIDATOR.validate({**TRY, **more})


KINDS = [
    (f"{section}.{key}", default, kind)
    for section, keys in (("space", settings.KEYS), ("classic", classic_space.KEYS), ("recipe", recipe_space.KEYS))
    for key, (default, kind) in keys.items()
]
single = st.sampled_from([None, True, False, 0, 1, 3, 0.5, 2.0, 1e-3, 999, "auto", "keep", "max", "batch", "sgd", "fc"])
ranges = st.fixed_dictionaries(
    {"low": st.sampled_from([0, 1, 0.1, 3]), "high": st.sampled_from([1, 0.5, 4, 9])},
    optional={"step": st.sampled_from([1, 0.1]), "log": st.booleans(), "what": st.just(1)},
)


@given(st.sampled_from(KINDS), single | st.lists(single, max_size=3, unique_by=repr) | ranges)
def test_what_a_setting_takes_the_schema_takes(case: tuple[str, object, Any], value: object) -> None:
    key, _, kind = case
    with suppress(SpaceError):
        kind(value, key)
        Draft202012Validator(kind.schema).validate(value)


@pytest.mark.parametrize(("key", "default", "kind"), KINDS, ids=[key for key, _, _ in KINDS])
def test_a_default_is_one_that_may_be_written(key: str, default: object, kind: Any) -> None:
    if key != "classic.base":
        Draft202012Validator(kind.schema).validate(default)


def test_every_key_says_what_it_means() -> None:
    sections = [SCHEMA, *SCHEMA["$defs"].values(), SCHEMA["properties"]["recipe"]]
    silent = [
        key
        for section in sections
        for key, value in section["properties"].items()
        if not value.get("description") and "$ref" not in value
    ]
    assert silent == []
    assert set(SCHEMA["$defs"]["ConvSpace"]["properties"]) == {*settings.KEYS, "stage1"}
    assert set(SCHEMA["properties"]["recipe"]["properties"]) == set(recipe_space.KEYS)
