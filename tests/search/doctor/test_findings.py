"""What the answers of nodes come to: levels, remedies, and whether a sweep can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from convscape.dashboards.text import doctor_json, doctor_text
from convscape.search.config.schema import ResourcesConfig
from convscape.search.doctor.examination import trial_findings
from convscape.search.doctor.findings import Diagnosis, Finding, Level, NodeFindings
from convscape.search.doctor.folder import bucket_findings, marked
from convscape.search.doctor.nodes import node_findings
from convscape.search.doctor.versions import misfits
from convscape.search.tracking.probe import StoreProbe
from convscape.search.workers.cluster.node_processes import Clock
from convscape.search.workers.cluster.node_survey import small_training, survey
from convscape.search.workers.cluster.nodes import Answer, Node, trials_that_fit
from convscape.spaces.errors import SweepError
from fsspec.core import url_to_fs
from hypothesis import given, strategies as st

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = {
    "python": "3.11.7",
    "torch": "2.14.1",
    "ray": "2.60.0",
    "convscape": "0.1.0",
    "numpy": "2.4.1",
    "safetensors": "0.8.0",
    "optuna": "5",
    "mlflow": "3",
}
SAID = {
    "versions": VERSIONS, "unusable": {}, "memory": 2**34, "gpus": [], "temporary": "/ray", "free": 10**11,
    "seen": True, "written": "", "images": None,
}  # fmt: skip


def node(cpus: float = 4, gpus: float = 0, name: str = "a", *, head: bool = False) -> Node:
    return Node(id=name * 8, address="10.0.0.1", host=name, head=head, resources={"CPU": cpus, "GPU": gpus})


def found(
    at: Node, resources: ResourcesConfig | None = None, ahead: float = 0.0, **said: Any
) -> dict[str, tuple[Level, str]]:
    answer = Answer(node=at, value=SAID | said)
    clock = Clock(ahead=ahead, within=0.001)
    findings = node_findings(answer, VERSIONS, resources or ResourcesConfig(), clock, folder="/sweeps")
    assert all(bool(one.remedy) == (one.level is not Level.OK) for one in findings)
    return {one.check: (one.level, one.text) for one in findings}


def test_a_node_that_has_all_is_ok() -> None:
    assert {level for level, _ in found(node()).values()} == {Level.OK}


@pytest.mark.parametrize(
    ("said", "check", "level"),
    [
        ({"versions": VERSIONS | {"python": "3.10.2"}}, "Python", Level.WRONG),
        ({"versions": VERSIONS | {"python": "3.11.9"}}, "versions", Level.OK),
        ({"versions": VERSIONS | {"ray": "2.60.1"}}, "Ray", Level.WRONG),
        ({"versions": VERSIONS | {"numpy": "1.26.4"}}, "NumPy", Level.WRONG),
        ({"versions": VERSIONS | {"convscape": ""}}, "Convscape", Level.WRONG),
        ({"unusable": {"torch": "OSError: libcudart"}}, "torch", Level.WRONG),
        ({"seen": False}, "checkpoints", Level.OK),
        ({"written": "Permission denied"}, "checkpoints", Level.WRONG),
        ({"images": "it is not there"}, "images", Level.NOTE),
        ({"free": 10**9}, "disk", Level.NOTE),
        ({"free": 10**7}, "disk", Level.WRONG),
        ({"ahead": 120.0}, "clock", Level.NOTE),
        ({"ahead": -1.0}, "clock", Level.OK),
    ],
)
def test_what_is_amiss_is_told_and_is_a_note_where_no_trial_goes(said: Any, check: str, level: Level) -> None:
    assert found(node(), **said)[check][0] is level
    told = found(node(cpus=0), **said)
    assert all(one is not Level.WRONG for one, _ in told.values())
    assert told[check][0] is (Level.NOTE if level is Level.WRONG else level)


def test_gpus_that_ray_was_told_of_and_that_are_not_there() -> None:
    at = node(gpus=2)
    assert found(at)["GPUs"][0] is Level.NOTE
    assert found(at, ResourcesConfig(gpus=0.5))["GPUs"][0] is Level.WRONG
    gpus = [{"name": "H100", "memory": 80 * 2**30}] * 2
    there = found(at, ResourcesConfig(gpus=0.5), gpus=gpus)
    assert "GPUs" not in there
    assert "2 H100 of 80.0 GiB" in there["machine"][1]
    assert found(node(), gpus=gpus)["GPUs"] == (
        Level.NOTE, "PyTorch finds 2 here, Ray counts 0: trials get no others",
    )  # fmt: skip


def test_room_is_counted_a_node_at_a_time() -> None:
    nodes = [node(cpus=3), node(cpus=1), node(cpus=8, gpus=1)]
    assert [trials_that_fit(ResourcesConfig(cpus=2), each) for each in nodes] == [1, 0, 4]
    assert [trials_that_fit(ResourcesConfig(gpus=0.25), each) for each in nodes] == [0, 0, 4]
    (fits,) = trial_findings(nodes, ResourcesConfig(cpus=2))
    assert (fits.level, fits.text) == (Level.OK, "5 at a time, of 2 CPU each")
    (shared,) = trial_findings([node(4, 2), node(1)], ResourcesConfig(gpus="auto"))
    assert (shared.level, shared.text) == (Level.OK, "up to 16 at a time, of an eighth of a GPU or more each")
    (no_gpu,) = trial_findings([node(4)], ResourcesConfig(gpus="auto", address="auto", workers=4))
    assert no_gpu.level is Level.NOTE
    (no_gpu,) = trial_findings([node(4)], ResourcesConfig(gpus="auto", address="auto"))
    assert no_gpu.level is Level.WRONG, "nobody said how many trials: it waits for no node"
    (none,) = trial_findings(nodes, ResourcesConfig(cpus=16))
    assert none.level is Level.WRONG
    (waits,) = trial_findings([], ResourcesConfig(address="auto", workers=4))
    assert waits.level is Level.NOTE


def test_misfits_name_what_must_be_the_same() -> None:
    assert misfits(VERSIONS, VERSIONS | {"torch": "2.14.0+cu130", "optuna": "", "mlflow": ""}) == []
    assert misfits(VERSIONS, VERSIONS | {"torch": "2.13.9", "convscape": "0.1.1"}) == ["torch", "convscape"]


findings = st.builds(
    Finding,
    check=st.sampled_from(["disk", "clock"]),
    level=st.sampled_from(Level),
    text=st.sampled_from(["free in /sweeps", "from the driver's clock"]),
    remedy=st.sampled_from(["", "Make room there."]),
    amount=st.none() | st.floats(0, 1e15),
    unit=st.sampled_from(["bytes", "seconds"]),
)
node_values = st.builds(
    NodeFindings,
    id=st.text("0123456789abcdef", min_size=8, max_size=8),
    address=st.just("10.0.0.1"),
    host=st.just("a"),
    head=st.booleans(),
    cpus=st.integers(0, 4).map(float),
    gpus=st.integers(0, 1).map(float),
    room=st.integers(0, 4),
    findings=st.lists(findings, max_size=4).map(tuple),
)
several = st.lists(findings, max_size=3).map(tuple)


@given(st.builds(Diagnosis, place=st.just("this machine"), driver=several, trials=several,
                 nodes=st.lists(node_values, max_size=4).map(tuple)))  # fmt: skip
def test_whatever_is_wrong_anywhere_no_sweep_can_run_and_the_last_line_says_so(diagnosis: Diagnosis) -> None:
    wrong = any(one.level is Level.WRONG for one in diagnosis.findings)
    assert diagnosis.can_run is not wrong
    text = doctor_text(diagnosis)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert ("\nNo sweep can run on this machine" in text) is wrong
    assert ("\n  wrong " in text) is wrong
    assert doctor_json(diagnosis)["can_run"] is not wrong


def test_nodes_that_differ_in_figures_alone_share_a_block() -> None:
    def of(name: str, free: float, level: Level = Level.OK) -> NodeFindings:
        disk = Finding(check="disk", level=level, text="free in /tmp/ray", amount=free, unit="bytes")
        return NodeFindings(
            id=name * 8, address=f"10.0.0.{name}", host=f"n{name}", head=False, cpus=2, gpus=0, room=2, findings=(disk,)
        )

    nodes = (of("1", 2**34), of("2", 2**35), of("3", 2**20, Level.WRONG))
    text = doctor_text(Diagnosis(place="the cluster at auto", driver=(), nodes=nodes, trials=()))
    assert "2 nodes (2 CPU as Ray counts, room for 2 trials): n1 10.0.0.1, n2 10.0.0.2" in text
    assert "16.0 GiB to 32.0 GiB free in /tmp/ray" in text
    assert "node n3 10.0.0.3" in text


def test_the_survey_and_the_training_run_here(tmp_path: Path) -> None:
    with marked(tmp_path / "new" / "sweeps") as (file, text):
        said = survey()(str(file), text, str(tmp_path / "none"))
        assert (said["seen"], said["written"], bool(said["images"])) == (True, "", True)
        assert survey()(str(file), text, str(tmp_path))["images"] == ""
        system, root = url_to_fs(f"memory://{tmp_path.name}/photos")
        assert survey()(str(file), text, f"memory://{tmp_path.name}/photos")["images"].startswith("FileNotFoundError")
        system.pipe_file(f"{root}/a/1.png", b"")
        assert survey()(str(file), text, f"memory://{tmp_path.name}/photos")["images"] == ""
        assert survey()(str(file), "another file's", None)["seen"] is False
    assert list(tmp_path.iterdir()) == []
    assert said["versions"]["convscape"] == "0.1.0"
    assert small_training()("cpu")["accuracy"] > 0.5


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot be written"), marked(tmp_path / "file" / "sweeps"):
        pass


def test_a_store_is_asked_and_keeps_nothing(tmp_path: Path) -> None:
    assert StoreProbe(f"sqlite:///{tmp_path / 'none' / 'mlflow.db'}").problem(60) == ""
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "other.db").write_text("no database, but a text that is long enough to be looked at " * 20)
    assert "no database of MLflow's" in StoreProbe(f"sqlite:///{tmp_path / 'other.db'}").problem(60)


def test_a_bucket_is_tried_and_wants_a_store_of_its_own(tmp_path: Path) -> None:
    url = (tmp_path / "shared").as_uri()
    assert bucket_findings(None, None) == []
    assert [found.level for found in bucket_findings(url, "http://server")] == [Level.OK]
    assert [found.level for found in bucket_findings(url, None)] == [Level.OK, Level.WRONG]
    (tmp_path / "shared").rmdir()
    (tmp_path / "shared").write_text("no folder")
    (found,) = bucket_findings(url, "http://server")
    assert found.level is Level.WRONG
    assert found.remedy
