"""What this process may take of its machine, by the limits it runs under: CPUs, memory and the memory of devices."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

IMAGES = 4
"""One part in so many of the machine's memory is for images: Ray's object store has a third of it, and loading needs
them twice."""
ON_THE_CPU = 0.6
"""Share of a machine's memory for trainings on its CPUs: the object store has up to a third, the system the rest."""
CONTEXT = 512 * 2**20
"""Bytes of a GPU that each process takes beside PyTorch's allocator, for CUDA's context and libraries."""
UNTOLD = 8 * 2**30
"""Bytes of memory that a machine is taken to have where Python cannot tell, as on Windows."""
GROUPS, ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
CPU = Path("/proc/cpuinfo")


def cpus_here() -> int:
    """CPUs this process may use: by its affinity, and by the quota of its container or job (cgroups v2)."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _groups():
        quota = _read(group / "cpu.max").split()
        if len(quota) == 2 and all(part.isdecimal() for part in quota):
            known = min(known, max(1, math.ceil(int(quota[0]) / int(quota[1]))))
    return known


def processor() -> str:
    """What this machine's processor is called, as the system says it."""
    named = next((line for line in _read(CPU).splitlines() if line.startswith("model name")), "")
    return named.partition(":")[2].strip() or platform.processor() or platform.machine()


def gpus_here() -> int:
    """GPUs that PyTorch finds on this machine."""
    import torch  # here, for start-up

    return torch.cuda.device_count()


def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container or job where that has less."""
    told = hasattr(os, "sysconf")
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if told else UNTOLD]
    files = (file for group in _groups() for file in (group / "memory.max", group / "memory.limit_in_bytes"))
    return min([*limits, *(int(text) for text in map(_read, files) if text.isdecimal())])


def memory_for_images() -> int:
    """Bytes of images that are kept in memory where nobody says how many: one part in IMAGES of the machine's."""
    return machine_memory() // IMAGES


def device_memory(device: torch.device, share: float = 1.0) -> int:
    """Bytes that a training may take of a device, whatever is free now: curves can be repeated.

    On a GPU that is a share of its memory less CUDA's own, on the CPU a share of ON_THE_CPU of the machine's.

    Args:
        device: a GPU or the CPU.
        share: of the device for this training, 0 to 1.
    """
    if device.type == "cuda":
        import torch  # here, for start-up

        return max(0, int(torch.cuda.get_device_properties(device).total_memory * share) - CONTEXT)
    return int(machine_memory() * ON_THE_CPU * share)


def _groups() -> Iterator[Path]:
    """Folders of the control groups this process is in (cgroups v2 and v1), and of those around them."""
    for line in _read(GROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        top = ROOT if not controllers else ROOT / controllers
        group = top / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(top))


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
