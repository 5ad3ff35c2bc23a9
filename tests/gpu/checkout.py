"""Makes this checkout importable as `convscape` for a process and its children, whatever is installed."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
"""The repository's root, which is the package."""
NEEDED = ("torch", "numpy", "safetensors", "pytest")


def missing() -> list[str]:
    """What is needed and not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


@contextmanager
def importable() -> Iterator[dict[str, str]]:
    """An environment for processes in which `convscape` is this checkout, and `gpu` this folder.

    Where lazy_loader is not installed, which every room's face needs, a stand-in of a few lines takes its place.
    """
    with tempfile.TemporaryDirectory(prefix="convscape-gpu-") as folder:
        (Path(folder) / "convscape").symlink_to(ROOT, target_is_directory=True)
        if find_spec("lazy_loader") is None:
            (Path(folder) / "lazy_loader.py").symlink_to(HERE / "lazy_stand_in.py")
        before = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([folder, str(TESTS), *([before] if before else [])])
        yield {**os.environ, "PYTHONPATH": path}
