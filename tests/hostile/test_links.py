"""Links in a prepared folder: nothing is written, emptied, appended to or deleted where they lead."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search import Sweep, launch, resume
from convscape.search.tracking import sync
from convscape.spaces import ExportError, SweepError
from convscape.tests.tiny_sweep import tiny
from convscape.trainers.export import bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet")
THEIRS = "a thesis"
"""What stands in the file that nobody may touch."""


@pytest.fixture
def prepared(swept: Path, tmp_path: Path) -> Path:
    """A sweep's folder like the one that was launched, to be prepared."""
    os.system(f"cp -r {swept} {tmp_path / 'sweeps'}")  # noqa: S605 - fast, and links as they are
    return tmp_path / "sweeps" / "tiny"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file elsewhere."""
    path = tmp_path / "thesis.txt"
    path.write_text(THEIRS)
    return path


NAMES = (
    "lock", "spool.jsonl", "study.jsonl", "uploaded.jsonl", "upload.lock", ".config.json", ".heartbeat.json",
    "heartbeat.json", "trials/00000/best.json", "trials/00000/epoch-0001/tensors.safetensors", "trials/00001",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_written_through_a_link(prepared: Path, outside: Path, name: str) -> None:
    path = prepared / name
    path.unlink(missing_ok=True)
    path.symlink_to(outside)
    with pytest.raises(SweepError, match=r"is a link, and what is written there would go elsewhere"):
        resume("tiny", prepared.parent, progress=False)
    assert outside.read_text() == THEIRS


@pytest.mark.parametrize("name", NAMES[:5])
def test_nothing_is_sent_or_exported_from_such_a_folder(prepared: Path, outside: Path, name: str) -> None:
    (prepared / name).unlink(missing_ok=True)
    (prepared / name).symlink_to(outside)
    calls: list[Callable[[], Any]] = [lambda: sync(prepared), lambda: Sweep.open("tiny", prepared.parent)]
    for call in calls:
        with pytest.raises(SweepError, match="is a link"):
            call()
    assert outside.read_text() == THEIRS


def test_a_pipe_is_no_file(prepared: Path) -> None:
    os.mkfifo(prepared / "notes.json")
    with pytest.raises(SweepError, match=r"notes.json is no file"):
        resume("tiny", prepared.parent, progress=False)


def test_a_sweep_s_folder_is_no_link_but_what_is_above_it_may_be(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tiny").symlink_to(prepared)
    with pytest.raises(SweepError, match="is a link"):
        launch(tiny(tmp_path / "other"), replace=True, progress=False)
    assert (prepared / "config.json").exists()
    (tmp_path / "scratch").symlink_to(prepared.parent)
    assert Sweep.open("tiny", tmp_path / "scratch").trials()
    resume("tiny", tmp_path / "scratch", progress=False)


@pytest.mark.parametrize("name", ["../sweeps/tiny", "/home", "..", "", "a/b", "tiny\n"])
def test_a_path_is_no_name(prepared: Path, name: str) -> None:
    with pytest.raises(SweepError, match="is no name of a sweep"):
        Sweep.open(name, prepared.parent)


def test_a_copied_folder_goes_by_its_own_name(prepared: Path) -> None:
    prepared.rename(prepared.with_name("copy"))
    assert Sweep.open("copy", prepared.parent).name == "copy"


@pytest.fixture
def exported(swept: Path, tmp_path: Path) -> Path:
    Sweep.open("tiny", swept).export(tmp_path / "out", formats=(), insight=False)
    return tmp_path / "out"


def again(swept: Path, to: Path) -> None:
    Sweep.open("tiny", swept).export(to, formats=(), insight=False)


def test_an_export_replaces_what_it_wrote(swept: Path, exported: Path) -> None:
    (exported / "__pycache__").mkdir()
    (exported / "__pycache__" / "model.cpython-311.pyc").touch()
    before = {file: file.stat() for file in exported.iterdir() if file.is_file()}
    again(swept, exported)
    assert before
    assert all(file.stat().st_mtime_ns > was.st_mtime_ns for file, was in before.items())


def test_an_export_replaces_one_of_an_earlier_version(swept: Path, exported: Path) -> None:
    proof = json.loads((exported / "proof.json").read_text())
    del proof["seal"]
    proof["format"] = "convscape-export/1"
    (exported / "proof.json").write_text(json.dumps(proof, indent=1))
    again(swept, exported)
    assert "seal" in json.loads((exported / "proof.json").read_text())


@pytest.mark.parametrize(("name", "new"), [("model.py", "mine"), ("proof.json", '"images": 5')])
def test_a_file_that_was_changed_is_kept(swept: Path, exported: Path, name: str, new: str) -> None:
    changed = re.sub(r'"images": \d+', new, (exported / name).read_text()) if name == "proof.json" else new
    (exported / name).write_text(changed)
    with pytest.raises(ExportError, match=f"{name} was changed since it was written"):
        again(swept, exported)
    assert (exported / name).read_text() == changed


FORGED = [None, [], {}, {"thesis.txt": 1}, {"thesis.txt": hashlib.sha256(THEIRS.encode()).hexdigest()}, "x", 3]


@pytest.mark.parametrize("content", FORGED)
def test_a_forged_proof_gives_no_right_to_delete(swept: Path, tmp_path: Path, content: object) -> None:
    thesis = tmp_path / "out" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text(THEIRS)
    proof = {"format": "convscape-export/1", "sha256": content}
    (tmp_path / "out" / "proof.json").write_text(json.dumps(proof))
    with pytest.raises(ExportError, match="which no export wrote"):
        again(swept, tmp_path / "out")
    assert thesis.read_text() == THEIRS


@pytest.mark.parametrize("name", ["__pycache__", "__pycache__/thesis.txt", "__pycache__/model.cpython-311.pyc/thesis"])
def test_what_is_called_like_python_s_own_is_kept(swept: Path, exported: Path, name: str) -> None:
    thesis = exported / name
    thesis.parent.mkdir(parents=True, exist_ok=True)
    thesis.write_text(THEIRS)
    with pytest.raises(ExportError, match="holds __pycache__, which no export wrote"):
        again(swept, exported)
    assert thesis.read_text() == THEIRS


@pytest.mark.parametrize("name", ["notes.txt", "model.py"])
def test_what_is_written_while_the_network_is_proved_is_kept(
    swept: Path, exported: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    prove = bundle._Making.prove_source

    def slowly(*arguments: Any) -> Any:
        (exported / name).write_text(THEIRS)
        return prove(*arguments)

    monkeypatch.setattr(bundle._Making, "prove_source", slowly)
    with pytest.raises(ExportError, match=rf"out.{name}|out holds {name}"):
        again(swept, exported)
    assert (exported / name).read_text() == THEIRS
    assert [path.name for path in exported.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_nothing_is_exported_through_a_link(swept: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / target)
    with pytest.raises(ExportError, match="is a link"):
        again(swept, tmp_path / "out")
    assert not list((tmp_path / "there").iterdir())
    assert not (tmp_path / "nowhere").exists()


def test_a_link_inside_is_not_followed(swept: Path, exported: Path, outside: Path) -> None:
    (exported / "model.py").unlink()
    (exported / "model.py").symlink_to(outside)
    with pytest.raises(ExportError, match=r"holds model.py, which no export wrote"):
        again(swept, exported)
    assert outside.read_text() == THEIRS


def test_stop_makes_no_file_elsewhere(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep.open("tiny", prepared.parent)
    (prepared / "stop").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(Sweep, "running", True)
    with pytest.raises(OSError, match="symbolic links"):
        sweep.stop()
    assert not (tmp_path / "elsewhere").exists()
