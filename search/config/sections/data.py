"""The `data` section of a sweep file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, field_serializer, field_validator

from ....spaces import ConfigError, DataError, is_import_path
from ....trainers.data import known_name
from ...files import images_here, images_url
from .section import Amount, Bytes, Section, at_home


def _size(value: Any) -> Any:
    sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(type(side) is int and 4 <= side <= 1024 for side in sides):
        raise ValueError("it must be pixels from 4 to 1,024: 64, or [48, 96] for height 48 and width 96")
    return sides[0] if sides[0] == sides[1] else tuple(sides)


Size = Annotated[int | tuple[int, int], BeforeValidator(_size)]
"""Height and width of images in pixels, one number where they are equal."""


class DataConfig(Section):
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
        return root and at_home(root).absolute()

    @field_serializer("root")
    def _as_written(self, root: Path | None) -> str | None:
        return root and (images_url(root) or str(root))

    @property
    def url(self) -> str | None:
        """The URL of the folder in object storage that `root` is the local copy of; None where it is in none."""
        return self.root and images_url(self.root)
