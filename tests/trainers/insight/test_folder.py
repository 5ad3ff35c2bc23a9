"""An inspection's folder: whole or not there, and nobody else's file is ever replaced."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.spaces import DataError, ExportError
from convscape.trainers.insight import folder as folders, inspect_to, sample_of_files
from PIL import Image

from .conftest import untrained

if TYPE_CHECKING:
    from pathlib import Path

CLASSIFIER = untrained("INPUT[6x6x1] -> FC-2", classes=("cat", "dog"))


def inspect(to: Path) -> None:
    inspect_to(CLASSIFIER, None, to, name="small")


def test_an_earlier_inspection_is_replaced_and_nothing_else(tmp_path: Path, hasty: None) -> None:
    to = tmp_path / "deep" / "seen"
    inspect(to)
    inspect(to)
    assert [path.name for path in to.parent.iterdir()] == ["seen"]
    (to / "mine").write_text("mine")
    with pytest.raises(ExportError, match="holds mine, which no inspection wrote"):
        inspect(to)
    (to / "mine").unlink()
    (to / "index.html").write_text("changed")
    with pytest.raises(ExportError, match=r"index.html was changed since it was written"):
        inspect(to)
    (tmp_path / "link").symlink_to(to)
    with pytest.raises(ExportError, match="is a link"):
        inspect(tmp_path / "link")
    with pytest.raises(ExportError, match="is a file"):
        inspect(to / "index.html")


def test_an_edited_inspection_json_does_not_make_other_files_an_inspection_s(tmp_path: Path, hasty: None) -> None:
    inspect(tmp_path / "seen")
    manifest, mine = tmp_path / "seen" / "inspection.json", tmp_path / "seen" / "mine.png"
    mine.write_bytes(b"mine")
    told = json.loads(manifest.read_text())
    told["sha256"]["mine.png"] = hashlib.sha256(b"mine").hexdigest()
    manifest.write_text(json.dumps(told))
    with pytest.raises(ExportError, match=r"inspection.json was changed since it was written"):
        inspect(tmp_path / "seen")
    assert mine.exists()


def test_a_drawing_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "inspect_network", fails)
    with pytest.raises(ExportError, match="No space left"):
        inspect(tmp_path / "seen")
    assert not list(tmp_path.iterdir())


def test_folders_called_as_the_classes_say_what_is_in_the_pictures(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/2.png", "dog/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((9, 9), 100, np.uint8)).save(tmp_path / name)
    (tmp_path / "cat" / "broken.png").write_text("no picture")
    sample = sample_of_files(tmp_path, CLASSIFIER)
    assert sample.names == ("cat/1.png", "dog/2.png", "dog/3.png")
    assert sample.labels is not None
    assert sample.labels.tolist() == [0, 1, 1]
    assert sample.pixels.shape == (3, 1, 6, 6)
    assert len(sample.skipped) == 1
    assert sample_of_files(tmp_path / "dog", CLASSIFIER).labels is None
    (tmp_path / "dgo").mkdir()
    (tmp_path / "dog" / "2.png").rename(tmp_path / "dgo" / "2.png")
    with pytest.raises(DataError, match=r"dgo/2.png lies in no folder that is called") as caught:
        sample_of_files(tmp_path, CLASSIFIER)
    assert "Did you mean 'dog'?" in caught.value.remedy
