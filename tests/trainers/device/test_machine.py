"""What a process may take, by the control groups it is in. Files stand for the kernel's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.trainers.device import machine

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 64 GiB and 16 CPUs whose process is in a job of its own, by cgroups v2."""
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "ROOT", tmp_path / "fs")
    monkeypatch.setattr(machine.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 64 * GIB // 4096}.__getitem__)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    (tmp_path / "cgroup").write_text("0::/jobs/job7/step\n")
    (tmp_path / "fs" / "jobs" / "job7" / "step").mkdir(parents=True)
    return tmp_path / "fs"


def test_without_limits_all_is_there(root: Path) -> None:
    (root / "jobs" / "memory.max").write_text("max\n")
    (root / "jobs" / "cpu.max").write_text("max 100000\n")
    assert (machine.machine_memory(), machine.cpus_here()) == (64 * GIB, 16)
    assert machine.memory_for_images() == 16 * GIB
    assert machine.device_memory(torch.device("cpu"), 0.5) == int(0.3 * 64 * GIB)


@pytest.mark.parametrize("where", ["", "jobs", "jobs/job7", "jobs/job7/step"])
def test_the_limit_of_any_group_around_it_holds(root: Path, where: str) -> None:
    (root / where / "memory.max").write_text(f"{16 * GIB}\n")
    (root / where / "cpu.max").write_text("350000 100000\n")
    (root / "jobs" / "memory.current").write_text("1\n")
    assert (machine.machine_memory(), machine.cpus_here()) == (16 * GIB, 4)


def test_limits_of_other_groups_do_not(root: Path) -> None:
    (root / "jobs" / "job8").mkdir()
    (root / "jobs" / "job8" / "memory.max").write_text(f"{GIB}\n")
    (root.parent / "memory.max").write_text("1\n")
    assert machine.machine_memory() == 64 * GIB


def test_groups_of_the_first_version(root: Path) -> None:
    (root.parent / "cgroup").write_text("5:cpu,cpuacct:/\n4:memory:/docker/abc\n0::/\n")
    (root / "memory" / "docker" / "abc").mkdir(parents=True)
    (root / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (root / "memory" / "docker" / "abc" / "memory.limit_in_bytes").write_text(f"{2 * GIB}\n")
    assert machine.machine_memory() == 2 * GIB


def test_where_there_are_no_groups(root: Path) -> None:
    (root.parent / "cgroup").unlink()
    assert machine.machine_memory() == 64 * GIB


def test_of_a_gpu_each_process_has_less_by_what_cuda_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=8 * GIB))
    assert machine.device_memory(torch.device("cuda"), 0.25) == 2 * GIB - machine.CONTEXT
