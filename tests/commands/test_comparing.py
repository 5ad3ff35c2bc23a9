"""`compare` over several sweeps: as a table, JSON, CSV and a page."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import convscape
import pandas as pd
import pytest
from convscape.benchmarks.page.large_sweep import make_sweep
from convscape.cli import main
from convscape.search import Sweep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps")
    make_sweep(folder, 12, name="one")
    make_sweep(folder, 8, name="two")
    return folder


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["compare", *arguments, "--folder", str(folder)])
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


def test_several_sweeps_are_a_line_each_and_their_best_trials(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, folder, "one", "two", "-n", "3")
    assert code == 0
    best = [f"{Sweep.open(name, folder).best.accuracy:.4f}" for name in ("one", "two")]
    first = {line.split()[0]: line for line in out.splitlines()[2:4]}
    assert best[0] in first["one"]
    assert best[1] in first["two"]
    assert f"\n{max(best)}" not in out
    assert "… and 17 more, which `-n 20` shows" in out
    assert "sweeps of other data do not compare" in out


def test_json_has_each_sweep_with_its_trials_best_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, folder, "one", "two", "-o", "json")[1])
    assert [(each["name"], each["state"]) for each in told["sweeps"]] == [("one", "ended"), ("two", "ended")]
    for each in told["sweeps"]:
        assert [trial["rank"] for trial in each["trials"]] == list(range(1, len(each["trials"]) + 1))
    assert [trial["trial"] for trial in told["sweeps"][0]["trials"]] == [
        row.trial for row in Sweep.open("one", folder).summaries()
    ]


def test_csv_is_the_frame_of_the_python_function(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv(io.StringIO(run(capsys, folder, "one", "two", "-o", "csv")[1]))
    ours = convscape.compare(["one", "two"], folder)
    assert list(frame.columns) == list(ours.columns)
    assert frame["accuracy"].tolist() == pytest.approx(ours["accuracy"].tolist())
    assert frame["sweep"].tolist() == ["one"] * 12 + ["two"] * 8
    assert convscape.compare("one", folder)["trial"].tolist() == list(range(12))


def test_a_page_is_written_and_where_it_cannot_be_that_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, folder, "one", "--html", str(tmp_path / "page.html"))
    assert (code, out, err) == (0, "", f"Written: {tmp_path / 'page.html'}\n")
    assert "<title>one · Convscape</title>" in (tmp_path / "page.html").read_text()
    code, _, err = run(capsys, folder, "one", "--html", str(tmp_path / "nix/page.html"))
    assert code == 4
    assert "cannot be written: No such file or directory" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which sweep?"),
        (["one", "three"], "no sweep 'three'"),
        (["one", "--experiment", "x"], "--experiment: it is in a store of MLflow"),
        (["one", "--uri", "nonsense"], "--uri nonsense: begin with sqlite:///"),
        (["one", "--uri", "http://127.0.0.1:1"], "does not answer"),
        (["one", "--html", "x.html", "--address", "http://127.0.0.1:1"], "would be written at http://127.0.0.1:1"),
    ],
)
def test_bad_input_is_told(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    code, _, err = run(capsys, folder, *arguments)
    assert code in (2, 4)
    assert said in err
