"""The text of a model card: what it says, and that nobody's text does anything in it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Conv, Flatten, Linear
from convscape.trainers.data.dataset import split
from convscape.trainers.data.sources import Source
from convscape.trainers.export import measured
from convscape.trainers.export.agreement import Agreement
from convscape.trainers.export.measured import Figures, Speed, measure, measure_speed
from convscape.trainers.export.model_card import About, model_card
from convscape.trainers.export.trained import Trained
from convscape.trainers.measuring import Timing
from convscape.trainers.network import build_network

HOSTILE = ("<script>alert(1)</script>", "![x](http://evil)", "a|b\n# c")


def trained(classes: tuple[str, ...], images: int = 400) -> Trained:
    """An untrained network that takes all images for its first class but a few."""
    random = np.random.default_rng(0)
    labels = np.arange(images) % len(classes)
    pictures = random.integers(0, 256, (images, 1, 6, 6), dtype=np.uint8)
    dataset = split("noise", Source(pictures, labels, classes))
    design = Architecture((1, 6, 6), (Conv(2), Flatten(), Linear(len(classes))), len(classes))
    training = {"epoch": 3, "seed": 7, "recipe": {"optimizer": "sgd", "learning_rate": 0.1}}
    return Trained(network=build_network(design).eval(), architecture=design, dataset=dataset, training=training)


def card(network: Trained, about: About = About(), looks: int | None = 1) -> str:  # noqa: B008 - it is frozen
    def scores(pixels):
        return network.network((pixels.float() / 255 - network.dataset.mean[0]) / network.dataset.std[0])

    figures = Figures(
        measured=measure(network, scores),
        speed=measure_speed(network, {"eager": network.network}),
        looks=looks,
        agreements={"source": Agreement({1: 1e-7, 64: 3e-7}, 64, 64)},
        left_out={"onnx": "its scores differ by 0.3 of the largest score"},
        converted_from=None,
        larger=None,
    )
    assert isinstance(figures.speed, Speed)
    return model_card("net", network, figures, about)


def test_it_says_what_was_asked_what_it_is_how_good_and_what_it_is_not_for() -> None:
    network = trained(("cat", "dog"))
    about = About(
        question="Which network?",
        search=("Trials: 3 completed.",),
        accuracies=(0.5, 0.75),
        others=(0.25, 0.5),
    )
    text = card(network, about)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "How it was found", "Data", "Network", "Accuracy", "Confusions", "Calibration", "Speed",
        "Agreement with the trained network", "What it is not for",
    ]  # fmt: skip
    assert f"fingerprint `{network.dataset.fingerprint}`" in text
    assert "INPUT[6x6x1] -> CONV3-2 -> FC-2" in text
    assert "Trained for 3 epochs from seed 7: optimizer sgd, learning&#95;rate 0.1." in text
    assert (
        "- Validation, in the search, over seeds: mean 0.6250, standard deviation 0.1768, n = 2 (0.5000 to 0.7500)."
        in text
    )
    assert re.search(r"- Test, over seeds that it was trained again from: mean 0\.\d+, .*n = 3", text)
    assert re.search(r"- Test: \*\*0\.\d{4}\*\* of 80 images, 0\.\d{4} to 0\.\d{4} .*for the first time", text)
    assert re.search(r"The temperature that mends it is \d+\.\d+: .* It was found on \d+ validation images", text)
    assert "| source | 3.0e-07 | 64 of 64 | 1, 64 |" in text
    assert "- onnx is not here: its scores differ by 0.3 of the largest score" in text
    assert re.search(r"fewer than 80% of the test images were right: (cat|dog) \(0\.\d\d of 40\)", text)


def test_a_temperature_that_makes_it_worse_is_told_as_that() -> None:
    network = trained(("cat", "dog"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measured, "best_temperature", lambda *_: 0.05)
        text = card(network)
    assert "A temperature does not mend it: `(scores / 0.050).softmax(1)` has" in text
    assert "at the temperature" not in text


def test_repeats_that_differ_widely_are_told() -> None:
    steady, unsteady = Timing(1e-3, 9e-4, 2e-3, 30), Timing(1e-3, 9e-4, 2e-1, 30)
    network = trained(("cat", "dog"))
    for timing, told in ((steady, False), (unsteady, True)):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(measured, "time_calls", lambda _, timing=timing: timing)
            assert ("something else ran beside them" in card(network)) == told


def test_a_second_look_is_told_as_one() -> None:
    text = card(trained(("cat", "dog")), looks=3)
    assert "looked at 3 times by now, and the accuracy is optimistic" in text


def test_of_weights_from_elsewhere_nobody_knows_how_often_the_images_were_looked_at() -> None:
    text = card(trained(("cat", "dog")), looks=None)
    assert "the weights came from elsewhere, and may have learnt from these images" in text
    assert "first time" not in text


def test_the_matrix_is_that_of_the_test_images_and_is_left_out_where_classes_are_many() -> None:
    text = card(trained(("a", "b", "c"), 300))
    rows = re.findall(r"^\| ([abc]) \| (.*) \|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == ["a", "b", "c"]
    assert sum(int(cell or 0) for _, row in rows for cell in row.split("|") if cell.strip()) == 60
    many = card(trained(tuple(f"k{number}" for number in range(21)), 840))
    assert "taken for | k0" not in many
    assert "Taken for another most often" in many


@pytest.mark.parametrize("name", HOSTILE)
def test_nobody_s_text_does_anything_in_it(name: str) -> None:
    text = card(trained((name, "dog")), About(question=name, search=(name,)))
    assert "<script" not in text
    assert "](" not in text
    assert not re.search(r"^# c", text, re.MULTILINE)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
