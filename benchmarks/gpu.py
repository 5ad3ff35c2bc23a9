"""What a GPU can do, what of it the training step gets, and what pays there: on one GPU, in some minutes.

Images a second of small, middle and large networks at 32x32 and 64x64 and of ResNet-18 at 224x224, in float32 and in
bfloat16, by turns in one run:
  floor   what the card could do: the FLOPs over its measured matrix rate, or the bytes over its measured bandwidth
  bare    the step on one batch that never changes: forward, backward, SGD; channels last
  ours    Training.run_epoch, its validation not counted
  loop    the plain PyTorch loop with a DataLoader, workers and pinned memory
and further several trials at a time on the one GPU, CUDA graphs, torch.compile, and several networks of one shape
trained as one. Where ours is slow beside the bare step, or the bare step beside the floor, a profile says why.

usage: python benchmarks/gpu.py [--device cuda|cpu] [--seconds N] [--quick]
It runs from a checkout as it is: torch, numpy and safetensors are enough. What time leaves out is listed, and what
failed, too. The last line is JSON; the exit status is 0 unless something failed. `--device cpu --quick` shows that it
runs, and nothing else.
"""

from __future__ import annotations

import ast
import importlib.util
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("torch", "numpy", "safetensors")


def attach_stub(package: str, file: str):
    """Stands in for lazy_loader's: the names of the `.pyi` beside `file` are imported when they are first used."""
    lines = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8")).body
    modules = {name.name: line.module for line in lines if isinstance(line, ast.ImportFrom) for name in line.names}

    def get(name: str):
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = modules[name]
        value = getattr(import_module(f"{package}.{module}"), name) if module else import_module(f"{package}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    for name, module in modules.items():
        if name == module:  # importing the module later would put it where its name's value belongs
            get(name)
    return get, lambda: sorted(modules), sorted(modules)


def use_this_checkout() -> None:
    """Makes the repository's root the package `convscape`, whatever its folder is called and whatever is installed."""
    try:
        import_module("lazy_loader")
    except ImportError:
        stand_in = ModuleType("lazy_loader")
        stand_in.attach_stub = attach_stub  # pyright: ignore[reportAttributeAccessIssue]
        sys.modules["lazy_loader"] = stand_in
    place = [str(ROOT)]
    spec = importlib.util.spec_from_file_location("convscape", ROOT / "__init__.py", submodule_search_locations=place)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["convscape"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["convscape"])


if sys.version_info < (3, 11):  # noqa: UP036 - machines with GPUs have what they have
    sys.exit("Convscape needs Python 3.11 or newer, and this is " + sys.version.split()[0])
if __name__ == "__mp_main__":  # by this name a process that is started imports this file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ended by the one who started it
if __name__ in ("__main__", "__mp_main__"):
    use_this_checkout()

if __name__ == "__main__":
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        sys.exit(f"{sys.executable} has no {', '.join(missing)}. Run this with a Python that has {', '.join(NEEDED)}.")
    from convscape.benchmarks.gpu.command import main

    sys.exit(main(__doc__))
