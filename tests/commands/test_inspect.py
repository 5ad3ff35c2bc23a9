"""`convscape inspect`: a sweep's winner on validation images, an export on what is named, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convscape import cli
from convscape.search import Sweep, launch
from convscape.search.files import LOOKS
from convscape.tests.tiny_sweep import tiny
from convscape.trainers.data.sources import read_digits
from convscape.trainers.insight import activation_maximization, clusters, occlusion
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Path:
    """A folder with a sweep, `sweeps/tiny`, its export, `out`, and pictures in a folder for each class, `pictures`."""
    folder = tmp_path_factory.mktemp("swept")
    launch(tiny(folder / "sweeps", "search.trials=2", "search.finalists=1"), progress=False).export(
        folder / "out", formats=(), insight=False
    )
    digits = read_digits()
    for at in range(20):
        place = folder / "pictures" / str(digits.labels[at])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(digits.images[at][0])).save(place / f"{at}.png")
    return folder


@pytest.fixture
def run(
    swept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Any, str, str]]:
    monkeypatch.chdir(swept)
    monkeypatch.setattr(activation_maximization, "STEPS", 2)
    monkeypatch.setattr(clusters, "STEPS", 250)
    monkeypatch.setattr(occlusion, "MOST_PLACES", 16)

    def command(*arguments: object) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(["inspect", *map(str, arguments)])
        return caught.value.code or 0, *capsys.readouterr()

    return command


def test_a_sweep_s_winner_is_looked_at_with_validation_images_it_did_not_learn_from(run: Any, swept: Path) -> None:
    looks = (swept / "sweeps" / "tiny" / LOOKS).read_bytes()
    code, out, _ = run("tiny")
    said = " ".join(out.split())
    assert code == 0
    assert "looked at with 20 validation images" in said
    assert "learnt from the other 80 of 100 validation images, too" in said
    assert "mistakes.png" in said
    assert (swept / "inspected" / "tiny" / "index.html").is_file()
    assert (swept / "sweeps" / "tiny" / LOOKS).read_bytes() == looks, "no test image is looked at"


def test_a_trial_that_was_searched_is_looked_at_with_all_validation_images(run: Any) -> None:
    code, out, _ = run("sweeps/tiny", "--trial", 0, "--to", "seen/zero", "-o", "json")
    told = json.loads(out)
    assert code == 0
    assert told["images"] == "100 validation images"
    assert told["note"] == ""
    assert told["name"] == "tiny, trial 0"
    assert told["files"][0] == "index.html"
    assert all(picture["shows"] and picture["alarming"] for picture in told["pictures"])


def test_an_export_is_looked_at_with_what_is_named(run: Any, swept: Path) -> None:
    code, out, _ = run("out", "--to", "seen/bare")
    assert code == 0
    assert "Name some: `--images FOLDER`" in " ".join(out.split())
    code, out, _ = run("out", "--to", "seen/pictures", "--images", "pictures")
    assert code == 0
    assert "looked at with 20 pictures" in out
    assert "images are right" in " ".join(out.split())
    code, out, _ = run("out", "--to", "seen/digits", "--images", "digits", "-o", "json")
    assert json.loads(out)["images"] == "288 validation images of digits"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("tony",), 4, "Did you mean 'tiny'?"),
        (("tiny", "--trial", 77), 4, "no trained trial 77"),
        (("pictures",), 4, "holds no architecture.json"),
        (("out", "--trial", 0), 2, "Leave --trial out."),
        (("out", "--images", "nowhere"), 2, "no such folder, and no data set of that name"),
        (("out", "--images", "pictures", "--root", "."), 2, "Leave --root out."),
        (("tiny", "--root", "."), 2, "Name it: --images DATASET."),
        (("out", "--to", "pictures"), 5, "which no inspection wrote"),
    ],
)
def test_what_cannot_be_is_refused(run: Any, arguments: tuple[object, ...], code: int, said: str) -> None:
    ended, _, err = run(*arguments)
    assert (ended, said in " ".join(err.split())) == (code, True), err


def test_a_sweep_in_a_notebook_is_looked_into_by_its_method(run: Any, swept: Path) -> None:
    found = Sweep.open("tiny", swept / "sweeps").inspect(swept / "seen" / "method")
    assert found.folder == swept / "seen" / "method"
    assert found.drawings
