"""What is sent to the nodes of a cluster: the package's own files and a person's modules, nothing that lies beside."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import convscape
import pytest
from convscape.search.workers.cluster import package as sending
from convscape.search.workers.cluster.package import own_files, packaged
from convscape.spaces import FOLDERS, SENT, SweepError

ROOT = Path(convscape.__file__).resolve().parent


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_what_is_sent_can_be_imported_and_is_convscape_alone() -> None:
    with packaged([]) as package:
        assert files(package) == set(map(str, own_files()))
        assert not {"tests", "benchmarks", "docs", ".git", ".venv"} & {path.name for path in package.iterdir()}
        program = "import convscape.search.config, convscape.search.scheduling as s; print(s.__file__)"
        found = subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONPATH": str(package.parent)}, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert found.stdout.startswith(str(package))
    assert not package.exists()


def test_of_folders_of_code_modules_alone_are_sent(tmp_path: Path) -> None:
    write(
        tmp_path, "mine.py", "lists/__init__.py", "lists/names.py", "fast.so", "bare/inner.py",
        ".env", "config.yaml", "token.json", "mine.pyc", "__pycache__/mine.cpython-311.pyc", ".git/hook.py",
        "env/pyvenv.cfg", "env/lib/other.py", "data-of-mine/other.py", "exported/model.py", "exported/proof.json",
    )  # fmt: skip
    (tmp_path / "lists" / "again").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    second = tmp_path / "lists"
    with packaged([tmp_path, second]) as package:
        sent = package / SENT.name
        assert json.loads((sent / FOLDERS).read_text()) == [str(tmp_path), str(second)]
        found = {"mine.py", "lists/__init__.py", "lists/names.py", "fast.so", "bare/inner.py"}
        assert files(sent / "0") == found
        assert {"__init__.py", "names.py"} <= files(sent / "1")


def test_what_is_installed_is_not_sent(tmp_path: Path) -> None:
    installed = Path(str(importlib.util.find_spec("optuna").origin)).parent  # pyright: ignore[reportOptionalMemberAccess]
    (tmp_path / "linked").symlink_to(installed)
    with packaged([installed.parent, tmp_path]) as package:
        assert files(package / SENT.name) == {FOLDERS}


@pytest.mark.parametrize("bound", ["MOST_FILES", "MOST_BYTES"])
def test_more_than_is_sent_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    write(tmp_path, *(f"module{number}.py" for number in range(6)), text="x = 1\n")
    monkeypatch.setattr(sending, bound, 5)
    with pytest.raises(SweepError, match="too much to be sent") as refused, packaged([tmp_path]):
        pass
    assert "name that in `code`" in str(refused.value)


def test_on_the_node_what_was_sent_is_imported_from_source_not_a_folder_of_that_path(tmp_path: Path) -> None:
    """Neither a module that the node has under the driver's path, nor what claims to be compiled from it."""
    write(tmp_path, "mine.py", text="import more\nclass Space: says = more.TEXT")
    write(tmp_path, "more.py", text="TEXT = 'sent'")
    program = (
        "import sys, pathlib, py_compile, convscape\n"
        "from convscape.spaces import ConfigError, import_object\n"
        "sent = pathlib.Path(convscape.__file__).parent / 'sent' / '0' / 'more.py'\n"
        "text = sent.read_text()\n"
        "sent.write_text(text.replace('sent', 'evil'))\n"
        "py_compile.compile(str(sent), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n"
        "sent.write_text(text)\n"
        f"print(import_object('mine.Space', 'class', [pathlib.Path({str(tmp_path)!r})], ConfigError).says)\n"
    )
    with packaged([tmp_path]) as package:
        write(tmp_path, "mine.py", text="class Space: says = 'the node has another'")
        found = subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONPATH": str(package.parent)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert found.stdout == "sent\n", found.stderr
