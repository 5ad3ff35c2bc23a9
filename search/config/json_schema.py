"""What a sweep file may hold as JSON Schema: editors complete keys by it, say what each means, and mark mistakes."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ...spaces import ClassicSpace, ConvSpace
from ...spaces.classics import KEYS as CLASSIC_KEYS
from ...spaces.conv_space import KEYS as SPACE_KEYS, OF_A_STAGE
from ...trainers import Recipe
from ..files import state_folder, write_atomically
from .recipe_space import KEYS as RECIPE_KEYS
from .schema import SweepConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...spaces import Kind

Schema = dict[str, Any]


def sweep_file_schema() -> Schema:
    """A sweep file's JSON Schema (draft 2020-12): sections, space and recipe, with what each key means.

    Keys that `read_sweep_file` does not know are none here, too. What depends on several keys or on the images, such as
    a kernel that is too large for them, is left to `launch --dry-run`.
    """
    schema = SweepConfig.model_json_schema()
    sections, parts = schema["$defs"], schema["properties"]
    space, recipe = _arguments(ConvSpace), _attributes(Recipe)
    fixed = {**TypeAdapter(Recipe).json_schema(), "additionalProperties": False}
    for key, meaning in recipe.items():
        fixed["properties"][key]["description"] = meaning
    sections["NamedNetwork"]["properties"]["recipe"] = {"$ref": "#/$defs/Recipe"}
    sections["Recipe"] = {**fixed, "description": "How one network is trained: values, not choices."}
    sections["ConvSpace"] = _settings(SPACE_KEYS, space) | {
        "patternProperties": {r"^stage([2-9]|[1-9][0-9]{1,2})$": _stage(OF_A_STAGE, space)}
    }
    first = [key for key in OF_A_STAGE if key != "growth"]
    sections["ConvSpace"]["properties"]["stage1"] = _stage(first, space)
    sections["ClassicSpace"] = _settings(CLASSIC_KEYS, _arguments(ClassicSpace))
    meaning = "Which networks: the settings of a ConvSpace; a classic and its variations; or a class of one's own."
    parts["space"] = {"description": meaning, "default": {}, "type": "object", **_one_of_three()}
    meaning = "Which training recipes: each setting a value, a list to choose from, or a range."
    parts["recipe"] = _settings(RECIPE_KEYS, recipe) | {"description": meaning, "default": {}}
    del sections["SearchConfig"]["properties"]["trials"]["default"]  # it depends on `seconds`
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Sweep file", **_tidy(schema)}


def keep_schema() -> str:
    """Writes the schema into the user's state folder, where editors find it without a network.

    Returns:
        The file's address; "" where it cannot be written.
    """
    try:
        file = state_folder() / "sweep.schema.json"
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(file, json.dumps(sweep_file_schema(), indent=2) + "\n")
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        return ""
    return file.as_uri()


def _one_of_three() -> Schema:
    own = {"properties": {"class": {"type": "string", "description": "Module and class, as my_module.MySpace."}}}
    classic = {"if": {"required": ["base"]}, "then": {"$ref": "#/$defs/ClassicSpace"}}
    return {"if": {"required": ["class"]}, "then": own, "else": {**classic, "else": {"$ref": "#/$defs/ConvSpace"}}}


def _settings(keys: Mapping[str, tuple[object, Kind]], meanings: Mapping[str, str]) -> Schema:
    properties = {
        key: {"description": meanings.get(key, ""), "default": default, **kind.schema}
        for key, (default, kind) in keys.items()
    }
    if "base" in properties:  # it is required
        del properties["base"]["default"]
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _stage(keys: Iterable[str], meanings: Mapping[str, str]) -> Schema:
    properties = {key: {"description": meanings.get(key, ""), **SPACE_KEYS[key][1].schema} for key in keys}
    return {
        "description": "Settings of that stage alone.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _arguments(documented: type) -> dict[str, str]:
    """What a class's docstring says of each of its arguments."""
    listed = inspect.cleandoc(documented.__doc__ or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
    return {name: _sentence(text) for name, text in found}


def _attributes(documented: type) -> dict[str, str]:
    """What stands under each attribute of a class, as far as the class's source is there."""
    try:
        source = textwrap.dedent(inspect.getsource(documented))
    except OSError:
        return {}
    body = ast.parse(source).body[0].body  # pyright: ignore[reportAttributeAccessIssue]
    found: dict[str, str] = {}
    for node, below in pairwise(body):
        match node, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = _sentence(text)
    return found


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] if not re.match(r"[A-Z]\b|\w+,", text) else text


def _tidy(schema: Any) -> Any:
    """Without the titles that pydantic makes of the keys, and with each description in one line."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidy(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    if isinstance(text := tidied.get("description"), str):
        tidied["description"] = " ".join(text.split())
    return tidied
