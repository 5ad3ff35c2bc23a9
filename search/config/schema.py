"""The schema of sweep.yaml: what may be written there and what it means. `sweep_file` reads the file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PrivateAttr, ValidationInfo, field_serializer, field_validator

from ...spaces import CustomSpace, find_module
from ...spaces.classics import DEFAULTS as CLASSIC_DEFAULTS, ClassicSpace
from ...spaces.conv_space import DEFAULTS as SPACE_DEFAULTS, ConvSpace
from ..files import bucket_url, local_copy, url_of
from .recipe_space import DEFAULTS as RECIPE_DEFAULTS, RecipeSpace, absolute_paths
from .sections import (
    BudgetConfig,
    DataConfig,
    QuestionConfig,
    ResourcesConfig,
    SearchConfig,
    Section,
    TrackingConfig,
    at_home,
)
from .transfer_space import TransferSpace
from .trust import NamedCode, Trust, refuse_untrusted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...spaces import Space
    from ..study import Samplers


NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a sweep's name may be, as a regular expression."""


STAGE = re.compile(r"stage[1-9]\d*")
"""Keys of a space that hold a stage's own settings."""
VARIANT_NAME = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}"
"""What a variant of one's own may be called, as a regular expression."""
VariantName = Annotated[str, Field(pattern=f"^{VARIANT_NAME}$")]
"""A variant's name in the schema of sweep files."""


class SweepConfig(Section):
    """A whole sweep file, as a frozen value in which every default is filled in.

    >>> SweepConfig(name="try", data=DataConfig(name="digits")).search.trials
    50
    """

    name: str = Field(json_schema_extra={"pattern": f"^{NAME}$"})
    """Name of the sweep and of its own folder."""
    folder: Path = Path("sweeps")
    """The folder that holds the folders of sweeps, or its URL in object storage, such as s3://bucket/sweeps."""
    data: DataConfig
    space: dict[str, Any] = Field(default={}, validate_default=True)
    """Which networks: see `spaces.conv_space.ConvSpace`, or docs/spaces.md for a space of one's own."""
    recipe: dict[str, Any] = Field(default={}, validate_default=True)
    """Which training recipes: see `search.config.RecipeSpace`."""
    search: SearchConfig = SearchConfig()
    budget: BudgetConfig = BudgetConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()
    question: QuestionConfig | None = None
    """A design question that is settled in place of a search; `convscape ask` writes it."""
    variants: dict[str, dict[str, Any]] = Field(default={}, max_length=12)
    """For the question "mine": what is compared, by name, each as settings over those of `space`."""
    code: Annotated[list[Path] | None, Field(validate_default=True)] = None
    """Folders of your own modules, for `space.class`, `data.name` and `search.sampler`; the sweep file's when not
    given, and the current one where it is needed."""
    _trust: Trust = PrivateAttr("nothing")
    _mistrust: str = PrivateAttr("")

    @property
    def trust(self) -> Trust:
        """What of the code that is named may run. It is no setting: no file can say it."""
        return self._trust

    @property
    def mistrust(self) -> str:
        """Why no more of it may run, as words; "" where there is no more to say."""
        return self._mistrust

    def trusting(self, trust: Trust, mistrust: str = "") -> SweepConfig:
        """A copy of this config, of which so much of the code that it names may run."""
        found = self.model_copy()
        object.__setattr__(found, "_trust", trust)
        object.__setattr__(found, "_mistrust", mistrust)
        return found

    @property
    def named_code(self) -> NamedCode:
        """What of it is code that would be imported, and what that is called with."""
        included = {"space": True, "data": True, "search": {"sampler"}, "variants": True}
        plain = self.model_dump(mode="json", include=included, exclude_none=True)
        settings = {
            "space.class": {**plain["space"], **({"variants": plain["variants"]} if self.variants else {})},
            "data.name": plain["data"],
            "search.sampler": plain["search"]["sampler"],
        }
        return NamedCode.of(_named(self.space, self.data, self.search), tuple(self.code or ()), settings)

    @field_validator("name")
    @classmethod
    def _usable_as_folder(cls, name: str) -> str:
        if not re.fullmatch(NAME, name):
            raise ValueError("use up to 64 letters, digits, dots, dashes and underscores, a letter or digit first")
        return name

    @field_validator("folder", mode="before")
    @classmethod
    def _local(cls, folder: Any) -> Any:
        url = bucket_url(folder) if isinstance(folder, str | Path) else None
        return local_copy(url) if url else folder

    @field_validator("folder")
    @classmethod
    def _expanded(cls, folder: Path) -> Path:
        return at_home(folder)

    @field_serializer("folder")
    def _as_written(self, folder: Path) -> str:
        return url_of(folder) or str(folder)

    @property
    def url(self) -> str | None:
        """The URL of the folder in object storage that `folder` is the local copy of; None where it is in none."""
        return url_of(self.folder)

    @field_validator("space", "recipe")
    @classmethod
    def _with_defaults(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if info.field_name == "recipe":
            return {**RECIPE_DEFAULTS, **absolute_paths(settings)}
        if "class" in settings:
            return settings
        return {**(CLASSIC_DEFAULTS if "base" in settings else SPACE_DEFAULTS), **settings}

    @field_validator("variants", mode="before", json_schema_input_type=dict[VariantName, dict[str, Any] | None])
    @classmethod
    def _as_the_space_is(cls, variants: Any) -> Any:
        """A variant without settings of its own, also where nothing stands behind its name."""
        found = variants.items() if isinstance(variants, dict) else ()
        return {name: {} if settings is None else settings for name, settings in found} or variants

    @field_validator("variants")
    @classmethod
    def _without_code(cls, variants: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, settings in variants.items():
            if not re.fullmatch(VARIANT_NAME, name):
                raise ValueError(
                    f"{name!r:.60}: a variant's name has 1 to 40 letters, digits, spaces and . _ -, and begins with a "
                    "letter or a digit"
                )
            if "class" in settings:
                raise ValueError(f"{name}: `class` is for `space`; a variant has settings over those of `space`")
        return variants

    @field_validator("code")
    @classmethod
    def _remembered(cls, code: list[Path] | None, info: ValidationInfo) -> list[Path] | None:
        """Absolute, so that the sweep is resumed from anywhere; the current folder only where it is needed."""
        named = NamedCode.of(_named(*(info.data.get(key) for key in ("space", "data", "search"))), ()).paths.values()
        if code is None and named:
            folder = (info.context or {}).get("folder", Path()).absolute()
            code = [folder] if all(find_module(path, [folder]) for path in named) else [folder, Path()]
        places = list(dict.fromkeys(at_home(folder).absolute() for folder in code or ()))
        if file := next((place for place in places if os.path.exists(place) and not os.path.isdir(place)), None):  # noqa: PTH110, PTH112 - these never raise
            raise ValueError(f"{file} is no folder")
        return code and places

    def of_variant(self, settings: Mapping[str, Any]) -> SweepConfig:
        """The config whose space has other settings, those of a variant of a question, over its own.

        Where they name a classic as `base`, and the space does not, nothing of the space is left.

        Args:
            settings: of the variant.
        """
        kept = {} if "base" in settings and "base" not in self.space else self.space
        return self.model_copy(update={"space": {**kept, **settings}}).trusting(self.trust, self.mistrust)

    def network_space(self) -> Space:
        """The networks the sweep may try, and those of the pretrained weights where the recipes name some.

        Raises:
            SpaceError: a setting that cannot be; names its key.
        """
        recipes = self.recipe_space()
        return (
            TransferSpace(self.untrained_space(), recipes, self.space.get("base"))
            if recipes.weights
            else self.untrained_space()
        )

    def samplers(self) -> Samplers:
        """What makes the sampler that proposes each trial's design.

        Raises:
            ConfigError: no such sampler, or it does not take its settings or several objectives.
        """
        from ..study import Samplers

        refuse_untrusted(self.named_code, "search.sampler", self.trust, self.mistrust)
        made = Samplers(self.search.sampler, self.search.seed, self.code or ())
        made.check_objectives(len(self.search.objectives))
        return made

    def untrained_space(self) -> Space:
        """The networks that the `space` section alone describes, whose training starts from random weights.

        Raises:
            SpaceError: a setting that cannot be; names its key.
            ConfigError: it names a class, and nobody said that it may run.
        """
        if "class" in self.space:
            refuse_untrusted(self.named_code, "space.class", self.trust, self.mistrust)
            settings = {key: value for key, value in self.space.items() if key != "class"}
            return CustomSpace(self.space["class"], settings, self.code or ())
        if "base" in self.space:
            return ClassicSpace(**self.space)
        return ConvSpace(**self.space)

    def recipe_space(self) -> RecipeSpace:
        """The training recipes the sweep may try.

        Raises:
            SpaceError: a setting that cannot be; names its key.
        """
        return RecipeSpace(**self.recipe)

    @property
    def timed(self) -> bool:
        """Whether a time budget may decide how long trials are: all that a question compares is equally long."""
        return self.search.seconds is not None and self.question is None

    @property
    def sweep_folder(self) -> Path:
        """The sweep's own folder, as an absolute path: the folder `name` in `folder`, whose links are followed."""
        return self.folder.resolve() / self.name

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI: `tracking.uri`, or the SQLite file mlflow.db in `folder` when that is not given."""
        return self.tracking.uri or f"sqlite:///{self.folder.resolve() / 'mlflow.db'}"

    def to_json(self) -> dict[str, Any]:
        """The config as plain values that JSON can hold, every default written out."""
        return self.model_dump(mode="json")


def _named(
    space: Mapping[str, Any] | None, data: DataConfig | None, search: SearchConfig | None
) -> dict[str, str | None]:
    """What may name code, by its key; of sections that are wrong nothing is known."""
    return {
        "space.class": space.get("class") if space else None,
        "data.name": data.name if data else None,
        "search.sampler": search.sampler_name if search else None,
    }
