"""`convscape export ARCHITECTURE.json`: a network that no sweep trained, its weights, its images, and bad input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from convscape import cli
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Activation, Conv, Flatten, Linear, Pool
from convscape.trainers.export import forms
from convscape.trainers.network import build_network
from PIL import Image
from safetensors.torch import save_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NETWORK = Architecture((1, 8, 8), (Conv(4), Activation(), Pool(), Flatten(), Linear(10)), 10)
TWO = Architecture((3, 12, 16), (Conv(4), Activation(), Pool(), Flatten(), Linear(2)), 2)


@pytest.fixture
def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Any, str, str]]:
    """`convscape export` in a folder with a network, its weights, and pictures of two classes."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    for name, network in (("net", NETWORK), ("two", TWO)):
        (tmp_path / f"{name}.json").write_text(json.dumps(network.to_json()))
        save_file(build_network(network).state_dict(), tmp_path / f"{name}.safetensors")
    random = np.random.default_rng(0)
    for at in range(60):
        place = tmp_path / "pictures" / ("cat" if at % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(place / f"{at}.png")
    (tmp_path / "broken.json").write_text('{"input": [1, 8')
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")

    def command(*arguments: object) -> tuple[Any, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main(["export", *map(str, arguments), *(() if "--format" in arguments else ("--format", "none"))])
        return caught.value.code or 0, *capsys.readouterr()

    return command


def test_a_network_and_its_weights_are_handed_over_with_a_named_data_set(run: Any, tmp_path: Path) -> None:
    code, out, err = run("net.json", "--weights", "net.safetensors", "--data", "digits", "--to", "out", "-o", "json")
    assert code == 0, err
    assert json.loads(out)["test_images"] == 359
    assert (tmp_path / "out" / "insight" / "index.html").is_file()
    assert "The weights are those of net.safetensors" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
    code, out, err = run("out/architecture.json", "--weights", "out", "--data", "digits", "--to", "again", "-o", "json")
    assert code == 0, err
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("out", "again"))
    assert one == other


def test_a_folder_of_pictures_is_brought_to_the_network_s_size(run: Any, tmp_path: Path) -> None:
    code, _, err = run("two.json", "--weights", "two.safetensors", "--data", "pictures", "--to", "out")
    assert code == 0, err
    assert json.loads((tmp_path / "out" / "proof.json").read_text())["classes"] == ["cat", "dog"]


def test_a_form_that_was_named_and_cannot_be_written_here_is_no_success(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "find_spec", lambda _: None)
    words = ("net.json", "--weights", "net.safetensors", "--data", "digits", "--to", "out", "-o", "json")
    code, out, _ = run(*words, "--format", "onnx")
    assert "pip install 'convscape[export]'" in json.loads(out)["left_out"]["onnx"]
    assert code == 5
    assert (tmp_path / "out" / "model.py").is_file()


def test_a_data_set_that_is_a_folder_here_too_is_no_guess(run: Any, tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    code, _, err = run("net.json", "--weights", "net.safetensors", "--data", "digits", "--to", "out")
    assert code == 2
    assert "--data digits: is a data set and a folder here" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("net.json",), 2, "holds neither weights nor images"),
        (("net.json", "--weights", "net.safetensors"), 2, "holds neither weights nor images"),
        (("none.json", "--weights", "net.safetensors", "--data", "digits"), 2, "none.json: cannot be read"),
        (("broken.json", "--weights", "net.safetensors", "--data", "digits"), 2, "broken.json: not JSON"),
        (("net.json", "--weights", "none.safetensors", "--data", "digits"), 2, "none.safetensors"),
        (("net.json", "--weights", "broken.safetensors", "--data", "digits"), 2, "broken.safetensors cannot be read"),
        (("net.json", "--weights", "two.safetensors", "--data", "digits"), 2, "holds no weights of this network"),
        (("net.json", "--weights", "net.safetensors", "--data", "nowhere"), 2, "nowhere"),
        (("net.json", "--weights", "net.safetensors", "--data", "pictures"), 2, "Give the data that the network"),
        (
            ("net.json", "--weights", "x", "--data", "digits", "--trial", 1),
            2,
            "--trial: it belongs to an export of a s",
        ),
        (("net.json", "--weights", "x", "--data", "digits", "--retrain"), 2, "--retrain: it belongs to"),
        (("net.json", "--weights", "x", "--data", "digits", "--register", "m"), 2, "--register: it belongs to"),
        (("tiny", "--weights", "net.safetensors"), 2, "--weights: it belongs to an export of ARCHITECTURE.json"),
        (("tiny", "--seeds", 3), 2, "nothing is trained without --retrain"),
        (("tiny", "--format", ""), 2, "--format '' names no forms"),
        (("tiny", "--format", "none,pt2"), 2, "one of them, or none alone"),
        (("tiny", "--format", "pickle"), 2, "'pickle' is no form"),
        (("tiny", "--alias", "champion"), 2, "nothing is registered without --register"),
        (("tiny", "--register", "a/b"), 2, "a/b"),
        (("tiny", "--register", "m", "--alias", "v1"), 2, "v1"),
    ],
    ids=str,
)
def test_bad_input_is_refused_and_nothing_is_written(
    run: Any, tmp_path: Path, arguments: tuple[object, ...], code: int, said: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    ended, out, err = run(*arguments, "--to", "out")
    assert said in " ".join(err.split())
    assert ended == code
    assert not out
    assert sorted(tmp_path.rglob("*")) == before
