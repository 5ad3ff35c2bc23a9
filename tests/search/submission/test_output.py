"""A job's log is taken apart into output, errors and files; what comes is believed in nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from convscape.search.submission import Bundle, Output
from convscape.search.sweep import Sweep
from convscape.spaces import ExportError
from convscape.trainers.export import bundle_files
from tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_go_where_they_belong_however_they_are_cut() -> None:
    log = "INFO ray\n1 to be read\n2 an error\n1 3 is no mark here\n2 \nRay's last"
    for size in (1, 3, 1000):
        told: list[tuple[str, bool]] = []
        output = Output(lambda line, error, told=told: told.append((line, error)))
        for start in range(0, len(log), size):
            output.take(log[start : start + size])
        output.end()
        assert told == [("to be read", False), ("an error", True), ("3 is no mark here", False), ("", True)]
        assert list(output.others) == ["INFO ray", "Ray's last"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Path:
    """A real export."""
    from convscape.search.driver import launch

    folder = tmp_path_factory.mktemp("sweeps")
    launch(tiny(folder, "search.trials=1", "search.epochs=1"), progress=False)
    return Sweep.open("tiny", folder).export(folder / "out", formats=()).folder


def lines(folder: Path, size: int = 3_000) -> list[str]:
    """What the head writes of an export."""
    files = bundle_files(folder)
    contents = [(folder / file).read_bytes() for file in files]
    listed = [
        {"name": file, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for file, data in zip(files, contents, strict=True)
    ]
    parts = [data[start : start + size] for data in contents for start in range(0, len(data), size)]
    return [json.dumps(listed), *(base64.b64encode(part).decode() for part in parts)]


def received(to: Path, sent: list[str]) -> bool:
    found = Bundle(to)
    try:
        for line in sent:
            found.take(line)
        return found.finish()
    finally:
        found.discard()


def test_an_export_comes_whole(tmp_path: Path, bundle: Path) -> None:
    to = tmp_path / "deep" / "winner"
    assert received(to, lines(bundle))
    files = bundle_files(bundle)
    assert bundle_files(to) == files
    assert any(file.startswith("insight/") for file in files)
    assert all((to / file).read_bytes() == (bundle / file).read_bytes() for file in files)
    assert received(to, lines(bundle)), "an earlier export is replaced"
    assert [path.name for path in to.parent.iterdir()] == ["winner"], "nothing else is left"
    assert not received(tmp_path / "other", []), "nothing was sent"


def changed(sent: list[str], **values: object) -> list[str]:
    listed = json.loads(sent[0])
    listed[0] |= values
    return [json.dumps(listed), *sent[1:]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda sent: sent[:-1], "did not come whole"),
        (lambda sent: changed(sent, name="../architecture.json"), "files are not those of an export"),
        (lambda sent: changed(sent, name="/etc/x"), "files are not those of an export"),
        (lambda sent: changed(sent, size=-1), "no number of bytes"),
        (lambda sent: changed(sent, size=10**12), "more than"),
        (lambda sent: changed(sent, size=1), "more came than was said"),
        (lambda sent: changed(sent, sha256="0" * 64), "is not what was sent"),
        (lambda sent: [sent[0], "?", *sent[1:]], "no export"),
        (lambda sent: ["{", *sent[1:]], "no export"),
        (lambda sent: ["[" * 100_000, *sent[1:]], "no export"),
        (lambda sent: [*sent, base64.b64encode(b"more").decode()], "more came than was said"),
    ],
)
def test_what_is_no_export_leaves_nothing(tmp_path: Path, bundle: Path, change: object, says: str) -> None:
    assert callable(change)
    with pytest.raises(ExportError, match=says):
        received(tmp_path / "winner", change(lines(bundle)))
    assert list(tmp_path.iterdir()) == []


def test_files_that_do_not_agree_with_their_proof_are_refused(tmp_path: Path, bundle: Path) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(bundle, forged)
    (forged / "model.py").write_text("import os")
    with pytest.raises(ExportError, match="changed since it was written"):
        received(tmp_path / "winner", lines(forged))
    assert not (tmp_path / "winner").exists()


def test_what_stands_there_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ExportError, match="which no export wrote"):
        Bundle(tmp_path)
