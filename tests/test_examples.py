"""The sweep files people start from."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import convscape
import pytest
from convscape.search.config import sweep_file
from convscape.search.config.data import load_data
from convscape.search.driver import launching
from convscape.search.driver.preflight import check_designs
from convscape.search.proposals import DesignSpace
from convscape.spaces.tracing import trace
from tiny_sweep import send_nothing

EXAMPLES = Path(convscape.__file__).parent / "examples"
NOTEBOOK = json.loads((EXAMPLES / "notebook.ipynb").read_text())
FILES = sorted(EXAMPLES.glob("*.yaml"))
IMAGES = {"digits": (1, 8, 8), "fashion-mnist": (1, 28, 28), "own-space": (1, 8, 8)}


def test_there_are_the_agreed_ones() -> None:
    assert {f"{name}.yaml" for name in IMAGES} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_is_read_and_goes_by_its_file_s_name(file: Path) -> None:
    assert sweep_file.read_sweep_file(file, trust="folders").name == file.stem


@pytest.mark.parametrize("name", IMAGES)
def test_an_example_samples_networks_for_its_images(name: str) -> None:
    sweep = sweep_file.read_sweep_file(EXAMPLES / f"{name}.yaml", trust="folders")
    designs = list(DesignSpace.of(sweep, IMAGES[name], 10).draw(50, sweep.search.seed))
    assert len({design.key for design in designs}) > 40
    for design in designs:
        output = trace(design.architecture.layers, IMAGES[name], design.architecture.fit)[-1].output
        assert output in ((10,), (10, 1, 1))


def test_the_digits_need_nothing_but_what_is_installed() -> None:
    sweep = sweep_file.read_sweep_file(EXAMPLES / "digits.yaml")
    dataset = load_data(sweep)
    assert dataset.input == IMAGES["digits"]
    check_designs(sweep, DesignSpace.for_images(sweep, dataset))


def test_a_space_of_one_s_own_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send_nothing(monkeypatch)
    monkeypatch.chdir(tmp_path)
    shorter = ["search.trials=3", "search.epochs=1", "data.train=200", f"folder={tmp_path}"]
    shorter.append("space.squeeze=8")  # some that are squeezed to four maps are dead from the start
    sweep = launching.launch(EXAMPLES / "own-space.yaml", overrides=shorter, progress=False)
    assert len(sweep.summaries()) == 3
    assert "PARALLEL" in sweep.best.notation


def shown(code: str, names: dict[str, Any]) -> Any:
    """Runs a cell, and gives the value that a notebook shows below it."""
    *before, last = ast.parse(code).body
    whole = not isinstance(last, ast.Expr)
    exec(compile(ast.Module([*before, last] if whole else before, []), "cell", "exec"), names)  # noqa: S102
    return None if whole else eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    values = [shown(cell, names) for cell in cells]
    sweep, table, best, network, importances, *_, same, measured = values
    assert "<table>" in sweep._repr_html_()
    assert len(table) == 5
    assert best.notation in network._repr_html_().replace("&gt;", ">")
    assert {each.share for each in importances} == {None}
    assert same is True
    assert measured[0] > 0.5
    assert (tmp_path / "exported" / "notebook" / "model.py").exists()


def test_the_notebook_keeps_no_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"]] == []
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
