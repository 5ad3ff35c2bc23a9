"""What a run ran with: versions, the card, the checkout."""

from __future__ import annotations

import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version

from gpu.checkout import ROOT


def versions(device: str) -> dict[str, str]:
    """By name, what the checks run with.

    Args:
        device: as torch names it; the card is told where it is a GPU.
    """
    import torch

    found = {
        "python": platform.python_version(),
        "torch": f"{torch.__version__}{_below_the_bound(torch.__version__)}",
        "cuda": torch.version.cuda or "none",
        "cudnn": str(torch.backends.cudnn.version() or "none"),
        "driver": _said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").partition("\n")[0],
        "device": device,
        "card": "none",
    }
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        capability = f"{card.major}.{card.minor}"
        found["card"] = f"{card.name}, {card.total_memory / 2**30:.1f} GiB, compute capability {capability}"
    for package in ("numpy", "safetensors", "pytest", "triton", "lazy_loader"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    commit = _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = commit != "unknown" and _said("git", "-C", str(ROOT), "status", "--porcelain", "-uno") not in (
        "",
        "unknown",
    )
    return found | {"checkout": f"{commit}{' with changes' if changed else ''}"}


def _below_the_bound(torch: str) -> str:
    """Words where this version of PyTorch is older than the project asks for: what fails may be its fault."""
    needed = re.search(r'"torch>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    if needed is None or _numbers(torch) >= _numbers(needed[1]):
        return ""
    return f" (older than the {needed[1]} that is asked for)"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:2])


def _said(*command: str) -> str:
    """What a command prints; "unknown" where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
