"""Reads sweep.yaml: its text and `--set` overrides as a `SweepConfig`, or an error that names file, line and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from ...spaces import ConfigError, nearest, read_plain
from ..tracking import values_without_secrets, without_secrets
from . import yaml_lines
from .initial_designs import check_initial_designs
from .schema import SweepConfig
from .trust import more_trusting, remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .trust import Trust

LARGEST_FILE = 2**20
"""Bound on the bytes of a sweep file."""


def read_sweep_file(path: str | Path, overrides: Sequence[str] = (), *, trust: Trust = "nothing") -> SweepConfig:
    """Reads the sweep file at `path` and checks it as far as that goes without the images.

    Code that it names runs where `trust` or a former launch of the file says so, and is refused otherwise.

    Args:
        path: a YAML file.
        overrides: "key=value" settings as `--set` takes them, such as "search.trials=20"; they replace those of the
            file.
        trust: what of the code that the file names may run.

    Raises:
        ConfigError: says the file, the line, the key, what is wrong and what to write.
    """
    path = Path(path)
    try:
        text = read_plain(path, LARGEST_FILE).decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", "Name an existing sweep file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text at byte {error.start}", "Name a sweep file, as YAML.") from None
    return parse_sweep_file(text, str(path), overrides, trust=trust)


def parse_sweep_file(
    text: str, source: str = "sweep.yaml", overrides: Sequence[str] = (), *, trust: Trust = "nothing"
) -> SweepConfig:
    """Reads a sweep file from its text and checks it as far as that goes without the images.

    Args:
        text: YAML.
        source: path of the file, which names it in errors; its folder is where modules of one's own are looked for when
            `code` is not given.
        overrides: "key=value" settings as `--set` takes them, such as "search.trials=20"; they replace those of the
            text.
        trust: what of the code that the text names may run.

    Raises:
        ConfigError: says the file, the line, the key, what is wrong and what to write.
    """
    document = yaml_lines.parse_yaml(text, source)
    document.values.pop("seal", None)  # the checksum of a config.json
    overridden = [_override(document.values, override) for override in overrides]
    if twice := next((key for key in overridden if overridden.count(key) > 1), None):
        raise ConfigError(f"--set {twice}: given twice", "Give it once.", key=twice)
    try:
        config = _validated(document.values, Path(source).parent)
        former, mistrust = remembered(Path(source), config.named_code)
        config = config.trusting(more_trusting(trust, former), mistrust if trust == "nothing" else "")
        config.network_space()
        config.recipe_space()
        config.samplers()
        check_initial_designs(config.search.start, "search.start")
        check_initial_designs(config.search.baselines, "search.baselines")
    except ConfigError as error:
        if any(error.key == key or error.key.startswith((f"{key}.", f"{key}[")) for key in overridden):
            where = "--set"
        else:
            line = document.line(error.key)
            where = f"{source}:{line}" if line else source
        raise type(error)(f"{where}: {error.message}", error.remedy, key=error.key) from None
    return config


def _override(values: dict[str, Any], override: str) -> str:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: not key=value", "For example: --set search.trials=20")
    key = key.strip()
    *parents, last = key.split(".")
    if len(parents) > yaml_lines.DEEPEST:
        raise ConfigError(f"--set {key:.80}…: nested more than {yaml_lines.DEEPEST} deep (DEEPEST)")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override}: {parent} holds a value, not settings", key=key)
        values = inner
    values[last] = yaml_lines.parse_value(text)
    return key


def _validated(values: dict[str, Any], folder: Path) -> SweepConfig:
    try:
        return SweepConfig.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = [part for part in first["loc"] if isinstance(part, str)]
        if first["type"] != "extra_forbidden":  # then the last is what somebody wrote, even if a kind's name
            location = [part for part in location if part not in _TYPE_NAMES]
        key = ".".join(location)
        if first["type"] == "extra_forbidden":
            known = _keys_of(location[:-1])
            raise ConfigError(f"{key}: unknown key", nearest(location[-1], known), key=key) from None
        if first["type"] == "missing":
            raise ConfigError(f"{key}: missing", f"Add it: {_EXAMPLES.get(key, key + ': …')}", key=key) from None
        given = without_secrets(repr(values_without_secrets(first["input"])))
        if location[:1] == ["tracking"]:  # whatever it is, a password may be in it
            given = re.sub(":.*", ":…'", given, flags=re.DOTALL)
        if first["type"] == "model_type":
            keys = ", ".join(_keys_of(location))
            raise ConfigError(f"{key}: {given:.80}: not settings", f"Its keys: {keys}.", key=key) from None
        problem = first["msg"].removeprefix("Value error, ")
        problem = problem[0].lower() + problem[1:]
        raise ConfigError(f"{key}: {given:.80}: {problem}", _meaning(location), key=key) from None


_TYPE_NAMES = ("int", "float", "constrained-int", "constrained-float")
_EXAMPLES = {"name": "name: my-sweep", "data": "data: {name: digits}", "data.name": "data: {name: digits}"}


def _section(location: Sequence[str]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = SweepConfig
    for part in location:
        field = model.model_fields.get(part) if model else None
        annotation = field.annotation if field else None
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return model


def _keys_of(location: Sequence[str]) -> list[str]:
    section = _section(location)
    return list(section.model_fields) if section else []


def _meaning(location: Sequence[str]) -> str:
    section = _section(location[:-1])
    field = section.model_fields.get(location[-1]) if section and location else None
    description = (field.description or "") if field else ""
    return f"Meaning: {description}" if description else ""
