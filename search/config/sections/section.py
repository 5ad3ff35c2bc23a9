"""What the sections of a sweep file share: a frozen section, and the kinds of values that several of them hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from ....spaces import bytes_from

if TYPE_CHECKING:
    from pathlib import Path


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


def whole_or_auto(low: int, high: int) -> BeforeValidator:
    """Reads a whole number from `low` to `high`, or "auto"."""

    def read(value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value != "auto" and not (whole and low <= value <= high):
            raise ValueError(f"it must be a whole number from {low} to {high:,}, or auto")
        return value

    written = Annotated[int, Field(ge=low, le=high)] | Literal["auto"]
    return BeforeValidator(read, json_schema_input_type=written)


class Section(BaseModel):
    """A section of a sweep file: frozen, and without unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("true and false are no value for it")
        return value


def at_home(path: Path) -> Path:
    """`path` with ~ written out."""
    if "\0" in str(path):
        raise ValueError("not a path: it holds a null character")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("no such user's home folder") from None
