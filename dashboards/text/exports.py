"""Prints what was exported: the files, and how the network did on the test images."""

from __future__ import annotations

import statistics
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ...spaces import WIDTH
from ...trainers.export import FORM_FILES, SOURCE
from ...trainers.measuring import INTERVAL

if TYPE_CHECKING:
    from ...trainers.export import Exported, Measurements
    from ...trainers.measuring import ClassResult, Evaluation
    from ...trainers.sliding import CropComparison

MOST_CLASSES = 12
"""Classes whose recall is told each; of more classes the lowest few are."""
LOWEST, CONFUSED, MISTAKEN = 5, 3, 3
"""Classes of the lowest recall, pairs of classes and wrong answers that are told, at most."""
ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
"""Words for how often the test images were looked at."""


def export_json(exported: Exported) -> dict[str, Any]:
    """An exported network, its files, and how it did on the test images, as values for JSON."""
    return {
        "folder": str(exported.folder),
        "files": list(exported.files),
        "test_accuracy": exported.test_accuracy,
        "test_images": exported.test_images,
        "largest_difference": exported.largest_difference,
        "agreement": {form: each.to_json() for form, each in exported.agreements.items()},
        "left_out": exported.refused | exported.absent,
        "calibration": exported.measured.to_json(),
        "larger_images": exported.larger.to_json() if exported.larger else None,
        "test": {**exported.test.to_json(), "looks": exported.looks},
    }


def export_lines(exported: Exported) -> str:
    """An exported network, its files, and how it did on the test images, as lines of 80 columns."""
    test = exported.test
    low, high = test.interval
    right = f"{test.accuracy:.4f} of {test.images:,} test images right, {low:.4f} to {high:.4f} by {INTERVAL}"
    sentences = [
        f"{right}, {_looked_at(exported.looks)}",
        _recall(test),
        *_confusions(test),
        *_mistakes(test),
        _calibration(exported.measured),
        f"{_forms(exported)} differ from the trained network by {exported.largest_difference:.1e} at most.",
        *_retrained(exported),
        *([] if exported.larger is None else [_larger(exported.larger)]),
        *(f"No {form} file: {why}" for form, why in exported.absent.items()),
    ]
    lines = [f"Exported to {exported.folder}:", *_wrapped(_files(exported.files))]
    return "\n".join([*lines, *(line for sentence in sentences for line in _wrapped(sentence))])


def _wrapped(text: str) -> list[str]:
    return wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _files(names: tuple[str, ...]) -> str:
    """The files that were written, the pictures counted."""
    pictures = sum(name.endswith(".png") for name in names)
    plain = [name for name in names if not name.endswith((".png", "inspection.json"))]
    beside = f" (with {pictures} pictures)"
    return ", ".join(f"{name}{beside}" if name.endswith("index.html") else name for name in plain)


def _forms(exported: Exported) -> str:
    """The files that hold the network, as a sentence's beginning."""
    *first, last = [SOURCE, *(FORM_FILES[form] for form in FORM_FILES if form in exported.agreements)]
    return f"{', '.join(first)} and {last}" if first else f"Scores of {last}"


def _retrained(exported: Exported) -> list[str]:
    """From how many seeds it was trained again, and how these networks did, as a sentence; none where it was not."""
    if not (seeds := exported.details.get("retrained_from_seeds")):
        return []
    accuracies = ", ".join(f"{accuracy:.4f}" for accuracy in (exported.test_accuracy, *exported.others))
    return [f"Trained again from {seeds} seeds, handed over is the first; test accuracies {accuracies}."]


def _larger(found: CropComparison) -> str:
    """How one pass over larger images compares with classifying their crops, as a sentence."""
    over, ratio = "x".join(map(str, found.size[1:])), statistics.median(found.ratios)
    return (
        f"Over images of {over} one pass has the class of {found.agreement:.1%} of the crops, scores "
        f"{found.difference:.1e} apart at most, and takes 1/{ratio:.1f} of their time."
    )


def _calibration(measured: Measurements) -> str:
    error = f"Probabilities are off by {measured.calibration.error:.3f} on average"
    if measured.temperature is None or measured.calibrated is None:
        return f"{error}."
    if not measured.helps:
        return f"{error}; a temperature does not help."
    return f"{error}, and by {measured.calibrated.error:.3f} at a temperature of {measured.temperature:.2f}."


def _looked_at(looks: int | None) -> str:
    if looks is None:
        return "which the weights may have learnt from: they came from elsewhere."
    if looks == 1:
        return "looked at here for the first time."
    time = f"for the {ORDINALS[looks]} time" if looks in ORDINALS else f"{looks:,} times by now"
    return f"looked at {time}: choosing between exports by this number makes it optimistic."


def _recall(test: Evaluation) -> str:
    known = [(each.recall, each) for each in test.classes if each.recall is not None]
    by_recall = [each for _, each in sorted(known, key=lambda pair: pair[0])]
    if len(by_recall) <= MOST_CLASSES:
        return f"Recall: {', '.join(map(_class, by_recall))}."
    lowest = by_recall[:LOWEST]
    mean = sum(recall for recall, _ in known) / len(known)
    return f"Recall: {mean:.2f} on average over {len(known):,} classes, lowest {', '.join(map(_class, lowest))}."


def _class(found: ClassResult) -> str:
    return f"{found.name} {found.right / found.images:.2f} of {found.images:,}"


def _confusions(test: Evaluation) -> list[str]:
    if not test.confusions:
        return []
    shown = [f"{each.actual} for {each.predicted}, {_times(each.images)}" for each in test.confusions[:CONFUSED]]
    return [f"Most often taken for another: {'; '.join(shown)}."]


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count:,} times"


def _mistakes(test: Evaluation) -> list[str]:
    if not test.mistakes:
        return []
    shown = [
        f"{each.image}, {each.actual}, for {each.predicted} with {each.probability:.2f}"
        for each in test.mistakes[:MISTAKEN]
    ]
    return [f"Most confident mistakes: {'; '.join(shown)}."]
