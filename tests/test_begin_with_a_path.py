"""`init`, `launch FOLDER` and `schema`: what somebody with a folder of images types first."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import convscape
import numpy as np
import pytest
import yaml
from convscape import cli
from convscape.search.config import parse_sweep_file, read_sweep_file
from convscape.search.sweep import Sweep
from convscape.spaces.errors import ConfigError
from jsonschema import Draft202012Validator
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = [f"search.{pair}" for pair in ("trials=2", "epochs=1", "finalists=0", "start=[]")]
QUICK += ["space.stages=1", "space.convolutions=1", "space.filters=4", "resources.runner=inline"]
QUICK += ["resources.precision=float32"]
SETTINGS = [word for setting in QUICK for word in ("--set", setting)]


class Ended:
    """How a command ended."""

    def __init__(self, code: Any, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    def command(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(caught.value.code or 0, out, err)

    monkeypatch.setenv("COLUMNS", "100")
    return command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with a state folder of its own beside it."""
    (place := tmp_path / "here").mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a state"))
    return place


def draw(folder: Path, count: int = 12, *, sizes: tuple[tuple[int, int], ...] = ((24, 24),), mode: str = "RGB") -> Path:
    """Noise, darker in one class than in the other, in a folder for each class."""
    random = np.random.default_rng(0)
    for name, most in (("dark", 120), ("light", 250)):
        (folder / name).mkdir(parents=True)
        for at in range(count):
            height, width = sizes[at % len(sizes)]
            pixels = random.integers(0, most, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(folder / name / f"{at}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw(tmp_path / "my photos: 1")


def written(here: Path, name: str = "sweep.yaml") -> dict[str, Any]:
    return yaml.safe_load((here / name).read_text())


def test_a_folder_becomes_a_sweep_file_and_a_command_to_type(run: Any, here: Path, photos: Path) -> None:
    ended = run("init", photos, "--out", "my sweep.yaml")
    assert ended.code == 0, ended.err
    assert list(here.iterdir()) == [here / "my sweep.yaml"]
    assert "2 classes, 12 of each: dark, light" in ended.out
    commands = [line.split("#")[0].strip() for line in ended.out.splitlines() if line.startswith("  convscape")]
    assert [shlex.split(command) for command in commands] == [
        ["convscape", "launch", "my sweep.yaml", "--dry-run"],
        ["convscape", "launch", "my sweep.yaml"],
    ]
    values = written(here, "my sweep.yaml")
    assert values["name"] == "my-photos-1"
    assert values["data"] == {"name": "folder", "root": str(photos)}, "small images of one size keep it"
    assert values["recipe"]["batch_size"] == "auto"


@pytest.mark.parametrize(
    "images",
    [
        {"sizes": ((40, 30), (90, 120), (64, 64))},
        {"sizes": ((300, 200),)},
        {"sizes": ((24, 20),)},
        {"mode": "L"},
        {"count": 3},
    ],
    ids=str,
)
def test_what_is_written_passes_a_dry_run_with_the_same_report(
    run: Any, here: Path, tmp_path: Path, images: dict[str, Any]
) -> None:
    draw(tmp_path / "photos", **images)
    first = run("init", tmp_path / "photos")
    assert first.code == 0, first.err
    report = first.out.split("\n\n")[0].splitlines()
    dry = run("launch", "sweep.yaml", "--dry-run", "--set", "search.seconds=null", "--set", "search.trials=3")
    assert dry.code == 0, dry.err
    assert report
    assert all(f"# {line}" in dry.out.replace("\n#   ", " ").splitlines() for line in report)


def test_parts_and_data_sets_by_name_are_begun_with_as_well(run: Any, here: Path, tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        draw(tmp_path / "parted" / part, 6)
    assert run("init", tmp_path / "parted").code == 0
    assert "12 to validate on (its own part)" in run("init", tmp_path / "parted", "--replace").out
    assert run("init", "Digits", "--out", "digits.yaml").code == 0
    values = written(here, "digits.yaml")
    assert (values["name"], values["data"], values["recipe"]["flip"]) == ("digits", {"name": "digits"}, False)
    read_sweep_file("digits.yaml")


def test_the_file_says_what_each_line_is_for_and_holds_with_its_commented_lines(
    run: Any, here: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "photos", sizes=((40, 30), (90, 120)))
    run("init", tmp_path / "photos")
    lines = (here / "sweep.yaml").read_text().splitlines()
    assert all("#" in line for line in lines if line and not line.endswith(":"))
    assert max(map(len, lines[1:])) <= 120, "but for the address"
    told = False
    for at, line in enumerate(lines):
        told = told or line.startswith("# Without their first #")
        if "# weights:" in line or (told and line.startswith(("# space", "# budget", "#   "))):
            lines[at] = line.replace("# ", "", 1)
    (here / "more.yaml").write_text("\n".join(lines))
    values = written(here, "more.yaml")
    assert values["recipe"]["weights"] == [None, "torchvision:resnet18"]
    assert values["space"]["kernel"] == [3, 5, 7]
    assert values["budget"] == {"parameters": 500_000}
    read_sweep_file("more.yaml")


def test_editors_find_the_schema_without_a_network(run: Any, here: Path, photos: Path) -> None:
    run("init", photos)
    first = (here / "sweep.yaml").read_text().splitlines()[0]
    start = "# yaml-language-server: $schema="
    assert first.startswith(start + "file:///")
    assert " " not in first.removeprefix(start), "the language server reads to the next space"
    schema = json.loads(Path(unquote(urlparse(first.removeprefix(start)).path)).read_text())
    Draft202012Validator(schema).validate(written(here))
    assert schema == json.loads(run("schema").out)


def test_without_a_place_for_the_schema_the_file_is_written_without_that_line(
    run: Any, here: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nothing")
    assert run("init", photos).code == 0
    assert "$schema" not in (here / "sweep.yaml").read_text()


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(run: Any, here: Path, photos: Path) -> None:
    (here / "sweep.yaml").write_text("mine")
    ended = run("init", photos)
    assert ended.code == 4
    assert "sweep.yaml is there already" in ended.err
    assert "--replace" in ended.err
    assert (here / "sweep.yaml").read_text() == "mine"
    assert run("init", photos, "--replace", "--seconds", 60).code == 0
    assert written(here)["search"]["seconds"] == 60


def test_a_sweep_file_needs_no_place_for_sweeps(run: Any, here: Path) -> None:
    (here / "sweeps").write_text("a file, where their folder would be")
    assert run("init", "digits").code == 0


BAD = [
    (["init", "nowhere"], 2, "nowhere: there is no such folder, and no data set of that name"),
    (["init", "mnist"], 2, "--root DIR"),
    (["init", "mnist", "--root", "."], 2, "there is no file"),
    (["init", "empty"], 2, "holds 0 folders of images"),
    (["init", "hollow"], 2, "no images in the folders of"),
    (["init", "empty", "--root", "."], 2, "Leave --root out"),
    (["init", "digits", "--out", "empty"], 4, "cannot be written: Is a directory"),
    (["init", "digits", "--out", "empty", "--replace"], 4, "cannot be written: Is a directory"),
    (["init", "digits", "--out", "none/s.yaml"], 4, "cannot be written: There is no such folder"),
    (["init", "plain.txt"], 2, "plain.txt: it is a file"),
    (["launch", "nowhere.yaml"], 2, "Name a sweep file, a folder"),
    (["launch", "empty"], 2, "holds 0 folders of images"),
    (["launch", "nowhere"], 2, "nowhere: cannot be read: No such file"),
    (["launch", "mnist"], 2, "--set data.root=DIR"),
    (["launch", "digits", "--set", "search.trails=3"], 2, "--set: search.trails: unknown key"),
    (["launch", "empty", "--set", "data.root=hollow"], 2, "empty says already which images"),
    (["launch", "digits", "--dry-run", "--set", "data.name=harm.images"], 2, "digits says already which images"),
    (["launch", "digits", "--seconds", "9", "--set", "search.seconds=3"], 2, "search.seconds: given twice"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=[" ".join(case[0]) for case in BAD])
def test_bad_input_is_a_short_message_and_leaves_nothing(
    run: Any, here: Path, arguments: list[str], code: int, says: str
) -> None:
    (here / "empty").mkdir()
    (here / "plain.txt").write_text("no images")
    (here / "harm.py").write_text("raise SystemExit('it ran')")
    for name in ("a", "b"):
        (here / "hollow" / name).mkdir(parents=True)
    before = sorted(here.rglob("*"))
    ended = run(*arguments)
    assert ended.code == code, ended.err
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert sorted(here.rglob("*")) == before


def test_sweeps_are_not_kept_among_the_images(run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next sweep would take the folder `sweeps` for a class."""
    monkeypatch.chdir(photos)
    for command in ("init", "launch"):
        ended = run(command, ".")
        assert ended.code == 2
        assert "among the images" in ended.err
    assert sorted(path.name for path in photos.iterdir()) == ["dark", "light"]


def test_a_folder_is_launched_resumed_and_not_launched_twice(
    run: Any, here: Path, photos: Path, tmp_path: Path, quiet: None
) -> None:
    ended = run("launch", photos, *SETTINGS, "-o", "json")
    assert ended.code == 0, ended.err
    sweep = Sweep.open("my-photos-1", here / "sweeps")
    assert sweep.config.data.root == photos
    assert sweep.config.recipe["batch_size"] == "auto"
    again = run("launch", photos, *SETTINGS)
    assert again.code == 4
    assert "convscape resume my-photos-1" in again.err
    for resumed in (run("resume", "my-photos-1"), run("launch", photos, *SETTINGS, "--resume")):
        assert resumed.code == 0, resumed.err
    assert len(Sweep.open("my-photos-1", here / "sweeps").trials()) == 2
    other = draw(tmp_path / "other" / photos.name)
    taken = run("launch", other, "--resume")
    assert taken.code == 4
    assert str(photos) in taken.err
    assert run("launch", other, *SETTINGS, "--replace").code == 0
    assert Sweep.open("my-photos-1", here / "sweeps").config.data.root == other


def test_from_python_it_is_the_same_sweep(here: Path, photos: Path, quiet: None) -> None:
    sweep = convscape.launch(photos, overrides=[*QUICK, "name=mine"], progress=False)
    assert (sweep.name, len(sweep.trials())) == ("mine", 2)
    digits = convscape.launch("digits", overrides=[*QUICK, "data.train=100", "data.validation=50"], progress=False)
    assert digits.config.recipe["batch_size"] == "auto"


def test_seconds_hold_for_a_sweep_file_too(run: Any, here: Path) -> None:
    (here / "my.yaml").write_text(
        "name: my\ndata: {name: digits}\nsearch: {seconds: 5}\nspace: {stages: 1, filters: 4}\n"
    )
    for place in ("my.yaml", "digits"):
        shown = run("launch", place, "--seconds", "60.5", "--dry-run", "-o", "json")
        assert shown.code == 0, shown.err
        assert json.loads(shown.out)["config"]["search"]["seconds"] == 60.5


def test_a_file_comes_before_a_data_set_and_a_link_to_a_folder_keeps_its_name(
    run: Any, here: Path, photos: Path
) -> None:
    (here / "digits").write_text("name: mine\ndata: {name: digits, trian: 9}\n")
    assert "digits:2: data.trian: unknown key" in run("launch", "digits", "--dry-run").err
    (here / "leaves").symlink_to(photos)
    assert run("init", "leaves").code == 0
    assert written(here)["name"] == "leaves"
    assert written(here)["data"]["root"] == str(here / "leaves")


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_a_name_that_is_no_text_is_refused(run: Any, here: Path) -> None:
    place = os.fsdecode(os.fsencode(here) + b"/caf\xe9")
    try:
        draw(Path(place))
    except OSError:
        pytest.skip("this disk takes no such name")
    ended = run("init", place)
    assert ended.code == 2
    assert "not UTF-8" in ended.err


def test_an_override_is_told_as_one(here: Path, photos: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--set: space.kernel: 99 is out of range"):
        convscape.launch(photos, overrides=["space.kernel=99"], progress=False)


def test_init_for_a_program_is_one_json_object(run: Any, here: Path, photos: Path) -> None:
    ended = run("init", photos, "-o", "json")
    told = json.loads(ended.out)
    assert told["file"] == str(here / "sweep.yaml")
    assert told["config"] == read_sweep_file("sweep.yaml").to_json()
    assert told["data"][0].startswith("folder: images of 3x24x24")


def test_ctrl_c_while_images_are_looked_at_leaves_no_file(
    run: Any, here: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convscape.search.driver.preflight.load_data", interrupted)
    assert run("init", photos).code == 130
    assert list(here.iterdir()) == []


def test_a_sweep_file_may_go_to_standard_output(run: Any, here: Path) -> None:
    ended = run("init", "digits", "--out", "-")
    assert ended.code == 0
    assert parse_sweep_file(ended.out).name == "digits"
    assert ended.err.startswith("digits: images of 1x8x8")
    assert not list(here.iterdir())
    assert run("init", "digits", "--out", "-", "-o", "json").code == 2
