"""Names that MLflow's model registry takes, looked at before anything is trained or written."""

from __future__ import annotations

import re

from ...spaces import ConfigError

LONGEST_NAME, LONGEST_ALIAS = 256, 255
"""Letters that MLflow's database holds."""
_PARTS_OF_URI = "/:?"
"""What ends a name in the URI `models:/NAME@ALIAS`. The registry itself would take the question mark."""


def check_registered_name(name: str) -> None:
    """Refuses a name under which MLflow registers no model, or from which none could be loaded.

    Raises:
        ConfigError: it is empty, too long, holds `/`, `:`, `?` or what cannot be seen, or is a path such as `..`.

    >>> check_registered_name("digits, 8x8")
    >>> check_registered_name("team/digits")
    Traceback (most recent call last):
        ...
    convscape.spaces.errors.ConfigError: no model can be registered as 'team/digits': a name holds no '/'
      Write 'team-digits', say.
    """
    problem, remedy = "", "Give a name such as 'digits'."
    if not name.strip():
        problem = "a name has letters"
    elif len(name) > LONGEST_NAME:
        problem = f"it has {len(name):,} letters, and a name has up to {LONGEST_NAME}"
    elif found := next((each for each in _PARTS_OF_URI if each in name), ""):
        problem = f"a name holds no '{found}'"
        remedy = f"Write {re.sub(f'[{_PARTS_OF_URI}]', '-', name)!r:.80}, say."
    elif not name.isprintable() or name != name.strip():
        problem = "it begins or ends with a space, or holds what cannot be seen"
    elif name == "." or name.startswith(".."):
        problem = "it is a path"
    if problem:
        raise ConfigError(f"no model can be registered as {name!r:.80}: {problem}", remedy)


def check_alias(alias: str) -> None:
    """Refuses an alias that MLflow sets on no version of a registered model.

    Raises:
        ConfigError: it is empty, too long, holds more than letters, digits, `_` and `-`, or is one that MLflow keeps
            for itself: `latest`, and `v` with a number.

    >>> check_alias("champion")
    >>> check_alias("v1")
    Traceback (most recent call last):
        ...
    convscape.spaces.errors.ConfigError: no version of a model can have the alias 'v1': MLflow keeps it for version 1
      Give one such as 'champion'.
    """
    problem, remedy = "", "Give one such as 'champion'."
    if not alias:
        problem = "an alias has letters"
    elif len(alias) > LONGEST_ALIAS:
        problem = f"it has {len(alias):,} letters, and an alias has up to {LONGEST_ALIAS}"
    elif not re.fullmatch(r"[\w-]+", alias):
        problem = "an alias holds letters, digits, _ and - alone"
    elif alias.lower() == "latest":
        problem = "MLflow keeps it for the newest version"
    elif re.fullmatch(r"[vV]\d+", alias):
        problem = f"MLflow keeps it for version {alias[1:]}"
    if problem:
        raise ConfigError(f"no version of a model can have the alias {alias!r:.80}: {problem}", remedy)
