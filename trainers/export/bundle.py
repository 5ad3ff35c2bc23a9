"""Exports a trained network as files that run without this project, proved to agree with it."""

from __future__ import annotations

import errno
import json
import runpy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from ...spaces import ExportError
from ..predicting import Classifier
from ..stages import by_stages
from .agreement import Agreement, batches, compare
from .bundle_folder import (
    ALWAYS,
    ARCHITECTURE,
    BUNDLE,
    CARD,
    INSIGHT,
    PROOF,
    SOURCE,
)
from .forms import FORM_FILES, FORMATS, exported_program, load_form, without_packages, write_form
from .larger import as_fully_convolutional, compare_on_larger
from .measured import Figures, Measurements, measure, measure_speed
from .model_card import About, model_card
from .proof import proof
from .pytorch_source import EXAMPLES, WEIGHTS, source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from ..measuring import Evaluation
    from ..sliding import CropComparison
    from .forms import Format
    from .trained import Trained

EXAMPLE_IMAGES = 16
"""Test images that are exported with their scores, at most."""
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""Errors of a disk, which end an export; of others torch and onnx raise any for a network that they cannot say."""
REPORT = "Nothing was handed over. Please report this with the architecture's JSON."


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported network, and how it did on the test part."""

    folder: Path
    files: tuple[str, ...]
    """Names of the files in `folder`."""
    measured: Measurements
    """How the exported network did on the test images."""
    looks: int | None
    """How often the test images were looked at, this time included: from the second time on, choosing between exports
    by their accuracy makes it optimistic. None where nobody counts: the weights may have learnt from these images."""
    agreements: dict[str, Agreement]
    """How near each form that was handed over comes to the trained network: "source", "pt2" and "onnx"."""
    refused: dict[str, str]
    """Forms that are not handed over, as they disagree with the trained network or cannot say it, with the reason."""
    details: dict[str, Any]
    """What proof.json holds of where the network comes from."""
    absent: dict[str, str]
    """Forms that cannot be written on this machine, with what is missing and how to get it."""
    larger: CropComparison | None
    """How one pass over larger images compares with classifying their crops; None where that was not asked for, or
    where the network gives one vector of scores for an image of any size."""

    others: tuple[float, ...] = ()
    """Test accuracy, 0 to 1, of each network that was trained like this one, from another seed."""

    @property
    def test(self) -> Evaluation:
        """How the exported network did on the test images."""
        return self.measured.test

    @property
    def test_accuracy(self) -> float:
        """Share of the test images that is right, 0 to 1."""
        return self.test.accuracy

    @property
    def test_images(self) -> int:
        """How many test images there are."""
        return self.test.images

    @property
    def largest_difference(self) -> float:
        """Largest difference between scores of any form and of the trained network, as a part of the largest score."""
        return max(each.largest_difference for each in self.agreements.values())


def export_bundle(
    trained: Trained,
    folder: Path,
    *,
    name: str,
    formats: Sequence[Format] = FORMATS,
    about: About | None = None,
    details: dict[str, Any] | None = None,
    insight: bool = True,
    slides: bool = False,
    count_look: Callable[[], int] | None = None,
) -> Exported:
    """Exports a network as a PyTorch file that needs only torch and in other forms, and proves that they agree.

    Each form is run on test images and its scores are compared with the trained network's, at several batch sizes.
    Nothing stands at `folder` until the PyTorch file agrees; another form that does not is left out. An earlier export
    there is replaced; anything else is left alone.

    Args:
        trained: the network and its data, whose test part is used here and nowhere else.
        folder: where the files go.
        name: of the network, for people.
        formats: forms to write beside the PyTorch file.
        about: what is known of how the network was found, for the model card.
        details: anything JSON can hold, for proof.json.
        insight: also write a page with pictures of what the network learnt, with the test images that it shows.
        slides: write fully connected layers as convolutions, so that the network slides over larger
            images: equal at its own size, and compared with crops on enlarged test images.
        count_look: called once, when the network has been measured on the test images and before anybody is told;
            counts that and gives how often they were looked at. None where that is not known.

    Raises:
        ExportError: the exported PyTorch file disagrees or does not run, or `folder` is in use or cannot be written.
        ArchitectureError: the network cannot slide, and is to.
    """
    with BUNDLE.written(folder) as temporary:
        handed = as_fully_convolutional(trained) if slides else trained
        making = _Making(trained=handed, searched=trained, folder=temporary, name=name, slides=slides)
        making.write_source()
        making.prove_source()
        for form in formats:
            making.write(form)
        if insight:
            making.look_inside()
        exported = making.finish(about or About(), details or {}, count_look)
    return Exported(folder=folder.parent.resolve() / folder.name, **exported)


@dataclass(kw_only=True)
class _Making:
    """An export on its way: what is written so far, and how it compares."""

    trained: Trained
    """The network that is handed over."""
    searched: Trained
    """The network as it was trained, which all forms are to agree with; the same one, or written with other layers."""
    slides: bool
    """Whether it is handed over in its fully convolutional form."""
    folder: Path
    name: str
    agreements: dict[str, Agreement] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    """Names of the files that show what the network learnt."""
    module: dict[str, Any] = field(default_factory=dict)
    """The names of the exported Python file, once it has run."""
    runs: dict[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    """Each form that agrees: prepared images (N, C, H, W) -> scores (N, classes)."""

    @cached_property
    def network(self) -> nn.Module:
        """The network of the exported Python file."""
        return self.module["load"]()

    def write_source(self) -> None:
        """Writes what every export has, but for what is measured."""
        trained, folder = self.trained, self.folder
        tensors = by_stages(trained.architecture, trained.network.state_dict())
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / WEIGHTS)
        (folder / ARCHITECTURE).write_text(json.dumps(trained.architecture.to_json(), indent=1))
        text = source(trained.architecture, trained.dataset, self.name, slides=self.slides)
        (folder / SOURCE).write_text(text, encoding="utf-8")
        save_file(self._examples(), folder / EXAMPLES)
        for file in (WEIGHTS, EXAMPLES):  # safetensors keeps a file to its owner
            (folder / file).chmod((folder / ARCHITECTURE).stat().st_mode)

    def prove_source(self) -> None:
        """Runs the exported Python file by itself, and compares it.

        Raises:
            ExportError: it does not run, or disagrees.
        """
        try:
            self.module = runpy.run_path(str(self.folder / SOURCE), run_name="exported_model")
            self.agreements["source"] = self._compared(self.network)
        except ExportError as error:
            raise ExportError(f"the exported {SOURCE} disagrees: {error.message}", REPORT) from error
        except Exception as error:
            raise ExportError(f"the exported file does not run: {error!r:.200}", REPORT) from error
        self.runs["source"] = self.network

    def write(self, form: Format) -> None:
        """Writes a form and compares it; where it disagrees, or cannot be written, says so and leaves it out."""
        if why := without_packages(form):
            self.absent[form] = why
            return
        file = self.folder / FORM_FILES[form]
        try:
            write_form(form, self._program, file, self._metadata())
            run = load_form(form, file)
            self.agreements[form] = self._compared(run)
            self.runs[form] = run
        except ExportError as error:
            self.refused[form] = error.message
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise
            self.refused[form] = f"it cannot be written: {type(error).__name__}: {str(error).strip()[:200]}"
        if form in self.refused:
            file.unlink(missing_ok=True)

    def look_inside(self) -> None:
        """Writes a page with pictures of what the network learnt, with test images, which have no names there."""
        from ..insight import inspect_network, sample_of_part  # here: an export without pictures needs no matplotlib

        trained, dataset = self.trained, self.trained.dataset
        classifier = Classifier(
            network=trained.network,
            classes=dataset.classes,
            architecture=trained.architecture,
            mean=dataset.mean,
            std=dataset.std,
            resize=dataset.resize,
        )
        folder = self.folder / INSIGHT
        folder.mkdir()
        seen = inspect_network(classifier, sample_of_part(dataset.test, "test images"), folder, name=self.name)
        self.pictures = tuple(f"{INSIGHT}/{file}" for file in seen.files)

    def finish(self, about: About, details: dict[str, Any], count_look: Callable[[], int] | None) -> dict[str, Any]:
        """Measures on all test images, and writes the model card and the proof; all of `Exported` but the folder."""
        trained = self.trained
        measured = measure(trained, lambda pixels: self.runs["source"](self.module["prepare"](pixels)))
        timed = {"eager": self.network} | {form: run for form, run in self.runs.items() if form == "onnx"}
        figures = Figures(
            measured=measured,
            speed=measure_speed(trained, timed),
            larger=compare_on_larger(self.searched) if self.slides else None,
            looks=count_look() if count_look else None,
            agreements=self.agreements,
            left_out=self.refused | self.absent,
            converted_from=self.searched.architecture.digest if self.slides else None,
        )
        (self.folder / CARD).write_text(model_card(self.name, trained, figures, about), encoding="utf-8")
        files = [*ALWAYS, *(FORM_FILES[form] for form in FORMATS if form in self.runs), *self.pictures]
        BUNDLE.write_manifest(self.folder, proof(self.name, trained, figures, about, details), files)
        return {
            "files": (*files, PROOF),
            "measured": measured,
            "looks": figures.looks,
            "agreements": self.agreements,
            "refused": self.refused,
            "details": details,
            "absent": self.absent,
            "larger": figures.larger,
            "others": about.others,
        }

    @cached_property
    def _program(self) -> ExportedProgram:
        return exported_program(self.network, self.trained.architecture.input)

    def _metadata(self) -> dict[str, object]:
        dataset = self.trained.dataset
        return {
            "labels": list(dataset.classes),
            "input": list(self.trained.architecture.input),
            "mean": list(dataset.mean),
            "std": list(dataset.std),
            "resize": dataset.resize,
            "preparation": "(pixels / 255 - mean) / std",
            "architecture": self.trained.architecture.digest,
        }

    def _compared(self, run: Callable[[Tensor], Tensor]) -> Agreement:
        trained, test = self.searched, self.searched.dataset.test
        prepare = self.module["prepare"]
        return compare(
            lambda start, end: trained.scores(test, np.arange(start, end)),
            lambda start, end: run(prepare(trained.pixels(start, end))),
            batches(len(test), trained.at_a_time),
        )

    def _examples(self) -> dict[str, Tensor]:
        """A few test images as they are stored, their labels and the trained network's scores."""
        trained = self.searched
        many = min(EXAMPLE_IMAGES, trained.at_a_time, len(trained.dataset.test))
        return {
            "images": trained.pixels(0, many),
            "labels": torch.tensor(trained.dataset.test.labels[:many]),
            "scores": trained.scores(trained.dataset.test, np.arange(many)).contiguous(),
        }
