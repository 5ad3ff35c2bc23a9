"""Reads a sweep from Python values: a dict of what a sweep file holds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError
from .sweep_file import parse_sweep_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .schema import SweepConfig
    from .trust import Trust

SOURCE = "settings"
"""What the text that is made of a dict is called; errors name the key alone."""


def config_of(values: Mapping[str, Any], overrides: Sequence[str] = (), *, trust: Trust = "nothing") -> SweepConfig:
    """Checks a dict of what a sweep file holds, as far as that goes without the images.

    Paths and modules of one's own are looked for in the current folder.

    Args:
        values: sections by name, such as {"name": "leaves", "data": {"name": "folder", "root": "leaves"}}. Paths,
            tuples and numpy's numbers are taken, too. It is not changed.
        overrides: "key=value" settings as `--set` takes them; they replace those of the dict.
        trust: what of the code that it names may run.

    Raises:
        ConfigError: says the key, what is wrong and what to write.

    >>> config_of({"name": "try", "data": {"name": "digits"}}).data.name
    'digits'
    """
    try:
        text = json.dumps(dict(values), default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the settings hold what no sweep file can: {error!s:.200}", "Give plain values.") from None
    try:
        return parse_sweep_file(text, SOURCE, overrides, trust=trust)
    except ConfigError as error:
        message = re.sub(rf"^{SOURCE}(:\d+)?: ", "", error.message, flags=re.MULTILINE)
        raise type(error)(message, error.remedy, key=error.key) from None


def _plain(value: Any) -> Any:
    """What JSON can hold of a value that it does not know."""
    if isinstance(value, Path):
        return str(value)
    if callable(as_python := getattr(value, "tolist", None)):  # numpy's
        return as_python()
    raise TypeError(f"{value!r:.80} is a {type(value).__name__}")
