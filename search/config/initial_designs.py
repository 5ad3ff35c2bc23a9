"""`search.start` and `search.baselines` of a sweep file: the designs that are named there, as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path  # noqa: TC003 - pydantic needs it
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_serializer

from ...spaces import (
    ConfigError,
    ConvscapeError,
    GeometryError,
    Mistakes,
    is_name,
    load_architecture,
    nearest,
    together,
)
from ...spaces.classics import CLASSICS, is_classic
from ...trainers import Recipe
from ..files import bucket_url

if TYPE_CHECKING:
    from ...spaces import Architecture

EXAMPLE = "Write a classic's name, notation, a .json file, {network: …, recipe: {…}} or {sweep: NAME, best: 3}."
"""What error messages advise somebody to write for a design."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NamedNetwork(_Entry):
    """A network that a sweep file names, and as much of its recipe as is not left to the sweep's recipe space."""

    network: str
    """A classic by name, a line of notation, or the path of an architecture's JSON."""
    recipe: dict[str, Any] = {}
    """Settings of `trainers.recipe.Recipe`, which need not lie in the sweep's recipe space. The recipe space gives
    those that are left out."""

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        return {"network": self.network, "recipe": self.recipe} if self.recipe else self.network


class WarmStart(_Entry):
    """The best trials of a former sweep, with their recipes, to be trained in this one."""

    sweep: str
    """Name of the former sweep."""
    folder: Path | None = None
    """The folder that holds the former sweep; this sweep's `folder` when not given."""
    best: int = Field(default=1, ge=1)
    """How many trials of the former sweep are taken, counted from the best."""

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        where = {} if self.folder is None else {"folder": bucket_url(self.folder) or str(self.folder)}
        return {"sweep": self.sweep, **where, "best": self.best}


MOST_NAMED = 1_000
"""Bound on the designs that a sweep file names in one place."""
AUTO = "auto"
"""What `search.start` is where the textbook says what is trained first."""


def _read(entries: Any, info: ValidationInfo) -> Any:
    """A list's entries; a mistake names its place, as in `search.start[2]`."""
    if entries == AUTO and info.field_name == "start":
        return entries
    listed = list(entries) if isinstance(entries, list | tuple) else [entries]
    mistakes = Mistakes()
    with mistakes:
        if len(listed) > MOST_NAMED:
            raise ConfigError(
                f"search.{info.field_name}: {len(listed):,} designs, and no more than {MOST_NAMED:,} can be named",
                "Name a former sweep: {sweep: NAME, best: 100}.",
                key=f"search.{info.field_name}",
            )
    found: list[NamedNetwork | WarmStart] = []
    for index, entry in enumerate(listed[:MOST_NAMED]):
        with mistakes:
            found.append(_entry(entry, f"search.{info.field_name}[{index}]"))
    if mistakes.found:
        raise ValueError(together(mistakes.found))  # pydantic tells of it with what else is wrong
    return tuple(found)


_Written: TypeAlias = str | NamedNetwork | WarmStart
Entries: TypeAlias = Annotated[
    tuple[NamedNetwork | WarmStart, ...],
    BeforeValidator(_read, json_schema_input_type=_Written | list[_Written]),
]
"""What `search.start` and `search.baselines` hold: named networks and former sweeps, read from every form that a sweep
file may give them in."""
Start: TypeAlias = Annotated[
    Literal["auto"] | tuple[NamedNetwork | WarmStart, ...],
    BeforeValidator(_read, json_schema_input_type=Literal["auto"] | _Written | list[_Written]),
]
"""What `search.start` holds: entries, or "auto" for the textbook's designs."""


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


def check_initial_designs(entries: Start, key: str) -> None:
    """Refuses entries of `search.start` or `search.baselines` that name no network, before the images are known.

    Former sweeps are not looked at. A network whose windows do not fit its own input passes, since the sweep's images
    may be large enough: `proposals.initial_designs` checks again once they are loaded.

    Args:
        entries: what the sweep file lists.
        key: where it lists them, "search.start" or "search.baselines".

    Raises:
        ConfigError: an entry names no network; names the entry, as in `search.start[2]`.
    """
    mistakes = Mistakes()
    for index, entry in enumerate(() if isinstance(entries, str) else entries):
        if not isinstance(entry, NamedNetwork):
            continue
        with mistakes:
            try:
                network_of(entry, f"{key}[{index}]")
            except ConfigError as error:
                if not isinstance(error.__context__, GeometryError):  # the sweep's images may be large enough
                    raise
    mistakes.refuse()


def network_of(
    entry: NamedNetwork, key: str, input: tuple[int, int, int] | None = None, classes: int | None = None
) -> Architecture:
    """The network that an entry of `search.start` or `search.baselines` names.

    Args:
        entry: the entry as read from the sweep file.
        key: where the sweep file has it, as in `search.start[2]`.
        input: (C, H, W) of the images, to take the place of the network's own input; None to keep that.
        classes: number of classes, for a classic; None to keep the classic's own.

    Raises:
        ConfigError: there is no such network, or it cannot be built for these images; names the key.
    """
    try:
        return load_architecture(entry.network, input, classes)
    except ConvscapeError as error:
        unknown = is_name(entry.network) and not is_classic(entry.network)
        name = "" if entry.network in error.message else f"{entry.network:.60}: "
        remedy = nearest(entry.network, CLASSICS) if unknown else error.remedy
        raise ConfigError(f"{key}: {name}{error.message}", remedy, key=key) from None
