"""An export whose MLflow does not answer: it is there all the same, and what is said leads on."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.search import Sweep
from convscape.search.driver import launch
from convscape.search.files import LOOKS
from convscape.spaces import ExportError
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
    assert "Do it later: `convscape sync tiny --folder" in err


def test_what_cannot_be_registered_is_exported_all_the_same(export: Any, tmp_path: Path) -> None:
    code, told, err = export("--register", "digits", "--alias", "champion")
    assert code == 4
    assert bundle_files(tmp_path / "out") == sorted(told["files"])
    assert "Do it later: `convscape sync tiny --folder" in err
    assert "--register digits --alias champion" in err


def test_the_command_that_is_named_sends_the_sweep_and_its_export(
    export: Any, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, err = export("--register", "digits, 8x8")
    words = shlex.split(re.findall(r"`convscape (sync [^`]*)`", err)[-1])
    assert words[-2:] == ["--register", "digits, 8x8"]
    looks = (tmp_path / "tiny" / LOOKS).read_bytes()
    monkeypatch.undo()
    with pytest.raises(SystemExit) as caught:
        cli.main([*words, "--to", database])
    err = " ".join(capsys.readouterr().err.split())
    assert caught.value.code in (0, None), err
    assert "In MLflow: export/0000 among the artifacts of the sweep's run." in err
    assert "Version 1 of digits, 8x8 in MLflow" in err
    assert (tmp_path / "tiny" / LOOKS).read_bytes() == looks, "no test image is looked at again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda out: (out / "proof.json").write_text("{}"), "is no export of a sweep"),
        (lambda out: (out / "proof.json").unlink(), "is no export of a sweep"),
        (
            lambda out: (out / "proof.json").write_text('{"details": {"sweep": "other", "run": 0}}'),
            "of sweep other, not",
        ),
    ],
)
def test_what_is_no_export_of_the_sweep_is_not_sent(export: Any, tmp_path: Path, change: Any, said: str) -> None:
    export()
    change(tmp_path / "out")
    with pytest.raises(ExportError, match=said):
        Sweep.open("tiny", tmp_path).publish(tmp_path / "out")
