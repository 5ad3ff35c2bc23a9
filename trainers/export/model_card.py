"""Writes the model card of an exported network: what it is, how it was found, how good it is, and what it is not for.

The headings follow Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...spaces import format_layer_table, to_notation
from ..measuring import INTERVAL
from .larger import larger_section
from .markdown import block, image_size, plain, table
from .measured import FEWEST_VALIDATED, TIMED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..measuring import Calibration, Evaluation, Timing
    from .agreement import Agreement
    from .measured import Figures, Measurements, Speed
    from .trained import Trained

MOST_CLASSES = 20
"""Classes up to which the confusion matrix is written out; of more the pairs that are confused most are."""
CONFUSED = 10
"""Pairs of classes that are told, at most."""
UNSTEADY = 5
"""How many times the fastest tenth's time the slowest tenth may take before a reader is warned."""
WEAK = 0.8
"""A class of whose test images fewer are right is told as one that the network is not for."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a search knows of the network that it hands over."""

    question: str = ""
    """What was asked, as a sentence."""
    search: tuple[str, ...] = ()
    """How the network was found: the space, the budget, what was tried; a sentence each."""
    accuracies: tuple[float, ...] = ()
    """Validation accuracy, 0 to 1, of each run of this design from a seed of its own."""
    others: tuple[float, ...] = ()
    """Test accuracy, 0 to 1, of each network of this design that was trained like this one, from another seed."""


def model_card(name: str, trained: Trained, figures: Figures, about: About) -> str:
    """The text of MODEL_CARD.md.

    Args:
        name: of the network, for people.
        trained: the network and its data.
        figures: what was found of it.
        about: what the search knows of it.
    """
    measured = figures.measured
    sections = (
        _title(name, trained),
        _asked(about),
        _data(trained, measured.test.images),
        _network(trained),
        _accuracy(measured.test, about, figures.looks),
        _confusions(measured),
        _calibration(measured),
        _speed(figures.speed),
        _forms(figures.agreements, figures.left_out),
        larger_section(trained, figures),
        _not_for(trained, measured.test),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _title(name: str, trained: Trained) -> list[str]:
    classes, image = trained.dataset.classes, image_size(trained.architecture.input)
    return [
        f"# {plain(name)}",
        "",
        (
            f"Sorts images of {image} into {len(classes):,} classes. `python model.py IMAGE` names the class of a "
            "picture; `proof.json` has every figure of this page. Where there is a folder `insight`, its `index.html` "
            "shows what the network learnt."
        ),
    ]


def _asked(about: About) -> list[str]:
    lines = [about.question, *about.search]
    return ["## How it was found", "", *(f"- {plain(line)}" for line in lines if line)] if any(lines) else []


def _data(trained: Trained, test_images: int) -> list[str]:
    data = trained.dataset
    return [
        "## Data",
        "",
        (
            f"{plain(data.name)}, fingerprint `{data.fingerprint}`: {len(data.train):,} images to train on, "
            f"{len(data.validation):,} to validate on, {test_images:,} to test on. Images are "
            f"{image_size(data.input)}; a picture of another size is brought to that by `{data.resize}`. Classes: "
            f"{', '.join(map(plain, data.classes))}."
        ),
    ]


def _network(trained: Trained) -> list[str]:
    recipe = trained.training.get("recipe")
    settings = ", ".join(f"{key} {value}" for key, value in recipe.items()) if isinstance(recipe, dict) else ""
    epochs = trained.training.get("epoch")
    told = f"Trained for {epochs} epochs from seed {trained.training.get('seed')}: {settings}." if epochs else ""
    return [
        "## Network",
        "",
        *block(to_notation(trained.architecture)),
        "",
        *block(format_layer_table(trained.architecture).rstrip()),
        *(["", plain(told)] if told else []),
    ]


def _accuracy(test: Evaluation, about: About, looks: int | None) -> list[str]:
    low, high = test.interval
    again = len(about.others) + 1 if about.others else 0
    lines = [
        (
            f"- Test: **{test.accuracy:.4f}** of {test.images:,} images, {low:.4f} to {high:.4f} ({INTERVAL}); "
            f"{_looked_at(looks)}."
        ),
        *_spread("Validation, in the search, over seeds", about.accuracies),
        *_spread("Test, over seeds that it was trained again from", (test.accuracy, *about.others)[:again]),
    ]
    return ["## Accuracy", "", *lines]


def _looked_at(looks: int | None) -> str:
    if looks is None:
        return "the weights came from elsewhere, and may have learnt from these images"
    if looks == 1:
        return "looked at for the first time"
    return f"looked at {looks} times by now, and the accuracy is optimistic where exports were chosen by it"


def _spread(what: str, values: Sequence[float]) -> list[str]:
    if not values:
        return []
    if len(values) == 1:
        return [f"- {what}: {values[0]:.4f}, n = 1."]
    mean = f"mean {statistics.mean(values):.4f}, standard deviation {statistics.stdev(values):.4f}"
    return [f"- {what}: {mean}, n = {len(values)} ({min(values):.4f} to {max(values):.4f})."]


def _confusions(measured: Measurements) -> list[str]:
    test, names = measured.test, [plain(each.name) for each in measured.test.classes]
    pairs = [
        f"- {plain(each.actual)} for {plain(each.predicted)}: {each.images:,}" for each in test.confusions[:CONFUSED]
    ]
    told = ["Taken for another most often:", "", *pairs] if pairs else ["None was taken for another."]
    if len(names) > MOST_CLASSES:
        return ["## Confusions", "", *told]
    rows = (
        [names[row], *(f"{count:,}" if count else "" for count in counts)]
        for row, counts in enumerate(measured.confusion.tolist())
    )
    matrix = table(["is \\ taken for", *names], rows)
    return ["## Confusions", "", *matrix, "", *told]


def _calibration(measured: Measurements) -> list[str]:
    lines = [
        "## Calibration",
        "",
        (
            f"Expected calibration error {measured.calibration.error:.4f}: so far is the probability of an answer from "
            "how often such answers are right, on average over the test images."
        ),
    ]
    if measured.calibrated is None or measured.temperature is None:
        few = measured.validated < FEWEST_VALIDATED
        why = "are too few to find one" if few else "are all right: the surer, the better, as far as they say"
        lines.append(f"No temperature is told: the {measured.validated:,} validation images {why}.")
    else:
        softer = f"`(scores / {measured.temperature:.3f}).softmax(1)` has {measured.calibrated.error:.4f}."
        found = f"It was found on {measured.validated:,} validation images."
        helps = f"The temperature that mends it is {measured.temperature:.3f}: {softer} {found}"
        lines.append(helps if measured.helps else f"A temperature does not mend it: {softer} {found}")
    return [*lines, "", *_reliability(measured.calibration, measured.calibrated if measured.helps else None)]


def _reliability(plain: Calibration, calibrated: Calibration | None) -> list[str]:
    rows: list[list[str]] = []
    for at, each in enumerate(plain.bins):
        row = [f"{each.low:.1f} to {each.low + 1 / len(plain.bins):.1f}", *_bin(plain, at)]
        rows.append(row + (_bin(calibrated, at) if calibrated else []))
    header = ["probability", "images", "mean", "right"]
    return table(header + (["images, at the temperature", "mean, at it", "right, at it"] if calibrated else []), rows)


def _bin(of: Calibration, at: int) -> list[str]:
    each = of.bins[at]
    return [f"{each.images:,}", f"{each.confidence:.3f}", f"{each.accuracy:.3f}"] if each.images else ["0", "", ""]


def _speed(speed: Speed) -> list[str]:
    rows = (
        [form, str(size), *_milliseconds(timing), f"{size / timing.median:,.0f}"]
        for form, sizes in speed.timings.items()
        for size, timing in sizes.items()
    )
    header = ["form", "images at a time", "ms, median", "9 in 10 below", "repeats", "images a second"]
    where = f"On {plain(speed.hardware)}, {speed.threads} threads, in float32; whatever else ran there slowed it down."
    absent = [size for size in TIMED if any(size not in sizes for sizes in speed.timings.values())]
    told = ["", f"{absent[-1]} images at a time take more memory than is given."] if absent else []
    if any(timing.high > UNSTEADY * timing.low for sizes in speed.timings.values() for timing in sizes.values()):
        told += ["", "Repeats differ widely: something else ran beside them. Measure again before comparing forms."]
    return ["## Speed", "", where, "", *table(header, rows), *told]


def _milliseconds(timing: Timing) -> list[str]:
    return [f"{1e3 * timing.median:.3g}", f"{1e3 * timing.high:.3g}", str(timing.repeats)]


def _forms(agreements: Mapping[str, Agreement], refused: Mapping[str, str]) -> list[str]:
    rows = (
        [
            form,
            f"{each.largest_difference:.1e}",
            f"{each.same_top1} of {each.images}",
            ", ".join(map(str, each.differences)),
        ]
        for form, each in agreements.items()
    )
    header = ["form", "largest difference of scores, of the largest", "same class", "images at a time"]
    left = [f"- {form} is not here: {plain(why)}" for form, why in refused.items()]
    return ["## Agreement with the trained network", "", *table(header, rows), *(["", *left] if left else [])]


def _not_for(trained: Trained, test: Evaluation) -> list[str]:
    weak = [each for each in test.classes if each.recall is not None and each.recall < WEAK]
    unknown = [each for each in test.classes if each.recall is None]
    lines = [
        f"- Images of anything but these {len(test.classes):,} classes: it always answers one of them, often surely.",
        (
            f"- Images unlike those of {plain(trained.dataset.name)}: taken or lit otherwise, of another source. The "
            "test images come from where the training images come from: the accuracy says nothing of others."
        ),
        "- Decisions about people, their health, safety or rights: it was not examined for bias, attacks or drift.",
    ]
    if weak:
        told = ", ".join(f"{plain(each.name)} ({each.recall:.2f} of {each.images:,})" for each in weak)
        lines.append(f"- Classes of which fewer than {WEAK:.0%} of the test images were right: {told}.")
    if unknown:
        lines.append(f"- Classes of which there was no test image: {', '.join(plain(each.name) for each in unknown)}.")
    return ["## What it is not for", "", *lines]
