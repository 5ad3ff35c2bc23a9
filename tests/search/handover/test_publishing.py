"""An export whose MLflow does not answer: it is there all the same, and what is said leads on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.search.driver import launch
from convscape.trainers.export import bundle_files
from servers import free_port
from tiny_sweep import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def export(
    tmp_path: Path, quiet: None, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Any, dict[str, Any], str]]:
    """`convscape export tiny --to OUT -o json`, of a sweep whose MLflow is a server that is not there."""
    launch(tiny(tmp_path, "search.trials=1", f"tracking.uri=http://127.0.0.1:{free_port()}"), progress=False)

    def command(*arguments: str) -> tuple[Any, dict[str, Any], str]:
        capsys.readouterr()
        words = ("export", "tiny", "--folder", tmp_path, "--to", tmp_path / "out", "--format", "none", "-o", "json")
        with pytest.raises(SystemExit) as caught:
            cli.main([*map(str, words), *arguments])
        out, err = capsys.readouterr()
        return caught.value.code or 0, json.loads(out), " ".join(err.split())

    return command


def test_it_is_exported_and_the_command_says_that_mlflow_has_it_not(export: Any, tmp_path: Path) -> None:
    code, told, err = export()
    assert code == 0
    assert bundle_files(tmp_path / "out") == sorted(told["files"])
    assert "Send the sweep's results first" in err
    assert "do it again later: `convscape export tiny" in err


def test_what_cannot_be_registered_is_exported_all_the_same(export: Any, tmp_path: Path) -> None:
    code, told, err = export("--register", "digits", "--alias", "champion")
    assert code == 4
    assert bundle_files(tmp_path / "out") == sorted(told["files"])
    assert "Send the sweep's results first" in err
    assert "do it again later: `convscape export tiny" in err
    assert "--register digits --alias champion" in err
