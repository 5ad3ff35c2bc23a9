"""The list of a folder's sweeps: each in a line, damaged ones too."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from convscape import cli
from convscape.dashboards.text import sweep_lines, sweeps_table
from convscape.search import launch
from convscape.search.files import PROGRESS, read_sealed, write_sealed
from convscape.tests.tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps")
    launch(tiny(folder, "search.trials=1", "search.epochs=1"), progress=False)
    shutil.copytree(folder / "tiny", folder / "died")
    (folder / "died" / "heartbeat.json").unlink()
    shutil.copytree(folder / "tiny", folder / "damaged")
    (folder / "damaged" / "config.json").write_text("{")
    (folder / "notes").mkdir()
    return folder


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        cli.main(["list", *arguments])
    assert not caught.value.code
    return capsys.readouterr().out


def test_each_sweep_has_a_line(folder: Path) -> None:
    found = {line.name: line for line in sweep_lines(folder)}
    assert {name: line.state for name, line in found.items()} == {
        "tiny": "ended", "died": "died", "damaged": "unreadable",
    }  # fmt: skip
    assert found["tiny"].trials == 1
    assert found["tiny"].best is not None
    first, *rows = sweeps_table(list(found.values())).splitlines()
    assert first.split() == ["sweep", "state", "trials", "accuracy", "params", "last", "written"]
    assert len(rows) == 3
    assert "no config in JSON" in next(row for row in rows if row.startswith("damaged"))


def test_the_command_lists_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tiny" in typed(capsys, "--folder", str(folder))
    assert json.loads(typed(capsys, "--folder", str(folder), "-o", "json"))[0]["name"] == "tiny"
    assert typed(capsys, "--folder", str(tmp_path)) == f"No sweep in {tmp_path}.\n"
    monkeypatch.chdir(tmp_path)
    assert typed(capsys) == f"No sweep in {tmp_path / 'sweeps'}.\n", "nothing was launched here yet"
    with pytest.raises(SystemExit) as caught:
        cli.main(["list", "--folder", "nosuch"])
    assert caught.value.code == 4
    assert "there is no folder nosuch" in capsys.readouterr().err


def test_an_interrupted_sweep_has_the_trials_that_wait(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "tiny", tmp_path / "tiny")
    progress = read_sealed(path := tmp_path / "tiny" / PROGRESS)
    assert isinstance(progress, dict)
    write_sealed(path, progress | {"begun": 6, "ended": 0, "paused": 6})
    assert [line.trials for line in sweep_lines(tmp_path)] == [6]
