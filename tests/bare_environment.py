"""A Python environment that has what an export's files need, and this project not: made of links, once a session."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

NEEDED = ("torch", "onnxruntime", "pillow", "numpy")
"""What runs model.py on pictures, model.pt2 and model.onnx."""


def make_environment(folder: Path) -> Path:
    """Makes the environment, and gives its Python.

    Packages are links to those installed here, so that nothing is downloaded; only NEEDED and what they need is there.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    packages = next(folder.glob("lib/python*/site-packages"))
    for found in _with_dependencies():
        for file in found.files or ():
            top = file.parts[0]
            if top in ("..", "__pycache__") or (packages / top).exists():
                continue
            (packages / top).symlink_to(Path(str(found.locate_file(top))))
    python = folder / "bin" / "python"
    kept_out = ("convscape", "mlflow", "ray", "safetensors")
    absent = f"import importlib.util as found; print([name for name in {kept_out} if found.find_spec(name)])"
    assert subprocess.check_output([python, "-I", "-c", absent], text=True).strip() == "[]"
    return python


def _with_dependencies() -> list[Distribution]:
    found: dict[str, Distribution] = {}
    waiting = list(NEEDED)
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:  # for another system, or an extra
            continue
        waiting += [re.split(r"[\s;<>=!~\[(]", each)[0] for each in found[key].requires or () if "extra ==" not in each]
    return list(found.values())


if __name__ == "__main__":
    print(make_environment(Path(sys.argv[1])))  # noqa: T201
