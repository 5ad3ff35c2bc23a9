"""`convscape doctor` on this machine, and on a real cluster of two raylets."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.search.doctor import examination
from raylets import can_hide, raylets

if TYPE_CHECKING:
    from pathlib import Path


def doctor(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "convscape", "doctor", *arguments],
        cwd=folder, env=variables or None, capture_output=True, text=True, timeout=240, check=False,
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
@pytest.mark.skipif(not can_hide(), reason="a node with a file system of its own takes root")
def test_a_cluster_whose_node_sees_nothing_of_the_driver(tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    sweeps.mkdir()
    (tmp_path / "gpus.yaml").write_text("{name: gpus, data: {name: digits}, resources: {gpus: 0.5}}")
    with raylets(tmp_path) as cluster:
        cluster.node(2, "--num-gpus=1", hidden=[sweeps])
        ended = doctor(tmp_path, "--address", cluster.address, "-o", "json", **cluster.environment)
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
        head, node = found["nodes"]
        assert (head["head"], head["room"], node["room"], found["can_run"]) == (True, 0, 2, True)
        assert "training" not in levels(head["findings"])
        there = levels(node["findings"])
        assert (there["training"], there["checkpoints"], there["GPUs"]) == ("ok", "ok", "note")

        ended = doctor(tmp_path, "gpus.yaml", "--address", cluster.address, "-o", "json", **cluster.environment)
        found = json.loads(ended.stdout)
        assert (ended.returncode, found["can_run"]) == (4, False)
        assert levels(found["nodes"][1]["findings"])["GPUs"] == "wrong", "trials would get a GPU that is not there"
        (cluster.home / ".ray" / "auth_token").write_text("6" * 64)
        ended = doctor(tmp_path, "--address", cluster.address, **cluster.environment)
        assert ended.returncode == 4
        assert "does not take the token of this machine" in ended.stderr
    assert list(sweeps.iterdir()) == []


def test_an_address_where_nobody_answers_is_one_screen(tmp_path: Path) -> None:
    ended = doctor(tmp_path, "--address", "127.0.0.1:1")
    assert ended.returncode == 4
    assert "no Ray cluster at 127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
