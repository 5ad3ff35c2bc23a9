"""The command that looks into a trained network: a sweep's winner, or an export."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..spaces import ConfigError, SweepError
from .completion import sweep_names
from .images import images_named
from .options import SWEEPS, Folder, Output, TrustCode, typed_path
from .printing import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trainers import Classifier
    from ..trainers.insight import Inspection, Sample

INSPECTED = Path("inspected")
"""Folder in the working folder in which each inspection has one of its own."""
ARCHITECTURE = "architecture.json"
"""A file that is in every export's folder, and in no sweep's."""


def inspect(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP|BUNDLE",
            help="A sweep's name, for its winner; or an export's folder.",
            autocompletion=sweep_names,
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", parser=typed_path, help="Where page and pictures go: inspected/NAME."),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            metavar="FOLDER|DATASET",
            help="Pictures, in a folder for each class or without; or a data set's name. Of a sweep its own.",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", parser=typed_path, help="Where the files of the named data set are."),
    ] = None,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; the winner when not given.")] = None,
    folder: Folder = SWEEPS,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Look inside a trained network: filters, activations, saliency, neighbours, mistakes, as a page with pictures.

    Each picture says what it shows, what would be alarming, and what was found. A sweep's network is shown validation
    images, never test images; an export's what --images names, and without only what needs none. Of an export nothing
    is run: its network is built of the JSON and the weights.

    \b
      convscape inspect digits
      convscape inspect digits --trial 7 --to inspected/small
      convscape inspect exported/leaves --images photos/
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if root is not None and images is None:
        raise ConfigError("--root: no data set is named", "Name it: --images DATASET.")
    inspection = _inspection(name, to, trial, folder, _sampler(images, root), trust_code=trust_code)
    from ..dashboards.text import inspection_json, inspection_lines

    if output == "json":
        echo_json(inspection_json(inspection))
    else:
        echo(inspection_lines(inspection))


def _inspection(
    name: str,
    to: Path | None,
    trial: int | None,
    folder: Path,
    sampler: Callable[[Classifier], Sample] | None,
    *,
    trust_code: bool,
) -> Inspection:
    """Looks into a sweep's network; or into an export's, where `name` is that of a folder with one."""
    from ..search import Sweep

    bundle = Path(name).expanduser()
    is_sweep = os.sep not in name and (folder / name / "config.json").is_file()
    if (bundle / ARCHITECTURE).is_file():
        if is_sweep:
            raise ConfigError(
                f"{name} is a sweep in {folder} and an export's folder here", f"For the folder say ./{name}."
            )
        if trial is not None:
            raise ConfigError(f"--trial: {name} is an export, which holds one network", "Leave --trial out.")
        return _of_bundle(bundle, to, sampler)
    if bundle.is_dir() and not is_sweep:
        if not (bundle / "config.json").is_file():
            raise SweepError(
                f"{bundle} is no export's folder: it holds no {ARCHITECTURE}", "Name a sweep, or an export."
            )
        name, folder = bundle.resolve().name, bundle.resolve().parent  # the sweep's folder itself
    sweep = Sweep.open(name, folder, trust_code=trust_code)
    return sweep.inspect(to or INSPECTED / sweep.name, trial, sampler)


def _of_bundle(bundle: Path, to: Path | None, sampler: Callable[[Classifier], Sample] | None) -> Inspection:
    from ..trainers import exported_classifier
    from ..trainers.insight import inspect_to

    classifier, name = exported_classifier(bundle), bundle.resolve().name
    return inspect_to(classifier, sampler(classifier) if sampler else None, to or INSPECTED / name, name=name)


def _sampler(images: str | None, root: Path | None) -> Callable[[Classifier], Sample] | None:
    """What gives the images that --images names, once it is known which network looks at them."""
    if images is None:
        return None
    from ..trainers.insight import sample_of_data_set, sample_of_files

    place = images_named("--images", images, root)
    return partial(sample_of_files, place) if isinstance(place, Path) else partial(sample_of_data_set, place, root)
