"""Settings of a begun sweep that somebody changes: which can be, and how the change is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, SweepError
from ..config import UNLIMITED, with_settings
from ..files import CONFIG, read_changed, write_sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ..config import SweepConfig

CAN_BE_SET = ("search.trials", "search.seconds", "search.finalists", "resources.")
"""Keys of a sweep file to which a resume may give another value; "resources." stands for all that begin with it."""
MAY_CHANGE = ("data.root", "data.memory", "search.trials", "search.seconds", "search.finalists")
"""Keys of what a sweep learns from that may change between a launch and a resume: what was trained stays true."""
_PRECISION = "resources.precision"
_SECTIONS = ("data", "space", "recipe", "search", "budget", "resources", "tracking", "question", "variants")
_OF_A_SEARCH = ("search.trials", "search.finalists")
_WHICH = (
    "These can be: search.trials, search.seconds, search.finalists and resources.* (but resources.precision, which is "
    "one for a sweep). For others launch a sweep of another `name`."
)


def with_changes(config: SweepConfig, overrides: Sequence[str], may_change: Sequence[str] = CAN_BE_SET) -> SweepConfig:
    """The config of a begun sweep with some settings changed.

    Args:
        config: the sweep's config.
        overrides: "key=value" settings as `--set` takes them.
        may_change: keys, or how they begin, that may be changed.

    Raises:
        ConfigError: a setting that cannot be changed any more, or a value that cannot be; names the key.
    """
    if not overrides:
        return config
    found = with_settings(config, overrides)  # it says of a key that there is none
    for key in (override.partition("=")[0].strip() for override in overrides):
        if not key.startswith(tuple(may_change)) or (config.question and key in _OF_A_SEARCH):
            raise _refusal(f"--set {key:.80}", config.name, key)
    if found.resources.precision != config.resources.precision:
        raise _refusal(f"--set {_PRECISION}", config.name, _PRECISION)
    if found.search.seconds is None and found.search.trials == UNLIMITED:
        raise ConfigError(
            "--set search.seconds: without it nothing ends the sweep",
            "Say how many networks it is to train, too: --set search.trials=80.",
            key="search.seconds",
        )
    return found


def with_changes_of_file(begun: SweepConfig, config: SweepConfig, given: Iterable[str]) -> SweepConfig:
    """The config of a begun sweep with what a sweep file says otherwise, of the settings that the file names.

    Where the images lie may be said otherwise, too: a job that is restarted may have them elsewhere.

    Args:
        begun: the sweep's config.
        config: the sweep file's, read with its `--set`.
        given: dotted keys of the settings that file and `--set` name, as `given_settings` gives them.

    Raises:
        ConfigError: it says something else of a setting that cannot be changed any more; names the key.
    """
    was, now = _plain(begun), _plain(config)
    changed = {key: now[key] for key in sorted(set(given) & now.keys()) if now[key] != was.get(key)}
    may_change = (*CAN_BE_SET, *MAY_CHANGE)
    for key, value in changed.items():
        if not key.startswith(may_change):
            what = f"{key} is {value!s:.60} in the sweep file or --set, and {was.get(key)!s:.60} in the sweep"
            remedy = "`convscape sync NAME --to URI` sends it to another store." if key == "tracking.uri" else ""
            raise _refusal(what, begun.name, key, remedy)
    return with_changes(begun, [f"{key}={json.dumps(value)}" for key, value in changed.items()], may_change)


def refuse_other_images(begun: SweepConfig, config: SweepConfig) -> None:
    """Refuses to go on with a sweep that has the name of another folder of images, or of another data set.

    Args:
        begun: the sweep's config.
        config: the one that the folder or data set would begin with.

    Raises:
        SweepError: says whose sweep it is.
    """
    if (begun.data.name, begun.data.root) != (config.data.name, config.data.root):
        raise SweepError(
            f"sweep '{begun.name}' in {begun.folder} is of {_images(begun)}, not of {_images(config)}",
            "Choose another name with `--set name=…`.",
        )


def _images(config: SweepConfig) -> str:
    return config.data.url or str(config.data.root or config.data.name)


def keep_changes(folder: Path, former: SweepConfig, config: SweepConfig) -> dict[str, str]:
    """Writes into a sweep's config.json what `config` has otherwise than `former`, with a new checksum.

    Args:
        folder: the sweep's folder.
        former: the config before.
        config: the config from now on.

    Returns:
        Tags for the sweep's run in MLflow that say what was changed, from what to what.

    Raises:
        OSError: the file cannot be read or written.
    """
    was, now = _plain(former), _plain(config)
    changed = {key: value for key, value in now.items() if value != was.get(key)}
    if not changed:
        return {}
    values, _ = read_changed(folder / CONFIG)
    for key, value in changed.items():
        section, _, name = key.partition(".")
        values[section] = {**values.get(section, {}), name: value}
    write_sealed(folder / CONFIG, values)
    return {f"convscape.changed.{key}": f"{was.get(key)} -> {value}" for key, value in changed.items()}


def _plain(config: SweepConfig) -> dict[str, Any]:
    """The settings in the sections of a config, as plain values by dotted keys of two parts."""
    values = json.loads(json.dumps(config.to_json()))
    return {f"{section}.{key}": value for section in _SECTIONS for key, value in (values[section] or {}).items()}


def _refusal(what: str, name: str, key: str, remedy: str = "") -> ConfigError:
    return ConfigError(
        f"{what}: it cannot be changed any more, sweep {name} was begun with it", remedy or _WHICH, key=key
    )
