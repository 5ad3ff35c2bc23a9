"""Exports the winner of a sweep, or a network of one's own: what is measured, in which order, and who is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...spaces import fully_convolutional, load_architecture, total_stride
from ...trainers.export import BUNDLE, FORMATS, About, Trained, accuracy_on_test, export_bundle
from ..bucket import count_look_there
from ..config import load_data
from ..files import count_look
from .retraining import retrain_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...trainers.data import Dataset
    from ...trainers.export import Exported, Format
    from .winner import Winner


def export_winner(
    winner: Winner,
    to: Path,
    *,
    formats: Sequence[Format] = FORMATS,
    seeds: int = 0,
    insight: bool = True,
    slides: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Exports a sweep's winner, with its accuracy on the test images; that these were looked at is counted.

    Args:
        winner: which trial.
        to: the folder to write; an earlier export there is replaced.
        formats: forms to write beside the PyTorch file.
        seeds: from how many seeds it is trained again first; 0 to hand over what the search trained. The first seed's
            network is the one handed over, settled before a test image is read.
        insight: also write pictures of what the network learnt.
        slides: write fully connected layers as convolutions, so that the network slides over larger images.
        tell: takes a line on what goes on.

    Raises:
        ArchitectureError: the network cannot slide, and is to.
        SweepError: that the test was looked at cannot be written down.
        DataError: the images are missing, damaged or too few.
        ExportError: the files do not agree with the trained network, or `to` holds something else.
    """
    BUNDLE.check(to)  # before hours of training, not after them
    design = winner.record.design
    # Where the network cannot slide that raises, before them, too.
    if slides and total_stride(fully_convolutional(design.architecture)) is None:
        tell("The network's head is a pooling: it gives one vector of scores for an image of any size, and no map.")
    if winner.unfinished:
        tell(winner.unfinished)
    whole = load_data(winner.config)
    dataset = whole.for_refit() if seeds else winner.images(whole)
    checkpoints = retrain_all(winner, dataset, seeds, tell) if seeds else [winner.checkpoint]
    first, *others = (Trained.from_checkpoint(design.architecture, each, dataset) for each in checkpoints)
    return export_bundle(
        first,
        to,
        name=winner.config.name,
        formats=formats,
        about=winner.about(seeds, tuple(map(accuracy_on_test, others))),
        details=winner.details(dataset, seeds),
        insight=insight,
        slides=slides,
        count_look=lambda: _count_look(winner),
    )


def images_for(architecture: Path, images: Path | str, root: Path | None) -> Dataset:
    """Images of the size that a network takes: of a folder with a folder for each class, or of a data set.

    Args:
        architecture: a file that holds the JSON of an architecture.
        images: a folder, or the name of a data set as in `data.name`.
        root: the folder that a data set's files are in.

    Raises:
        ArchitectureError: the file holds no architecture, or cannot be read.
        DataError: the images are missing, damaged or too few.
    """
    from ...trainers.data import load_dataset

    size = load_architecture(str(architecture)).input[1:]
    if isinstance(images, Path):
        return load_dataset("folder", images, size=size)
    return load_dataset(images, root, size=size)


def export_file(
    architecture: Path,
    weights: str,
    dataset: Dataset,
    to: Path,
    *,
    formats: Sequence[Format] = FORMATS,
    slides: bool = False,
) -> Exported:
    """Exports a network that no sweep of this project has to have trained.

    Args:
        architecture: a file that holds the JSON of an architecture.
        weights: its weights, as `Trained.from_weights` takes them.
        dataset: images of the classes that it tells apart.
        to: the folder to write; an earlier export there is replaced.
        formats: forms to write beside the PyTorch file.
        slides: write fully connected layers as convolutions, so that the network slides over larger images.

    Raises:
        ArchitectureError: the file holds no architecture, or cannot be read, or the network cannot slide, and is to.
        DataError: the weights cannot be read, or network, weights and data do not fit each other.
        ExportError: the files do not agree with the network, or `to` holds something else.
    """
    trained = Trained.from_weights(load_architecture(str(architecture)), weights, dataset)
    about = About(search=(f"The weights are those of {Path(weights).name}; how they were found is not known here.",))
    return export_bundle(trained, to, name=architecture.stem, formats=formats, about=about, slides=slides)


def _count_look(winner: Winner) -> int:
    """Counts that the test images were looked at: where the sweep is in object storage, there."""
    config, number = winner.config, winner.record.number
    return count_look_there(config.url, config.name, number) if config.url else count_look(config.sweep_folder, number)
