"""Who may read what: all files of a sweep and of an export alike, as the umask has it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from convscape.search import Sweep, launch
from convscape.tests.tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o027, 0o640, 0o750), (0o022, 0o644, 0o755), (0o002, 0o664, 0o775)]
)
@pytest.mark.usefixtures("quiet")
def test_every_file_has_the_rights_that_the_umask_allows(tmp_path: Path, umask: int, file: int, folder: int) -> None:
    before = os.umask(umask)
    try:
        launch(tiny(tmp_path, "search.trials=2", "search.epochs=2"), progress=False).export(
            tmp_path / "tiny" / "out", formats=(), insight=False
        )
    finally:
        os.umask(before)
    assert Sweep.open("tiny", tmp_path).trials()
    for path in (tmp_path / "tiny").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (folder if path.is_dir() else file), path
