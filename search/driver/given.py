"""What a launch is given as one value: a sweep file, what it holds, or images to begin with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError
from ..config import (
    SweepConfig,
    config_of,
    given_settings,
    is_beginning,
    more_trusting,
    parse_sweep_file,
    read_or_begin,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The config that a launch is given, and where it comes from."""

    config: SweepConfig
    file: Path | None
    """The sweep file, or the folder or data set that the config was made for; None where it came as a value."""
    begins: bool
    """Whether only images were named, so that the settings are those to begin with."""
    keys: frozenset[str]
    """Dotted keys of the settings that somebody named, and that are no defaults."""

    @staticmethod
    def read(
        given: SweepConfig | Mapping[str, Any] | str | Path, overrides: Sequence[str] = (), *, trust_code: bool = False
    ) -> Given:
        """Reads a sweep file, a dict of what one holds, a config, or makes one for a folder of images or a data set.

        Args:
            given: either of these.
            overrides: "key=value" settings over those of the file.
            trust_code: whether code that is named and installed may run, too, not that of the `code` folders alone.

        Raises:
            ConfigError: says the file, the line, the key, what is wrong and what to write.
            DataError: there are no images in folders of classes.
        """
        trust = "everything" if trust_code else "folders"
        if isinstance(given, SweepConfig):
            trust, config = more_trusting(trust, given.trust), given
            if overrides:
                values = config.to_json() | {"tracking": config.tracking.model_dump(exclude_unset=True)}
                config = parse_sweep_file(json.dumps(values), "config", overrides, trust=trust)
            keys = given_settings(given.model_dump(exclude_unset=True), overrides)
            return Given(config=config.trusting(trust), file=None, begins=False, keys=frozenset(keys))
        if isinstance(given, Mapping):
            config = config_of(given, overrides, trust=trust)
            keys = frozenset(given_settings(given, overrides))
            return Given(config=config, file=None, begins=False, keys=keys)
        if not isinstance(given, str | os.PathLike):
            raise ConfigError(
                f"a sweep is a sweep file's path, a dict of what it holds, or a config, not a {type(given).__name__}",
                'For example: convscape.launch("sweep.yaml")',
            )
        begins, config = is_beginning(given), read_or_begin(given, overrides, trust=trust)
        keys = frozenset(given_settings({} if begins else given, overrides))
        return Given(config=config, file=Path(given), begins=begins, keys=keys)
