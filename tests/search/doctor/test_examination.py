"""`convscape doctor` on this machine, and on a real cluster of two raylets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.search.doctor import examination

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = """
import os, sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
cluster.add_node(num_cpus=2, num_gpus=1)
print(cluster.address, flush=True)
sys.stdin.read()
for node in [*cluster.worker_nodes, cluster.head_node]:
    cluster.remove_node(node, allow_graceful=False)
"""


def doctor(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "convscape", "doctor", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def levels(findings: list[dict[str, Any]]) -> dict[str, str]:
    return {finding["check"]: finding["level"] for finding in findings}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However busy the machine is, nodes are waited for."""
    monkeypatch.setattr(examination, "SURVEYED", 300.0)
    monkeypatch.setattr(examination, "TRAINED", 300.0)
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", *arguments, "-o", "json"])
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_this_machine_alone(patient: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(capsys)
    assert (code, found["can_run"]) == (0, True)
    (node,) = found["nodes"]
    assert {"training", "clock", "checkpoints"} <= levels(node["findings"]).keys()
    assert set(levels(node["findings"]).values()) <= {"ok", "note"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_cluster_of_two_raylets(
    patient: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # of driver and raylets alike
    raylets = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert raylets.stdout is not None
        address = raylets.stdout.readline().strip()
        (tmp_path / "shared.yaml").write_text("{name: shared, data: {name: digits}, resources: {gpus: 0.5}}")
        code, found = told(capsys, "shared.yaml", "--address", address)
        head, node = found["nodes"]
        assert (head["head"], head["room"], node["room"]) == (True, 0, 2)
        assert "training" not in levels(head["findings"])
        assert levels(node["findings"])["training"] == "ok"
        assert levels(node["findings"])["GPUs"] == "wrong", "trials would get a GPU that is not there"
        assert (code, found["can_run"]) == (4, False)
    finally:
        raylets.communicate(timeout=120)


def test_an_address_where_nobody_answers_is_one_screen(tmp_path: Path) -> None:
    ended = doctor(tmp_path, "--address", "127.0.0.1:1")
    assert ended.returncode == 4
    assert "no Ray cluster at 127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
