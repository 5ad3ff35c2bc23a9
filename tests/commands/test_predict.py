"""`convscape predict`: by a sweep's name, by an export's folder, and what it does with what is no picture."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convscape import cli
from convscape.search import Sweep, launch
from convscape.spaces import SweepError, cost_table
from convscape.tests.tiny_sweep import tiny
from convscape.trainers import predicting
from convscape.trainers.data.sources import read_digits
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Path:
    """A folder with a sweep, `sweeps/tiny`, its export, `out`, and two pictures, `pictures`."""
    folder = tmp_path_factory.mktemp("swept")
    launch(tiny(folder / "sweeps", "search.trials=2", "search.epochs=3"), progress=False).export(
        folder / "out", formats=(), insight=False
    )
    (folder / "pictures" / "more").mkdir(parents=True)
    digits = read_digits()
    for name, at in (("0.png", 0), ("more/1.png", 1)):
        Image.fromarray(np.asarray(digits.images[at][0])).save(folder / "pictures" / name)
    (folder / "pictures" / "notes.txt").write_text("of no use")
    return folder


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Path:
    """A folder with a sweep that pads photos to 16 x 24, `sweeps/tiny`, its export, `out`, and `pictures`."""
    folder = tmp_path_factory.mktemp("padded")
    random = np.random.default_rng(0)
    for number in range(40):
        (folder / "photos" / ("cat", "dog")[number % 2]).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        pixels[:, :10] //= 1 + 3 * (number % 2)
        Image.fromarray(pixels).save(folder / "photos" / ("cat", "dog")[number % 2] / f"{number}.png")
    (folder / "pictures").mkdir()
    for name, shape in (("wide", (20, 90)), ("tall", (90, 20)), ("turned", (24, 16)), ("same", (16, 24))):
        pixels = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        pixels[: shape[0] // 3], pixels[:, : shape[1] // 3] = 255, 0
        Image.fromarray(pixels).save(folder / "pictures" / f"{name}.png")
    data = ("data.name=folder", f"data.root={folder / 'photos'}", "data.size=[16, 24]", "data.resize=pad")
    few = ("data.train=null", "data.validation=null", "search.trials=1", "search.epochs=1", "recipe.batch_size=8")
    launch(tiny(folder / "sweeps", *data, *few), progress=False).export(folder / "out", formats=(), insight=False)
    return folder


@pytest.fixture
def run(
    swept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Any, str, str]]:
    monkeypatch.chdir(swept)

    def command(*arguments: object) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(["predict", *map(str, arguments)])
        return caught.value.code or 0, *capsys.readouterr()

    return command


def test_a_sweep_and_its_export_give_the_same_answers(run: Any) -> None:
    code, by_name, _ = run("tiny", "pictures")
    assert code == 0
    assert [line.partition(":")[0] for line in by_name.splitlines()] == ["pictures/0.png", "pictures/more/1.png"]
    assert all(line.count("%") == 3 for line in by_name.splitlines())
    assert run("out", "pictures") == run("./out", "pictures") == run("sweeps/tiny", "pictures") == (0, by_name, "")


def test_pictures_of_other_shapes_are_brought_to_size_as_the_export_does_it(run: Any, padded: Path) -> None:
    answers: list[dict[str, list[float]]] = []
    for name in (padded / "sweeps" / "tiny", padded / "out"):
        code, out, _ = run(name, padded / "pictures", "--csv")
        assert code == 0
        answers.append({row[0]: list(map(float, row[3:])) for row in list(csv.reader(out.splitlines()))[1:]})
    by_name, by_export = answers
    assert len(by_name) == 4
    for file, probabilities in by_name.items():
        assert probabilities == pytest.approx(by_export[file], abs=2e-6), file


def test_csv_has_every_class(run: Any) -> None:
    code, out, _ = run("tiny", "pictures", "--csv")
    head, *rows = csv.reader(out.splitlines())
    assert code == 0
    assert head == ["file", "label", "probability", *map(str, range(10))]
    for row in rows:
        probabilities = [float(value) for value in row[3:]]
        assert sum(probabilities) == pytest.approx(1, abs=1e-4)
        assert float(row[2]) == max(probabilities) == probabilities[int(row[1])]


def test_json_has_the_best_three(run: Any) -> None:
    found = json.loads(run("tiny", "pictures/0.png", "-o", "json")[1])
    assert [answer["file"] for answer in found] == ["pictures/0.png"]
    assert [found[0]["label"], found[0]["probability"]] == list(found[0]["best"][0].values())
    assert len(found[0]["best"]) == 3


def test_a_picture_that_cannot_be_read_is_told_and_ends_nothing(run: Any) -> None:
    code, out, err = run("tiny", "pictures/notes.txt", "pictures/0.png", "nowhere.png")
    assert code == 2
    assert len(out.splitlines()) == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == ["pictures/notes.txt", "nowhere.png"]
    assert err.splitlines()[1] == "convscape: nowhere.png: No such file or directory"
    found = json.loads(run("tiny", "pictures/notes.txt", "pictures/0.png", "-o", "json")[1])
    assert [set(answer) & {"problem", "label"} for answer in found] == [{"problem"}, {"label"}]


def test_what_names_no_network_or_no_picture_is_refused(run: Any, swept: Path) -> None:
    (swept / "empty").mkdir(exist_ok=True)
    for arguments, code, said in (
        (("tony", "pictures"), 4, "Did you mean 'tiny'?"),
        (("pictures", "pictures"), 4, "holds no architecture.json"),
        (("tiny", "empty"), 2, "empty holds no images"),
        (("tiny",), 2, "Missing argument"),
        (("tiny", "pictures", "--csv", "-o", "json"), 2, "one or the other"),
    ):
        ended, _, err = run(*arguments)
        assert (ended, said in " ".join(err.split())) == (code, True), err


def test_a_name_of_both_is_asked_about(run: Any, swept: Path) -> None:
    Sweep.open("tiny", swept / "sweeps").export(swept / "tiny", formats=(), insight=False)
    code, _, err = run("tiny", "pictures")
    assert code == 2
    assert "For the folder say ./tiny." in err
    assert run("./tiny", "pictures")[0] == 0


def test_a_trial_s_network_is_a_torch_module_with_its_weights(swept: Path) -> None:
    import torch

    sweep = Sweep.open("tiny", swept / "sweeps")
    best = sweep.best
    network, other = sweep.network(), sweep.network(sweep.summaries()[-1])
    assert isinstance(network, torch.nn.Module)
    assert not network.training
    classifier = sweep.classifier()
    assert classifier.classes == tuple(map(str, range(10)))
    digits = read_digits()
    right = classifier.probabilities(torch.tensor(digits.images[:200])).argmax(1).numpy() == digits.labels[:200]
    assert right.mean() > best.accuracy - 0.2
    images = torch.rand(2, 1, 8, 8)
    with torch.inference_mode():
        assert torch.equal(sweep.network(best)(images), network(images))
        assert not torch.equal(other(images), network(images))
    with pytest.raises(SweepError, match="no trained trial 77"):
        sweep.network(77)


def test_a_sweep_s_network_classifies_as_many_pictures_at_a_time_as_memory_holds(
    swept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Sweep.open("tiny", swept / "sweeps").classifier()
    one = cost_table(classifier.architecture).inference_memory().activations
    together: list[int] = []
    classifier.network.register_forward_pre_hook(lambda _, given: together.append(len(given[0])))
    monkeypatch.setattr(predicting, "MEMORY_TOGETHER", 2 * one)
    assert len(list(classifier.predict([swept / "pictures" / "0.png"] * 5))) == 5
    assert together == [2, 2, 1]


def test_a_sweep_of_an_earlier_version_has_the_classes_from_its_images(swept: Path) -> None:
    from convscape.search.files import INPUTS, read_sealed, write_sealed

    sweep = Sweep.open("tiny", swept / "sweeps")
    values = read_sealed(sweep.folder / INPUTS)
    classes = values.pop("classes")
    try:
        write_sealed(sweep.folder / INPUTS, values)
        assert list(sweep.classifier().classes) == classes
        write_sealed(sweep.folder / INPUTS, {**values, "classes": ["one"]})
        with pytest.raises(SweepError, match="names 1 classes, and the network has 10"):
            sweep.classifier()
    finally:
        write_sealed(sweep.folder / INPUTS, {**values, "classes": classes})
