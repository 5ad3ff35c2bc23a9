"""What a run ran with: versions, the card, the checkout."""

from __future__ import annotations

import platform
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
        "torch": torch.__version__,
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


def _said(*command: str) -> str:
    """What a command prints; "unknown" where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
