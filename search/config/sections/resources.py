"""The `resources` section of a sweep file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from .section import Section

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


class ResourcesConfig(Section):
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
