"""`search.start` and `search.baselines`: designs that are named in the sweep file, as they are written there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path  # noqa: TC003 - pydantic needs it
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_serializer

from ...spaces import ConfigError, ConvscapeError, GeometryError, is_name, load_architecture, nearest
from ...spaces.classics import CLASSICS, is_classic
from ...trainers import Recipe

if TYPE_CHECKING:
    from ...spaces import Architecture

EXAMPLE = "Write a classic's name, notation, a .json file, {network: …, recipe: {…}} or {sweep: NAME, best: 3}."


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedNetwork(_Entry):
    """A network, and as much of its recipe as is not left to the sweep's."""

    network: str
    """A classic by name, a line of notation, or the path of an architecture's JSON."""
    recipe: dict[str, Any] = {}
    """Settings of `trainers.recipe.Recipe`; they need not lie in the sweep's recipe space."""

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        return {"network": self.network, "recipe": self.recipe} if self.recipe else self.network


class WarmStart(_Entry):
    """The best trials of a former sweep, with their recipes."""

    sweep: str
    folder: Path | None = None
    """Where that sweep lives; this sweep's `folder` when not given."""
    best: int = Field(default=1, ge=1)
    """How many of its trials, counted from the best."""

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        where = {} if self.folder is None else {"folder": str(self.folder)}
        return {"sweep": self.sweep, **where, "best": self.best}


def _read(entries: Any, info: ValidationInfo) -> Any:
    """A list's entries; a mistake names its place, as in `search.start[2]`."""
    listed = list(entries) if isinstance(entries, list | tuple) else [entries]
    return tuple(_entry(entry, f"search.{info.field_name}[{index}]") for index, entry in enumerate(listed))


Entries: TypeAlias = Annotated[tuple[NamedNetwork | WarmStart, ...], BeforeValidator(_read)]
"""What `search.start` and `search.baselines` hold."""


def _entry(entry: Any, key: str) -> NamedNetwork | WarmStart:
    if isinstance(entry, NamedNetwork | WarmStart):
        return entry
    if isinstance(entry, str):
        entry = {"network": entry}
    if not isinstance(entry, Mapping) or not {"network", "sweep"} & set(entry):
        raise ConfigError(f"{key}: {entry!r:.80}: not a design", EXAMPLE, key=key)
    kind = WarmStart if "sweep" in entry else NamedNetwork
    try:
        found = kind.model_validate(dict(entry))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{key}.{name}: unknown key", nearest(name, kind.model_fields), key=key) from None
        raise ConfigError(f"{key}.{name}: {first['input']!r:.80}: {first['msg']}", EXAMPLE, key=key) from None
    if isinstance(found, NamedNetwork):
        try:
            Recipe.from_json(found.recipe)
        except ConfigError as error:
            raise ConfigError(f"{key}: {error.message}", error.remedy, key=key) from None
    return found


def check_initial_designs(entries: Entries, key: str) -> None:
    """Raises ConfigError where an entry names no network. Its images are not known yet: `queue.designs` looks again."""
    for index, entry in enumerate(entries):
        if not isinstance(entry, NamedNetwork):
            continue
        try:
            network_of(entry, f"{key}[{index}]")
        except ConfigError as error:
            if not isinstance(error.__context__, GeometryError):  # the sweep's images may be large enough
                raise


def network_of(
    entry: NamedNetwork, key: str, input: tuple[int, int, int] | None = None, classes: int | None = None
) -> Architecture:
    """The network an entry means, for images of (C, H, W) where they are given.

    Raises:
        ConfigError: there is none, or it cannot be built for them; names the key.
    """
    try:
        return load_architecture(entry.network, input, classes)
    except ConvscapeError as error:
        unknown = is_name(entry.network) and not is_classic(entry.network)
        name = "" if entry.network in error.message else f"{entry.network:.60}: "
        remedy = nearest(entry.network, CLASSICS) if unknown else error.remedy
        raise ConfigError(f"{key}: {name}{error.message}", remedy, key=key) from None
