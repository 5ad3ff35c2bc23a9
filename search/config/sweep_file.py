"""Reads sweep.yaml: its text and `--set` overrides as a `SweepConfig`, or an error that names file, line and key."""

from __future__ import annotations

import codecs
import copy
import math
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ...spaces import MOST_TOLD, ConfigError, Mistakes, SpaceError, nearest, read_plain, together
from ..tracking import values_without_secrets, without_secrets
from . import yaml_lines
from .initial_designs import check_initial_designs
from .schema import STAGE, SweepConfig
from .trust import more_trusting, remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

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
        ConfigError: says the file, the line, the key, what is wrong and what to write; of several mistakes, of each.
    """
    path = Path(path)
    try:
        text = _decoded(read_plain(path, LARGEST_FILE), path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", "Name an existing sweep file.") from None
    return parse_sweep_file(text, str(path), overrides, trust=trust)


def _decoded(content: bytes, path: Path) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:2]:
        raise ConfigError(f"{path}: it is UTF-16 text", "Save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: not UTF-8 text: byte 0x{content[error.start]:02X}", "Save it as UTF-8."
        ) from None


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
        ConfigError: says the file, the line, the key, what is wrong and what to write; of several mistakes, of each.
    """
    document = yaml_lines.parse_yaml(text, source)
    document.values.pop("seal", None)  # the checksum of a config.json
    _keep_texts(document)
    overridden = _overridden(document.values, overrides)
    mistakes = Mistakes()
    config = None
    with mistakes:
        config = _validated(document.values, Path(source).parent)
    if config is not None:
        former, mistrust = remembered(Path(source), config.named_code)
        config = config.trusting(more_trusting(trust, former), mistrust if trust == "nothing" else "")
    _check_sections(config or _rest(document.values, mistakes.found, Path(source).parent), mistakes)
    if config is None or mistakes.found:
        raise _located(mistakes, document, source, overridden) from None
    return config


def _check_sections(config: SweepConfig | None, mistakes: Mistakes) -> None:
    """Adds to the mistakes those of space, recipe, sampler and named designs; of code where it is known to be whole."""
    if config is None:
        return
    code = config.named_code.paths if mistakes.found else {}
    with mistakes:
        config.recipe_space()
    with mistakes:
        if "space.class" not in code:
            config.untrained_space()
    with mistakes:
        if "search.sampler" not in code:
            config.samplers()
    with mistakes:
        check_initial_designs(config.search.start, "search.start")
    with mistakes:
        check_initial_designs(config.search.baselines, "search.baselines")
    if not mistakes.found:  # those of the space itself are each variant's, too
        for name in config.variants:
            with mistakes:
                _check_variant(config, name)


def _check_variant(config: SweepConfig, name: str) -> None:
    """Refuses a variant with settings that its space does not know, by the variant's own keys.

    The space's own settings of single stages are left out: a variant may have fewer stages than they are for.
    """
    own = config.variants[name]
    space = {key: value for key, value in config.space.items() if not STAGE.fullmatch(key)}
    try:
        config.model_copy(update={"space": space}).of_variant(own).untrained_space()
    except SpaceError as error:
        of_space = error.key.partition(".")[0] == "space"
        key = f"variants.{name}{error.key.removeprefix('space') if of_space else ''}"
        raise SpaceError(f"{key}: {error.message.removeprefix(f'{error.key}: ')}", error.remedy, key=key) from None


def _rest(values: dict[str, Any], mistakes: Sequence[ConfigError], folder: Path) -> SweepConfig | None:
    """The config that is left without the settings at fault, to find what else is wrong; None where there is none."""
    left = copy.deepcopy(values)
    for mistake in mistakes:
        *parents, last = mistake.key.partition("[")[0].split(".")
        section: Any = left
        for parent in parents:
            section = section.get(parent) if isinstance(section, dict) else None
        if isinstance(section, dict):
            section.pop(last, None)
    for section in [left, *left.values()]:
        for key in [key for key in section if not isinstance(key, str)] if isinstance(section, dict) else ():
            del section[key]
    left.setdefault("name", "any")
    if not isinstance(left.get("data"), dict) or "name" not in left["data"]:
        left["data"] = {"name": "digits"}
    try:
        return SweepConfig.model_validate(left, context={"folder": folder})
    except ValidationError:
        return None


def _located(mistakes: Mistakes, document: yaml_lines.Document, source: str, overridden: Sequence[str]) -> ConfigError:
    """The error that tells of all mistakes, each with its place, those of the file by their lines."""
    placed: list[tuple[float, ConfigError]] = []
    for error in mistakes.found:
        set_ = any(error.key == key or error.key.startswith((f"{key}.", f"{key}[")) for key in overridden)
        line = None if set_ else document.line(error.key)
        where = "--set" if set_ else f"{source}:{line}" if line else source
        choice = _as_choice(document.values, error.key) or _as_broken_choice(document.values, error.key)
        remedy = _with_brackets(*choice, set_=set_) if choice else error.remedy
        placed.append((line or math.inf, type(error)(f"{where}: {error.message}", remedy, key=error.key)))
    return together([error for _, error in sorted(placed, key=lambda each: each[0])], mistakes.untold)


def _as_choice(values: dict[str, Any], key: str) -> tuple[str, str] | None:
    """The key and the values of a list, where somebody left out its brackets."""
    section = key.rpartition(".")[0]
    value: Any = values
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    a_choice = section.partition(".")[0] in ("space", "recipe") or key == "search.objectives"
    if not a_choice or not isinstance(value, str) or "," not in value or set("[]{}") & set(value):
        return None
    return key, value


def _as_broken_choice(values: dict[str, Any], key: str) -> tuple[str, str] | None:
    """The key and the values of a list, where YAML took the later ones for keys: `{kernel: 3, 5}`."""
    section, _, name = key.partition(".")
    settings = values.get(section)
    if section not in ("space", "recipe") or not isinstance(settings, dict):
        return None
    first, listed = "", []
    for each, value in settings.items():
        if isinstance(each, str):
            if name in map(str, listed[1:]):
                break
            first, listed = each, [value]
        elif value is None:
            listed.append(each)
    if name not in map(str, listed[1:]) or not isinstance(listed[0], bool | int | float | str):
        return None
    return f"{section}.{first}", ", ".join(map(str, listed))


def _with_brackets(key: str, listed: str, *, set_: bool) -> str:
    choice = f"--set {shlex.quote(f'{key}=[{listed}]')}" if set_ else f"{key.rpartition('.')[2]}: [{listed}]"
    return f"For a choice: {choice}"


def _overridden(values: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Puts the settings of `--set` over those of the file, and gives their keys."""
    if isinstance(overrides, str):
        raise ConfigError(
            f"overrides (={overrides!r:.80}) is one text, and a list of them is wanted",
            f"Write overrides=[{overrides!r:.80}].",
        )
    mistakes = Mistakes()
    keys: list[str] = []
    for override in overrides:
        with mistakes:
            keys.append(_override(values, override))
    for twice in sorted({key for key in keys if keys.count(key) > 1}):
        with mistakes:
            raise ConfigError(f"--set {twice}: given twice", "Give it once.", key=twice)
    mistakes.refuse()
    return keys


def with_settings(config: SweepConfig, overrides: Sequence[str]) -> SweepConfig:
    """A config with some settings changed, of which as much of the code that it names may run.

    Args:
        config: the config.
        overrides: "key=value" settings as `--set` takes them; each replaces that of the config.

    Raises:
        ConfigError: says the key, what is wrong and what to write.
    """
    values = config.to_json()
    _overridden(values, overrides)
    try:
        return _validated(values, Path()).trusting(config.trust, config.mistrust)
    except ConfigError as error:
        raise type(error)(f"--set: {error.message}", error.remedy, key=error.key) from None


def written_setting(given: str | Path, key: str, overrides: Sequence[str] = ()) -> Any:
    """What somebody wrote for a setting, before `~` and relative paths are made those of this machine.

    Args:
        given: the path of a sweep file that `read_sweep_file` takes.
        key: the setting's dotted key.
        overrides: "key=value" settings as `--set` takes them.

    Returns:
        The value; None where nobody wrote one.
    """
    path = Path(given)
    value: Any = yaml_lines.parse_yaml(_decoded(read_plain(path, LARGEST_FILE), path), str(path)).values
    _overridden(value, overrides)
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def given_settings(given: Mapping[str, Any] | str | Path, overrides: Sequence[str] = ()) -> set[str]:
    """Dotted keys, of two parts, of the settings that somebody named, and that are no defaults.

    Args:
        given: what a sweep file holds, or the path of one that `read_sweep_file` takes.
        overrides: "key=value" settings as `--set` takes them.
    """
    if isinstance(given, Mapping):
        sections = {key: dict(value) if isinstance(value, Mapping) else value for key, value in given.items()}
        values = copy.deepcopy(sections)  # what overrides change is not the caller's
    else:
        path = Path(given)
        values = yaml_lines.parse_yaml(_decoded(read_plain(path, LARGEST_FILE), path), str(path)).values
    for override in overrides:
        _override(values, override)
    found: set[str] = set()
    for key, value in values.items():
        found |= {f"{key}.{inner}" for inner in value} if isinstance(value, dict) else {key}
    return found


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
    value = yaml_lines.parse_value(text)
    values[last] = text.strip() if _takes_text(key) and isinstance(value, bool | int | float) else value
    return key


def _keep_texts(document: yaml_lines.Document) -> None:
    """Takes what stands where a text belongs as it is written: `name: 2024` is no number, nor `name: 1.10`."""
    for key, text in document.texts.items():
        if _takes_text(key):
            *parents, last = key.split(".")
            section = document.values[parents[0]] if parents else document.values
            if isinstance(section.get(last), bool | int | float):
                section[last] = text


def _takes_text(key: str) -> bool:
    *parents, last = key.split(".")
    section = _section(parents)
    field = section.model_fields.get(last) if section else None
    kind = field.annotation if field else None
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)  # dict[str, …] is no text
    return str in kinds or Path in kinds


def _validated(values: dict[str, Any], folder: Path) -> SweepConfig:
    try:
        return SweepConfig.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        mistakes = Mistakes()
        keys: set[str] = set()
        untold = set[str]()
        for found in error.errors(include_url=False):
            if len(keys) < MOST_TOLD:
                with mistakes:
                    _raise(found, keys)
            else:
                untold.add(".".join(str(part) for part in found["loc"] if part not in _TYPE_NAMES))
        mistakes.untold += len(untold - keys)
    mistakes.refuse()
    raise AssertionError("a ValidationError has errors")


def _raise(found: ErrorDetails, known: set[str]) -> None:
    """Raises the ConfigError that one of pydantic's errors stands for, unless its key is among the known ones."""
    location = [part for part in found["loc"] if isinstance(part, str)]
    of_a_key = found["type"] == "string_type" and found["loc"][-1:] == ("[key]",)
    if of_a_key or found["type"] == "invalid_key":  # what stands for a setting's name is no text
        section = [str(part) for part in found["loc"][: -2 if of_a_key else -1]]
        key = ".".join([*section, str(found["input"])])
        raise ConfigError(f"{key:.80}: unknown key", _remedy_of_name(section, str(found["input"])), key=key)
    if found["type"] != "extra_forbidden":  # then the last is what somebody wrote, even if a kind's name
        location = [part for part in location if part not in _TYPE_NAMES]
    key = ".".join(location)
    if key in known:
        return  # a setting may be of several kinds, and is none of them
    known.add(key)
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, ValueError) and cause.args and isinstance(cause.args[0], ConfigError):
        raise cause.args[0]
    if found["type"] == "extra_forbidden":
        raise ConfigError(f"{key}: unknown key", nearest(location[-1], _keys_of(location[:-1])), key=key)
    if found["type"] == "missing":
        raise ConfigError(f"{key}: missing", f"Add it: {_EXAMPLES.get(key, key + ': …')}", key=key)
    given = without_secrets(repr(values_without_secrets(found["input"])))
    if location[:1] == ["tracking"]:  # whatever it is, a password may be in it
        given = re.sub(":.*", ":…'", given, flags=re.DOTALL)
    if found["type"] == "model_type":
        keys = ", ".join(_keys_of(location))
        raise ConfigError(f"{key}: {given:.80}: not settings", f"Its keys: {keys}.", key=key)
    problem = found["msg"].removeprefix("Value error, ")
    problem = problem[0].lower() + problem[1:]
    raise ConfigError(f"{key}: {given:.80}: {problem}", _meaning(location), key=key)


_TYPE_NAMES = ("int", "float", "constrained-int", "constrained-float")
_EXAMPLES = {"name": "name: my-sweep", "data": "data: {name: digits}", "data.name": "data: {name: digits}"}


def _section(location: Sequence[str]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = SweepConfig
    for part in location:
        field = model.model_fields.get(part) if model else None
        annotation = field.annotation if field else None
        kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)  # one that may be left out
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return model


def _keys_of(location: Sequence[str]) -> list[str]:
    section = _section(location)
    return list(section.model_fields) if section else []


def _remedy_of_name(section: Sequence[str], name: str) -> str:
    known = _keys_of(section)
    return nearest(name, known) if known else _meaning(section)


def _meaning(location: Sequence[str]) -> str:
    section = _section(location[:-1])
    field = section.model_fields.get(location[-1]) if section and location else None
    description = (field.description or "") if field else ""
    return f"Meaning: {' '.join(description.split())}" if description else ""
