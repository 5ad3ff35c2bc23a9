"""The schema of sweep.yaml: what may be written there and what it means. `sweep_file` reads the file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_serializer,
    field_validator,
)

from ...spaces import Budget, ConfigError, CustomSpace, DataError, bytes_from, find_module, is_import_path
from ...spaces.classics import DEFAULTS as CLASSIC_DEFAULTS, ClassicSpace
from ...spaces.conv_space import DEFAULTS as SPACE_DEFAULTS, ConvSpace
from ...trainers.data import known_name
from ..files import bucket_url, images_here, images_url, local_copy, url_of
from ..records import Objective
from ..tracking import hide, uri_problem
from .initial_designs import Entries, Start  # noqa: TC001 - pydantic reads it
from .recipe_space import DEFAULTS as RECIPE_DEFAULTS, RecipeSpace, absolute_paths
from .transfer_space import TransferSpace
from .trust import NamedCode, Trust, refuse_untrusted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...spaces import Architecture, Space
    from ...trainers import Recipe
    from ..study import Samplers


NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a sweep's name may be, as a regular expression."""
LONGEST = 1e9
"""The most that `search.seconds` may be: thirty years."""
UNLIMITED = 1_000_000
"""The most that `search.trials` may be, and what it is where only the time limits a sweep."""


def _amount(value: Any) -> Any:
    if isinstance(value, float) and not 0 < value < 1:
        raise ValueError("give a whole number from 1 on, or a share between 0 and 1")
    return value


Amount = Annotated[
    Annotated[int, Field(ge=1, strict=True)] | Annotated[float, Field(gt=0, lt=1)], BeforeValidator(_amount)
]
"""A number of images, as a whole number from 1 on or as a share between 0 and 1."""
Bytes = Annotated[
    int,
    BeforeValidator(
        lambda value: bytes_from(value) if isinstance(value, str) else value,
        json_schema_input_type=Annotated[int, Field(ge=1)] | str,
    ),
    Field(ge=1),
]
"""A number of bytes, at least 1; a sweep file may also give a text such as "2 GB"."""


def _size(value: Any) -> Any:
    sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(type(side) is int and 4 <= side <= 1024 for side in sides):
        raise ValueError("it must be pixels from 4 to 1,024: 64, or [48, 96] for height 48 and width 96")
    return sides[0] if sides[0] == sides[1] else tuple(sides)


Size = Annotated[int | tuple[int, int], BeforeValidator(_size)]
"""Height and width of images in pixels, one number where they are equal."""


def _whole_or_auto(low: int, high: int) -> BeforeValidator:
    def read(value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value != "auto" and not (whole and low <= value <= high):
            raise ValueError(f"it must be a whole number from {low} to {high:,}, or auto")
        return value

    written = Annotated[int, Field(ge=low, le=high)] | Literal["auto"]
    return BeforeValidator(read, json_schema_input_type=written)


MOST_GPUS = 1024
"""Bound on the GPUs of a trial."""


def _gpus(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (number and 0 <= value <= MOST_GPUS):
        raise ValueError(f"it must be a number from 0 to {MOST_GPUS:,}, such as 0.25 or 1, or auto")
    return value


Gpus = Annotated[
    int | float | Literal["auto"],
    BeforeValidator(_gpus, json_schema_input_type=Annotated[float, Field(ge=0, le=MOST_GPUS)] | Literal["auto"]),
]
"""GPUs that a trial gets: a share of one, whole ones, or "auto": by the memory that it takes."""


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("true and false are no value for it")
        return value


class DataConfig(_Section):
    """The `data` section of a sweep file: which images, and how they are split into training and validation images."""

    name: str
    """A data set by name (digits, fashion-mnist, cifar10, …) or "folder": a folder of images a class."""
    root: Path | None = None
    """Folder in which the data set's files lie, relative to where the command is run, or its URL in object storage;
    the embedded digits need none. Of a URL it is the folder of this machine that the files are brought to."""
    train: Amount | None = None
    """Images to train on: a number, or a share below 1; all that are left when not given."""
    validation: Amount | None = None
    """Images the search is judged on: a number, or a share below 1; a fifth when not given."""
    size: Size | None = None
    """Height and width in pixels that images are brought to, as 64, or as [48, 96] where they differ; needed where
    images of a "folder" differ in size."""
    resize: Literal["crop", "pad", "stretch"] | None = None
    """What becomes of images of another shape than `size`: "crop" cuts off what is beside their middle, "pad" puts
    black beside them, "stretch" distorts them. When not given, a "folder" is cropped, all else stretched."""
    memory: Bytes | None = None
    """Most memory for images, in bytes or as "2 GB"; a quarter of the machine's when not given. A folder or a torch
    Dataset that comes to more is read anew each epoch, with the same result."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if not is_import_path(name):
            try:
                known_name(name)
            except DataError as error:
                problem = error.message.replace(f"data.name (={name!r})", f"data.name: {name!r:.80}")
                raise ValueError(ConfigError(problem, error.remedy, key="data.name")) from None
        return name

    @field_validator("root", mode="before")
    @classmethod
    def _here(cls, root: Any) -> Any:
        try:
            return images_here(root) if isinstance(root, str | Path) else root
        except ConfigError as error:
            raise ValueError(error) from None

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: Path | None) -> Path | None:
        return root and _at_home(root).absolute()

    @field_serializer("root")
    def _as_written(self, root: Path | None) -> str | None:
        return root and (images_url(root) or str(root))

    @property
    def url(self) -> str | None:
        """The URL of the folder in object storage that `root` is the local copy of; None where it is in none."""
        return self.root and images_url(self.root)


class SearchConfig(_Section):
    """The `search` section of a sweep file: how many trials, how they are proposed, promoted and compared."""

    seconds: float | None = Field(default=None, gt=0, le=LONGEST)
    """Time budget of one launch or resume, in seconds: past it nothing new starts and what runs ends with its epoch."""
    trials: int = Field(default=None, ge=1, le=UNLIMITED, validate_default=True)  # pyright: ignore[reportAssignmentType] - see `_until_the_time_is_up`
    """Networks to train; duplicates and designs over budget do not count. When not given, 50, or as many as
    `search.seconds` allow where that is given."""
    epochs: Annotated[int | Literal["auto"], _whole_or_auto(1, 100_000)] = "auto"
    """Epochs of a trial that is promoted to the end; "auto" chooses them by the time there is and what an epoch takes,
    or, without a time budget, by the number of images."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the sampler, of every initialisation and of the data split."""
    sampler: str | dict[str, Any] = "tpe"
    """How designs are proposed: tpe, random, qmc, gp, cmaes, nsga2 or an import path; with settings: {class: …, …}."""
    promotion: Literal["halving", "stopping", "none"] = "halving"
    """Which trials go on: "halving" pauses them at rungs and resumes the best (asynchronous successive halving);
    "stopping" ends at once those not among the best so far; "none" runs all to the end."""
    first_rung: Annotated[int | Literal["auto"], _whole_or_auto(1, 100_000)] = "auto"
    """Epochs after which a trial is first judged; "auto" is 1, and more with `epochs: auto` where epochs are short."""
    reduction: int = Field(default=3, ge=2, le=100)
    """Reduction factor of successive halving: one in so many trials of a rung is promoted to the next, which is so many
    times longer."""
    brackets: int = Field(default=1, ge=1, le=17)
    """Groups of trials, each first judged `reduction` times later than the one before, as in Hyperband."""
    objectives: tuple[Objective, ...] = ("accuracy",)
    """What is optimised: accuracy, or with it costs that are to be small: parameters, macs, memory, latency."""
    finalists: int = Field(default=3, ge=0, le=100)
    """At the end so many of the best trials are trained again from other seeds, and the best of the textbook's starts;
    the winner is the best on average. 0 leaves it out."""
    seeds: int = Field(default=3, ge=1, le=100)
    """Trainings of each finalist, each from another seed; the one in the search is among them, but counts in no mean.
    """
    cross_validate: bool = True
    """Where fewer than 1,000 validation images were cut from those to train on, each of a finalist's trainings trains
    and validates on another split of them, as in k-fold cross-validation: the mean counts more images."""
    refit: bool = True
    """Train the winner for the last time, on four fifths of the validation images, too, and hand that over. With
    `finalists: 0` there is no last time."""
    start: Start = "auto"
    """Designs trained before the sampler proposes its own: "auto" for the textbook's, or classics, notation, files, a
    former sweep's best; [] for none."""
    baselines: Entries = ()
    """Designs to compare with: classics, notation, files, a former sweep's best. They are trained first and to the full
    length, whatever promotion says, and are not counted in `trials`."""

    @field_validator("trials", mode="before")
    @classmethod
    def _until_the_time_is_up(cls, trials: object, info: ValidationInfo) -> object:
        return (UNLIMITED if info.data.get("seconds") else 50) if trials is None else trials

    @field_validator("sampler", mode="before")
    @classmethod
    def _named(cls, sampler: object) -> object:
        named = sampler.get("class") if isinstance(sampler, dict) else sampler
        if not isinstance(named, str):
            raise ValueError("a name, an import path, or {class: either, and settings}")
        return sampler

    @field_validator("objectives", mode="before", json_schema_input_type=Objective | list[Objective])
    @classmethod
    def _one_or_several(cls, objectives: object) -> object:
        return (objectives,) if isinstance(objectives, str) else objectives

    @property
    def sampler_name(self) -> str:
        """The name or import path of the sampler, without the settings that the sweep file may give it."""
        return self.sampler if isinstance(self.sampler, str) else self.sampler["class"]

    @field_validator("objectives")
    @classmethod
    def _accuracy_first(cls, objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
        if objectives[:1] != ("accuracy",) or len(set(objectives)) < len(objectives):
            raise ValueError("begin with accuracy, then name each cost once, as in [accuracy, macs]")
        return objectives

    @field_validator("first_rung")
    @classmethod
    def _within_the_epochs(cls, first_rung: int | str, info: ValidationInfo) -> int | str:
        epochs = info.data.get("epochs", first_rung)
        if "auto" not in (first_rung, epochs) and int(first_rung) > epochs and info.data.get("promotion") != "none":
            raise ValueError(f"trials end after {epochs} epochs: use at most {epochs}, or raise search.epochs")
        return first_rung

    @field_validator("brackets")
    @classmethod
    def _begin_within_the_epochs(cls, brackets: int, info: ValidationInfo) -> int:
        epochs, first, reduction = (info.data.get(key) for key in ("epochs", "first_rung", "reduction"))
        first = 1 if first == "auto" else first
        if epochs and epochs != "auto" and first and reduction and info.data.get("promotion") != "none":
            most = sum(first * reduction**bracket <= epochs for bracket in range(brackets))
            if most < brackets:
                raise ValueError(
                    f"bracket {most + 1} would first judge after {first * reduction**most} epochs, and trials end "
                    f"after {epochs}: use at most {most}, or raise search.epochs"
                )
        return brackets


class BudgetConfig(_Section):
    """The `budget` section of a sweep file: the most that a network may cost to be trained."""

    parameters: int | None = Field(default=None, ge=1)
    """Most parameters a network may have."""
    macs: int | None = Field(default=None, ge=1)
    """Most multiply-accumulates that one image's forward pass may take."""
    inference_memory: Bytes | None = None
    """Most memory that classifying one image may take, in bytes or as "2 GB"; counted in float32."""
    training_memory: Bytes | None = None
    """Most memory that a training step may take with the recipe's batch size and optimizer, in bytes or as "2 GB";
    counted in float32."""
    over_budget: Literal["reject", "shrink"] = "reject"
    """What becomes of a network over budget: "reject" does not train it, "shrink" scales its widths down to fit."""

    def exceeded(self, architecture: Architecture, recipe: Recipe) -> str:
        """What of the budget a network exceeds, as a sentence about the first limit; "" when nothing.

        Args:
            architecture: the network.
            recipe: how it is trained; batch size and optimizer decide the memory of a training step.
        """
        return self.limits.exceeded(architecture, batch_size=recipe.batch_size, optimizer=recipe.optimizer)

    def fitted(self, architecture: Architecture, recipe: Recipe) -> Architecture:
        """The network as it is to be trained: made narrower where it is over budget and `over_budget` is "shrink".

        A network that starts from pretrained weights stays as it is, since the weights have the widths they have. So
        does one that no narrowing brings within the budget.

        Args:
            architecture: the network as the space gave it.
            recipe: how it is trained; batch size and optimizer decide the memory of a training step.
        """
        if self.over_budget == "reject" or recipe.weights is not None:  # weights have the widths they have
            return architecture
        return self.limits.shrunk(architecture, batch_size=recipe.batch_size, optimizer=recipe.optimizer)

    @property
    def limits(self) -> Budget:
        """The limits alone, without what becomes of a network over budget."""
        return Budget(self.parameters, self.macs, self.inference_memory, self.training_memory)


class ResourcesConfig(_Section):
    """The `resources` section of a sweep file: where trials run, how many at a time, and what each of them gets."""

    workers: int | None = Field(default=None, ge=1)
    """Trials at a time; as many as the CPUs (or GPUs, where a trial needs one) allow when not given."""
    cpus: float = Field(default=1, gt=0)
    """CPUs a trial gets, and threads it uses."""
    gpus: Gpus = 0
    """GPUs a trial gets: a share such as 0.25, or whole ones; "auto" gives each a whole one, 1/2, 1/4 or 1/8 by the
    memory that its training takes, and CPUs in proportion."""
    epoch_seconds: float | None = Field(default=None, ge=0.001, le=1_000_000)
    """Most seconds an epoch may take; past them the worker is ended and counts as lost. No limit when not given."""
    runner: Literal["auto", "ray", "inline"] = "auto"
    """"ray" trains on warm workers of a cluster; "inline" in this process, on its CPU or GPU, a trial at a time; "auto"
    by Ray with `address`, `gpus`, `epoch_seconds`, or if several fit at a time and it is 25 s or more for one CPU."""
    address: str | None = None
    """Address of a running Ray cluster, "auto" on one of its nodes; a local one is started when not given."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the layers; "auto" measures which is faster once, when the sweep starts, and keeps to it."""
    compile: bool = False
    """Let torch.compile make each network's training step: seconds to minutes a trial, and faster steps thereafter."""
    cuda_graphs: bool = False
    """On a GPU, record each network's whole training step as one CUDA graph: small networks are bound by launches."""

    @field_validator("gpus")
    @classmethod
    def _share_or_whole(cls, gpus: float | Literal["auto"], info: ValidationInfo) -> float | Literal["auto"]:
        if gpus == "auto":
            if info.data.get("cpus", 1) != 1:
                raise ValueError(
                    "with it a trial's CPUs follow from its share of a GPU: leave resources.cpus out, or say 1"
                )
        elif gpus > 1 and gpus != int(gpus):
            raise ValueError("above one, GPUs are given whole")
        return gpus

    @field_validator("runner")
    @classmethod
    def _inline_is_this_process(cls, runner: str, info: ValidationInfo) -> str:
        gpus = info.data.get("gpus") or 0
        if runner == "inline" and gpus == "auto":
            raise ValueError("a trial at a time has the GPU to itself: use resources.gpus: 1, or `runner: ray`")
        if runner == "inline" and gpus != "auto" and gpus > 1:
            raise ValueError("a trial at a time trains on one GPU: resources.gpus up to 1, or use `runner: ray`")
        if runner == "inline" and info.data.get("epoch_seconds"):
            raise ValueError(
                "it has no worker that could be ended: leave resources.epoch_seconds out, or use `runner: ray`"
            )
        return runner

    @field_validator("address")
    @classmethod
    def _not_a_client(cls, address: str | None) -> str | None:
        if address and address.startswith("ray://"):
            raise ValueError("the driver must run on a node of the cluster: type the command there, with `auto`")
        return address


class TrackingConfig(_Section):
    """The `tracking` section of a sweep file: the MLflow store and the experiment that results are sent to."""

    uri: str | None = None
    """MLflow tracking URI; when not given MLFLOW_TRACKING_URI's, else a SQLite file in `folder`. `${NAME}` is what the
    environment has, `MLFLOW_TRACKING_…` or `CONVSCAPE_TRACKING_…`; a password that is written here is in no file."""

    @field_validator("uri")
    @classmethod
    def _of_a_store(cls, uri: str | None) -> str | None:
        if uri is not None and (problem := uri_problem(uri)):
            raise ValueError(problem)
        return uri and hide(uri)

    experiment: str = "convscape"
    """MLflow experiment that holds the sweep's runs; when not given MLFLOW_EXPERIMENT_NAME in the environment goes
    first."""

    @field_validator("experiment")
    @classmethod
    def _named(cls, experiment: str) -> str:
        if not experiment.strip():
            raise ValueError("MLflow has no experiment without a name: leave it out for 'convscape'")
        return experiment


class SweepConfig(_Section):
    """A whole sweep file, as a frozen value in which every default is filled in.

    >>> SweepConfig(name="try", data=DataConfig(name="digits")).search.trials
    50
    """

    name: str = Field(json_schema_extra={"pattern": f"^{NAME}$"})
    """Name of the sweep and of its own folder."""
    folder: Path = Path("sweeps")
    """The folder that holds the folders of sweeps, or its URL in object storage, such as s3://bucket/sweeps."""
    data: DataConfig
    space: Annotated[dict[str, Any], Field(validate_default=True)] = {}
    """Which networks: see `spaces.conv_space.ConvSpace`, or docs/spaces.md for a space of one's own."""
    recipe: Annotated[dict[str, Any], Field(validate_default=True)] = {}
    """Which training recipes: see `search.config.RecipeSpace`."""
    search: SearchConfig = SearchConfig()
    budget: BudgetConfig = BudgetConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()
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
        included = {"space": True, "data": True, "search": {"sampler"}}
        plain = self.model_dump(mode="json", include=included, exclude_none=True)
        settings = {
            "space.class": plain["space"],
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
        return _at_home(folder)

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

    @field_validator("code")
    @classmethod
    def _remembered(cls, code: list[Path] | None, info: ValidationInfo) -> list[Path] | None:
        """Absolute, so that the sweep is resumed from anywhere; the current folder only where it is needed."""
        named = NamedCode.of(_named(*(info.data.get(key) for key in ("space", "data", "search"))), ()).paths.values()
        if code is None and named:
            folder = (info.context or {}).get("folder", Path()).absolute()
            code = [folder] if all(find_module(path, [folder]) for path in named) else [folder, Path()]
        places = list(dict.fromkeys(_at_home(folder).absolute() for folder in code or ()))
        if file := next((place for place in places if os.path.exists(place) and not os.path.isdir(place)), None):  # noqa: PTH110, PTH112 - these never raise
            raise ValueError(f"{file} is no folder")
        return code and places

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


def _at_home(path: Path) -> Path:
    """`path` with ~ written out."""
    if "\0" in str(path):
        raise ValueError("not a path: it holds a null character")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("no such user's home folder") from None
