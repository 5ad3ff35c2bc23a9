"""What the checks have in common: the device, and figures for the table."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
import torch
from gpu.results import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS cannot compute deterministically
NONE = "no GPU here; `python tests/gpu --device cpu` runs the checks' logic"


@pytest.fixture(scope="session")
def device() -> str:
    """The device to check: "cuda", or what `python tests/gpu --device` says."""
    asked = os.environ.get("GPU_DEVICE")
    if asked is None and not torch.cuda.is_available():
        pytest.skip(NONE)
    return asked or "cuda"


@pytest.fixture(scope="session", autouse=True)
def few_threads() -> Iterator[None]:
    """Small networks are faster on few threads, and so are the CPU's own steps that others are compared with."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if os.environ.get("GPU_DEVICE") == "cpu" else min(4, before))
    yield
    torch.set_num_threads(before)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Has a number told in the table: `figure(name, value, unit)`."""

    def tell(name: str, value: float, unit: str = "") -> None:
        request.node.user_properties.append(("figure", asdict(Figure(name=name, value=float(value), unit=unit))))

    return tell


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Products in float32 as float32: TF32, which cuDNN takes by default, has 10 bits of mantissa."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.fixture
def deterministic() -> Iterator[None]:
    """PyTorch's deterministic algorithms; an operation that has none warns."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(mode=False)
