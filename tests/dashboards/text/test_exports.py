"""What an export says of the test images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from convscape.dashboards.text import export_json, export_lines
from convscape.trainers.export import Agreement, Exported, Measurements
from convscape.trainers.measuring import Evaluation, evaluate, reliability
from convscape.trainers.sliding import CropComparison

ANSWERS = evaluate(
    np.array([0] * 10 + [1] * 10 + [2] * 4),
    np.array([0] * 8 + [1] * 2 + [1] * 9 + [2] + [2] * 4),
    np.linspace(0.5, 0.96, 24),
    ("cat", "dog", "fox"),
    lambda index: f"cat/{index}.jpg",
)
PROBABILITIES = np.array([[0.9, 0.1], [0.9, 0.1]])
RELIABLE = reliability(PROBABILITIES, np.array([0, 0]))
MEASURED = Measurements(
    test=ANSWERS,
    confusion=np.eye(3, dtype=np.int64),
    calibration=RELIABLE,
    temperature=None,
    calibrated=None,
    validated=9,
)
EXPORTED = Exported(
    folder=Path("out"),
    files=("model.py",),
    measured=MEASURED,
    looks=1,
    agreements={"source": Agreement({1: 3.5e-7}, 4, 4), "pt2": Agreement({1: 1e-7}, 4, 4)},
    refused={},
    details={},
    absent={},
    larger=None,
)


def of(answers: Evaluation) -> Exported:
    return replace(EXPORTED, measured=replace(MEASURED, test=answers))


def test_it_says_how_sure_the_accuracy_is_and_what_was_wrong() -> None:
    assert export_lines(EXPORTED).splitlines() == [
        "Exported to out:",
        "  model.py",
        "  0.8750 of 24 test images right, 0.6900 to 0.9566 by Wilson 95 %, looked at",
        "    here for the first time.",
        "  Recall: cat 0.80 of 10, dog 0.90 of 10, fox 1.00 of 4.",
        "  Most often taken for another: cat for dog, twice; dog for fox, once.",
        "  Most confident mistakes: cat/19.jpg, dog, for fox with 0.88; cat/9.jpg, cat,",
        "    for dog with 0.68; cat/8.jpg, cat, for dog with 0.66.",
        "  Probabilities are off by 0.100 on average.",
        "  model.py and model.pt2 differ from the trained network by 3.5e-07 at most.",
    ]


def test_it_says_how_a_pass_over_larger_images_compares_with_crops() -> None:
    larger = CropComparison(
        images=2, size=(1, 28, 28), crop=(1, 8, 8), stride=(4, 4), places=(6, 6), pads=True, difference=0.25,
        inner_difference=0.2, agreement=0.75, pass_seconds=(1.0, 1.0, 2.0), crops_seconds=(8.0, 9.0, 10.0),
    )  # fmt: skip
    text = " ".join(export_lines(replace(EXPORTED, larger=larger)).split())
    assert "Over images of 28x28 one pass has the class of 75.0% of the crops, scores 2.5e-01 apart at most" in text
    assert "takes 1/8.0 of their time" in text
    assert export_json(replace(EXPORTED, larger=larger))["larger_images"]["ratio"]["median"] == 8
    assert export_json(EXPORTED)["larger_images"] is None


@pytest.mark.parametrize(("looks", "said"), [(2, "for the second time"), (7, "7 times by now")])
def test_a_later_look_is_told_with_what_it_means(looks: int, said: str) -> None:
    text = " ".join(export_lines(replace(EXPORTED, looks=looks)).split())
    assert f"looked at {said}: choosing between exports by this number makes it optimistic." in text
    assert "first time" not in text


def test_of_many_classes_the_lowest_are_told() -> None:
    labels = np.repeat(np.arange(100), 4)
    predicted = labels.copy()
    predicted[40] = 3
    many = evaluate(labels, predicted, np.ones(400), [f"class {number}" for number in range(100)])
    text = export_lines(of(many))
    assert "Recall: 1.00 on average over 100 classes, lowest class 10 0.75 of 4, class 0 1.00" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_wrong_and_a_class_without_images_are_told_plainly() -> None:
    perfect = evaluate(np.zeros(5, int), np.zeros(5, int), np.ones(5), ("cat", "dog"))
    text = export_lines(of(perfect))
    assert "Recall: cat 1.00 of 5." in text
    assert "mistakes" not in text
    assert export_json(of(perfect))["test"]["classes"][1]["recall"] is None


def test_its_json_has_all_of_it() -> None:
    told = json.loads(json.dumps(export_json(EXPORTED)))
    assert (told["test_accuracy"], told["test_images"], told["test"]["looks"]) == (0.875, 24, 1)
    assert told["test"]["confusions"][0] == {"actual": "cat", "predicted": "dog", "images": 2}
    assert (told["test"]["mistakes"][0]["index"], told["test"]["mistakes"][0]["image"]) == (19, "cat/19.jpg")
