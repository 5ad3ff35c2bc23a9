"""The batch script for Slurm, run by a real Slurm of this machine's own: `pytest -m slow tests/test_slurm.py`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import convscape
import pytest
from convscape.search import Sweep
from slurm import Slurm

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(convscape.__file__).parent
SWEEP = """
name: long
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: 4, kernel: 3, hidden: 0}
search: {finalists: 0, trials: 100000, epochs: 20, promotion: none, refit: false}
resources: {runner: ray, precision: float32}
"""


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    if why := Slurm.missing():
        pytest.skip(why)
    one = Slurm()
    try:
        if not one.ready():
            pytest.skip(f"Slurm does not start here: {(one.home / 'slurmctld.out').read_text()[-300:]}")
        yield one
    finally:
        one.stop()


def environment(folder: Path) -> Path:
    """A virtual environment as the script asks for: this one."""
    activate = folder / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    programs = Path(sys.executable).parent
    activate.write_text(f'export PATH="{programs}:$PATH" PYTHONPATH="{ROOT.parent}"\n')
    return folder


def trained(folder: Path) -> int:
    """Epochs that the sweep has trained so far; 0 where there is none yet."""
    try:
        return sum(record.epochs for record in Sweep.open("long", folder).trials())
    except convscape.ConvscapeError:
        return 0


@pytest.mark.slow
def test_before_the_time_limit_it_saves_is_queued_again_and_goes_on_by_itself(tmp_path: Path, slurm: Slurm) -> None:
    (tmp_path / "long.yaml").write_text(SWEEP)
    log = tmp_path / "job.log"
    small = ("--nodes=2", "--cpus-per-task=1", "--gpus-per-node=0", "--time=60", "--signal=B:USR1@90")
    script = ROOT / "examples" / "cluster" / "slurm.sh"
    submitted = slurm.run(
        "sbatch", "--parsable", *small, f"--chdir={tmp_path}", f"--output={log}", script, "long.yaml",
        CONVSCAPE_ENV=str(environment(tmp_path / "env")),
    )  # fmt: skip
    number = submitted.strip()
    until = time.monotonic() + 500
    saved = 0
    while time.monotonic() < until:  # however long this machine takes: the limit comes when something is trained
        job = slurm.job(number)
        if job["Restarts"] == "0" and job["JobState"] == "RUNNING":
            if trained(tmp_path / "sweeps") and job["TimeLimit"] == "01:00:00":
                hours, minutes, _ = map(int, job["RunTime"].split(":"))
                slurm.run("scontrol", "update", f"JobId={number}", f"TimeLimit={60 * hours + minutes + 2}")
        elif job["Restarts"] == "1":
            if job["TimeLimit"] != "01:00:00":
                slurm.run("scontrol", "update", f"JobId={number}", "TimeLimit=60")
            if saved and trained(tmp_path / "sweeps") > saved:
                break
            saved = saved or trained(tmp_path / "sweeps")
        assert job["JobState"] in {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED"}, log.read_text()
        time.sleep(1)
    said = log.read_text()
    assert "2 of 2 nodes have joined" in said
    assert "Finishing the running epochs and saving" in said
    assert "The time limit is near: saved, and queued again." in said
    assert trained(tmp_path / "sweeps") > saved > 0, said
    assert "token" not in said.lower()

    assert Sweep.open("long", tmp_path / "sweeps").stop()  # from another process: it ends with what it has
    while slurm.job(number)["JobState"] != "COMPLETED" and time.monotonic() < until + 60:
        time.sleep(1)
    assert slurm.job(number)["JobState"] == "COMPLETED", log.read_text()
    assert slurm.job(number)["Restarts"] == "1"
