"""Sweeps over spaces that are not the built-in one: a class of somebody's own, and a classic's variations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.search.config.schema import SweepConfig
from convscape.search.config.sweep_file import parse_sweep_file, read_sweep_file
from convscape.search.driver import launching
from convscape.search.proposals import DesignSpace
from convscape.search.sweep import Sweep
from convscape.spaces.classics.classic_space import DEFAULTS, ClassicSpace
from convscape.spaces.errors import SpaceError
from tiny_sweep import send_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = """
import os
from pathlib import Path

from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Conv, Flatten, Linear

with Path(__file__).with_name("imported").open("a") as file:
    file.write(f"{os.getpid()}\\n")

class Mine:
    def __init__(self, filters, fault=""):
        self.filters, self.fault = filters, fault

    def check(self, input):
        pass

    def sample(self, trial, input, classes):
        filters = trial.suggest_categorical("filters", self.filters)
        if self.fault == "some" and filters % 2 == 0:
            raise ValueError(f"{filters} is even")
        if self.fault == "all" or self.fault == "late" and trial.number > 0:
            return None
        return Architecture(input, (Conv(filters), Flatten(), Linear(classes)), classes)
"""
FILE = """
name: mine
data: {name: digits, train: 100, validation: 50}
space: {class: sweeps_own.Mine, filters: [1, 2, 3, 4, 5, 6]}
recipe: {learning_rate: 0.1, weight_decay: 0.0, batch_size: 64}
search: {finalists: 0, trials: 3, epochs: 2, reduction: 2}
resources: {runner: inline, precision: float32}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the sweep file and its module, not the current one; nothing is sent to MLflow."""
    send_nothing(monkeypatch)
    monkeypatch.setattr(sys, "path", list(sys.path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (tmp_path / "sweeps_own.py").write_text(MODULE)
    (tmp_path / "sweep.yaml").write_text(FILE + f"folder: {tmp_path / 'sweeps'}\n")
    yield tmp_path
    sys.modules.pop("sweeps_own", None)


def launch(here: Path, *overrides: str) -> Sweep:
    return launching.launch(here / "sweep.yaml", overrides=overrides, progress=False)


def counts(sweep: Sweep) -> tuple[int, int]:
    """Trials that were trained, and those that failed or were lost."""
    found = sweep.counts()
    return found["completed"] + found["stopped"], found["failed"] + found["unfinished"]


def test_a_launch_keeps_where_the_module_was_and_a_resume_finds_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = list(sys.path)
    sweep = launch(here)
    assert counts(sweep) == (3, 0)
    file = here / "sweeps" / "mine" / "config.json"
    config = json.loads(file.read_text())
    assert config["code"] == [str(here)]
    assert config["space"] == {"class": "sweeps_own.Mine", "filters": [1, 2, 3, 4, 5, 6]}

    config["search"]["trials"] = 5
    file.write_text(json.dumps(config))
    # as in another process, elsewhere
    sys.modules.pop("sweeps_own")
    sys.path[:] = path
    monkeypatch.chdir("/")
    assert counts(launching.resume("mine", here / "sweeps", progress=False)) == (5, 0)


@pytest.mark.slow
def test_another_process_resumes(here: Path) -> None:
    launch(here)
    command = [sys.executable, "-m", "convscape", "resume", "mine", "--folder", str(here / "sweeps"), "-o", "json",
               "--set", "search.trials=5"]  # fmt: skip
    ended = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["counts"]["completed"] >= 1
    assert len(set((here / "imported").read_text().split())) == 2


def test_without_the_module_a_sweep_is_shown_but_not_resumed(here: Path) -> None:
    launch(here)
    (here / "sweeps_own.py").unlink()
    sys.modules.pop("sweeps_own")
    sweep = Sweep.open("mine", here / "sweeps")
    assert len(sweep.summaries()) == 3
    with pytest.raises(SpaceError, match=r"space.class: sweeps_own.Mine: there is no module sweeps_own"):
        launching.resume("mine", here / "sweeps", overrides=["search.trials=9"], progress=False)


def test_a_class_at_fault_ends_the_launch_before_anything_is_written(here: Path) -> None:
    with pytest.raises(SpaceError, match=r"sweeps_own.Mine.sample\(\) returned a NoneType, not an Architecture"):
        launch(here, "space.fault=all")
    assert not (here / "sweeps").exists()


def test_a_proposal_at_fault_is_given_up_and_the_sweep_goes_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seed = next(n for n in range(9) if _first(here, n) % 2)  # so that the one looked at first is none of them
    sweep = launch(here, "space.fault=some", f"search.seed={seed}", "search.trials=9", "recipe.flip=false")
    assert counts(sweep) == (3, 0)
    assert {trial.notation.split(" -> ")[1] for trial in sweep.summaries()} == {"CONV3-1", "CONV3-3", "CONV3-5"}
    said = [line for line in caplog.text.splitlines() if "A proposal failed" in line]
    assert all("is even (sweeps_own.py, line 21)" in line for line in said)
    assert len(said) == len(set(said)) <= 3


def _first(here: Path, seed: int) -> int:
    config = read_sweep_file(here / "sweep.yaml", [f"search.seed={seed}"], trust="folders")
    (design,) = DesignSpace.of(config, (1, 8, 8), 10).draw(1, seed)
    return design.architecture.layers[0].filters  # pyright: ignore[reportAttributeAccessIssue]


def test_where_every_proposal_is_at_fault_the_sweep_ends_with_it(here: Path) -> None:
    config = read_sweep_file(here / "sweep.yaml", ["space.fault=late"], trust="folders")
    assert len(launching.launch(config, progress=False).summaries()) == 1
    faulty = config.model_copy(update={"space": {**config.space, "fault": "all"}, "name": "faulty"})
    with pytest.raises(SpaceError, match="returned a NoneType"):
        launching.launch(faulty, progress=False)


@pytest.mark.slow
def test_workers_do_without_the_class(here: Path) -> None:
    sweep = launch(here, "resources.runner=ray", "resources.workers=2")
    assert counts(sweep) == (3, 0)
    assert set((here / "imported").read_text().split()) == {str(os.getpid())}


def test_folders_are_remembered_where_code_of_ones_own_is_used() -> None:
    least = "name: a\ndata: {name: digits}\n"
    assert parse_sweep_file(least).code is None
    assert parse_sweep_file(least + "code: [lib, /opt]").code == [Path("lib").absolute(), Path("/opt")]
    own = parse_sweep_file("name: a\ndata: {name: my_data.read}\n", "sweeps/a.yaml")
    assert own.code == [Path("sweeps").absolute(), Path.cwd()]
    assert SweepConfig.model_validate(own.to_json()) == own
    assert parse_sweep_file("name: a\ndata: {name: my_data.read}\n").code == [Path.cwd()]


def test_a_mistake_of_the_class_names_the_line_of_the_file(here: Path) -> None:
    def refused(space: str) -> str:
        with pytest.raises(SpaceError) as caught:
            parse_sweep_file(
                f"name: a\ndata: {{name: digits}}\nspace:\n{space}", str(here / "sweep.yaml"), trust="folders"
            )
        return caught.value.message

    assert refused("  class: sweeps_own.Mein").startswith(
        f"{here}/sweep.yaml:4: space.class: sweeps_own.Mein: sweeps_own has no class Mein"
    )
    assert refused("  class: sweeps_own.Mine\n  filter: 3").startswith(
        f"{here}/sweep.yaml:5: space.filter: unknown key"
    )
    assert "missing 1 required positional argument: 'filters'" in refused("  class: sweeps_own.Mine")


def test_a_class_has_no_defaults_and_a_classic_its_own() -> None:
    space: dict[str, Any] = {"base": "vgg11", "width": [0.25, 0.5]}
    config = SweepConfig.model_validate({"name": "a", "data": {"name": "digits"}, "space": space})
    assert config.space == {**DEFAULTS, **space}
    assert isinstance(config.network_space(), ClassicSpace)
    assert SweepConfig.model_validate(config.to_json()) == config
    with pytest.raises(SpaceError, match=r"sweep.yaml:4: space.base: 'vgg12' is not known"):
        parse_sweep_file("name: a\ndata: {name: digits}\nspace:\n  base: vgg12")


def test_a_budget_no_variation_meets_is_found_at_the_start(here: Path) -> None:
    text = FILE.replace("{class: sweeps_own.Mine, filters: [1, 2, 3, 4, 5, 6]}", "{base: vgg11, width: [0.1, 0.2]}")
    (here / "sweep.yaml").write_text(text)
    with pytest.raises(SpaceError, match="budget: no"):
        launch(here, "budget.parameters=100")


def test_a_space_that_does_not_count_itself_prints_no_size(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed(*arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, str(here / "sweep.yaml"), "--trust-code"])
        assert not caught.value.code
        return capsys.readouterr().out

    lines = printed("sample").splitlines()
    assert len(lines) == 3
    assert all("INPUT[8x8x1] -> CONV3-" in line for line in lines)
    assert "\n# three networks of the space; nothing was kept\n" in printed("launch", "--dry-run")
    assert json.loads(printed("launch", "--dry-run", "-o", "json"))["size"] is None
    module = here / "sweeps_own.py"
    module.write_text(MODULE + "\n    def size(self, input):\n        return 6\n")
    sys.modules.pop("sweeps_own")
    assert printed("sample").startswith("# 6\n")
    assert "# the space: 6; three of them;" in printed("launch", "--dry-run")
    assert json.loads(printed("launch", "--dry-run", "-o", "json"))["size"] == "6"
