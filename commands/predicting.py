"""The command that classifies pictures with a sweep's winner, or with an export."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..spaces import ConfigError, SweepError, printable
from .options import SWEEPS, Folder, Output
from .printing import echo, echo_json

if TYPE_CHECKING:
    from ..trainers import Classifier, Prediction

SHOWN = 3
"""Classes that are shown of a picture, the most probable."""
ARCHITECTURE = "architecture.json"
"""A file that is in every export's folder, and in no sweep's."""


def predict(
    name: Annotated[
        str, typer.Argument(metavar="NAME|BUNDLE", help="A sweep's name, for its winner; or an export's folder.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES", help="Pictures, or folders of pictures.")],
    folder: Folder = SWEEPS,
    csv_: Annotated[bool, typer.Option("--csv", help="All classes' probabilities, as CSV.")] = False,
    output: Output = "table",
) -> None:
    """Name the class of each picture, with the probability of the best three.

    A picture that cannot be read is told, and does not end it; the exit code is 2 then. Of an export nothing is run:
    its network is built of the JSON and the weights.

    \b
      convscape predict leaves photo.jpg
      convscape predict exported/leaves photos/ --csv > answers.csv
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if csv_ and output == "json":
        raise ConfigError("--csv and -o json: one or the other", "Leave one of them out.")
    files, unread = _files(images), 0
    classifier = _classifier(name, folder)
    answers = classifier.predict(files)
    if csv_:
        echo(_row(["file", "label", "probability", *classifier.classes]))
    if output == "json":
        found = [_json(classifier, file, answer) for file, answer in answers]
        echo_json(found)
        unread = sum("problem" in each for each in found)
    else:
        for file, answer in answers:
            if answer.problem:
                unread += 1
                echo(f"convscape: {file}: {answer.problem}", err=True)
                continue
            best = _best(classifier, answer)
            if csv_:
                label, probability = best[0]
                echo(_row([str(file), label, f"{probability:.6f}", *(f"{each:.6f}" for each in answer.probabilities)]))
            else:
                echo(f"{file}: {', '.join(f'{label} {probability:.1%}' for label, probability in best)}")
    if unread:
        raise typer.Exit(2)


def _classifier(name: str, folder: Path) -> Classifier:
    """The network of a sweep's winner; or of an export's folder, where `name` is that of a folder with one."""
    from ..search import Sweep
    from ..trainers import exported_classifier

    bundle = Path(name).expanduser()
    is_sweep = os.sep not in name and (folder / name / "config.json").is_file()
    if (bundle / ARCHITECTURE).is_file():
        if is_sweep:
            raise ConfigError(
                f"{name} is a sweep in {folder} and an export's folder here", f"For the folder say ./{name}."
            )
        return exported_classifier(bundle)
    if bundle.is_dir() and not is_sweep:
        if (bundle / "config.json").is_file():  # the sweep's folder itself
            return Sweep.open(bundle.resolve().name, bundle.resolve().parent).classifier()
        raise SweepError(f"{bundle} is no export's folder: it holds no {ARCHITECTURE}", "Name a sweep, or an export.")
    return Sweep.open(name, folder).classifier()


def _files(places: list[Path]) -> list[Path]:
    """The pictures that were named, and those in the folders that were named."""
    from ..trainers.data import images_below

    return [file for place in places for file in (images_below(place) if place.is_dir() else [place])]


def _best(classifier: Classifier, answer: Prediction) -> list[tuple[str, float]]:
    pairs = zip(classifier.classes, answer.probabilities, strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])[:SHOWN]


def _json(classifier: Classifier, file: Path, answer: Prediction) -> dict[str, Any]:
    if answer.problem:
        return {"file": str(file), "problem": answer.problem}
    best = _best(classifier, answer)
    return {
        "file": str(file),
        "label": best[0][0],
        "probability": best[0][1],
        "best": [{"label": label, "probability": probability} for label, probability in best],
    }


def _row(values: list[str]) -> str:
    """A line of CSV; what names hold stays within its cell and its line."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([printable(value).replace("\n", "\\n") for value in values])
    return written.getvalue()
