"""What a shell completes, by the protocols that the shells speak, and that it never gets in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.commands import completion
from convscape.spaces import CLASSICS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sweeps and sweep files, to be in."""
    monkeypatch.chdir(tmp_path)
    for sweep in ("sweeps/digits", "sweeps/photos", "elsewhere/flowers", "sweeps/a b"):
        (tmp_path / sweep).mkdir(parents=True)
        (tmp_path / sweep / "config.json").write_text("{}")
    (tmp_path / "sweeps" / "no-sweep").mkdir()
    (tmp_path / "inner").mkdir()
    for file in ("try.yaml", "notes.txt", "$(touch pwned).yaml", "two words.yaml", ".hidden.yaml", "inner/deep.yml"):
        (tmp_path / file).write_text("")
    return tmp_path


def answer(shell: str, line: str, *python: str) -> subprocess.CompletedProcess[str]:
    words = line.split(" ")
    protocol = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    environment = {**os.environ, "_CONVSCAPE_COMPLETE": f"complete_{shell}", **protocol}
    command = [sys.executable, *python, "-m", "convscape"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("shell", "said"), [("bash", "digits\nphotos"), ("fish", "digits\nphotos"), ("zsh", '(("digits"\n"photos"))')]
)
def test_each_shell_is_answered(here: Path, shell: str, said: str) -> None:
    answered = answer(shell, "convscape status ")
    assert said in answered.stdout
    assert (answered.stderr, answered.returncode) == ("", 0)


def bash(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the command answers bash, in this process."""
    monkeypatch.setenv("_CONVSCAPE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    with pytest.raises(SystemExit):
        cli.main([])
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("convscape resume d", ["digits"]),
        ("convscape show --folder elsewhere ", ["flowers"]),
        ("convscape export --folder nowhere ", []),
        ("convscape launch ", ["inner/deep.yml", "try.yaml"]),
        ("convscape launch t", ["try.yaml"]),
        ("convscape launch inner/", ["inner/deep.yml"]),
        ("convscape sample ./t", ["./try.yaml"]),
        ("convscape launch nowhere/x", []),
        ("convscape describe vgg1", ["vgg11", "vgg13", "vgg16", "vgg19"]),
        ("convscape describe ", list(CLASSICS)),
        ("convscape describe INPUT", []),
        ("convscape sta", ["status"]),
        ("convscape launch --dr", ["--dry-run"]),
    ],
)
def test_what_comes_next(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, said: list[str]
) -> None:
    assert [each for each in bash(line, monkeypatch, capsys) if each] == said


def test_every_command_that_takes_a_sweep_completes_it() -> None:
    calls = {command.name: command.callback for command in cli.app.registered_commands}
    named = {
        name: str(call.__annotations__.get("name") or call.__annotations__.get("names"))
        for name, call in calls.items()
        if call
    }
    completed = {name for name, written in named.items() if written == "Name" or "sweep_names" in written}
    assert completed >= {"resume", "stop", "status", "show", "compare", "dashboard", "export", "sync"}


@pytest.mark.parametrize(
    "line", ["convscape nonsense x ", "convscape status --bad ", "convscape describe --batch x ", "convscape 'open "]
)
def test_nothing_is_said_of_what_is_wrong(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert not [each for each in bash(line, monkeypatch, capsys) if "rror" in each or "fault" in each]


def test_nothing_is_said_where_completing_fails(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(completion, "_inside", broken)
    assert bash("convscape status ", monkeypatch, capsys) == []
    monkeypatch.delenv("COMP_WORDS")
    with pytest.raises(SystemExit):
        cli.main([])
    assert capsys.readouterr() == ("", "")


def test_it_loads_nothing_heavy(here: Path) -> None:
    for line in ("convscape status ", "convscape launch ", "convscape describe "):
        loaded = answer("bash", line, "-X", "importtime").stderr
        assert "convscape.commands.completion" in loaded
        for heavy in ("torch", "pandas", "numpy", "optuna", "mlflow", "ray"):
            assert f" {heavy}\n" not in loaded, line


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_itself_completes(here: Path) -> None:
    """By the script that `--show-completion` prints."""
    command = here / "bin" / "convscape"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m convscape "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}
    asked = ["bash", "--norc", "-c", "convscape --show-completion bash; exit $?"]  # it looks which shell it runs in
    script = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout
    typed = (
        "COMP_WORDS=(convscape launch ''); COMP_CWORD=2; _convscape_completion convscape; printf '%s|' ${COMPREPLY[@]}"
    )
    shown = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\n{typed}"], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "inner/deep.yml|try.yaml|"
    assert not (here / "pwned").exists()
