"""Which folders below a root hold the classes, and which the parts of a data set: training, validation and test.

Three habits are understood. A folder a class, as torchvision's ImageFolder and Keras have it; or `train`, and beside it
`val`, `valid` or `validation`, `test`, or both, each with a folder a class inside. What looks like something else is
asked about, not learnt.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...spaces import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRAIN, VALIDATION, TEST = ("train",), ("val", "valid", "validation"), ("test",)
"""Names of the folders of parts, in upper or lower case."""
MEANT = ("training", "dev", "eval", "evaluation", "testing")
"""Names that may mean a part, and may be a class's: with nothing but such names a person is asked."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the images of a data set lie."""

    train: Path
    """The folder that holds a folder a class."""
    classes: tuple[str, ...]
    """Names of these folders, sorted: the order of the labels."""
    validation: Path | None = None
    """The folder that holds a folder a class for validation; None where there is none."""
    test: Path | None = None
    """The folder that holds a folder a class for the test; None where there is none."""
    ignored: tuple[str, ...] = ()
    """Folders beside those of the parts, which are not read."""


def layout_of(root: Path) -> Layout:
    """Where the images below a folder lie. Hidden folders are none.

    Raises:
        DataError: fewer than two classes, or folders that look like something else than classes; says what to do.
    """
    names = folders_in(root)
    parts = {kind[0]: _one(root, names, kind) for kind in (TRAIN, VALIDATION, TEST)}
    train, validation, test = parts["train"], parts["val"], parts["test"]
    if train is None:
        _refuse_parts(root, names)
        return Layout(train=root, classes=_classes(root))
    others = [name for name in names if name not in parts.values()]
    base = root / train
    classes = _classes(base)
    for part in (validation, test):
        if part and (unknown := sorted(set(folders_in(root / part)) - set(classes))):
            raise DataError(
                f"data.root: {root / part / unknown[0]} is no class of {base}", "Remove it or add the class."
            )
    return Layout(
        train=base,
        classes=classes,
        validation=root / validation if validation else None,
        test=root / test if test else None,
        ignored=tuple(f"{root / name}: is beside {train}/ and no part" for name in others),
    )


def folders_in(base: Path) -> list[str]:
    """Names of the folders in a folder, without hidden ones, sorted; links to folders count.

    Raises:
        DataError: it cannot be read.
    """
    try:
        inside = sorted(base.iterdir())
    except OSError as error:
        raise DataError(
            f"data.root: {base} cannot be read: {error.strerror}", "Set data.root to the folder of the images."
        ) from None
    return [path.name for path in inside if os.path.isdir(path) and not path.name.startswith(".")]  # noqa: PTH112


def _one(root: Path, names: Sequence[str], kind: Sequence[str]) -> str | None:
    """The folder of a part; None where there is none."""
    found = [name for name in names if name.lower() in kind]
    if len(found) > 1:
        raise DataError(
            f"data.root: {root} holds {' and '.join(found)}, which both mean {kind[-1]}",
            "Leave one, or rename the other.",
        )
    return found[0] if found else None


def _refuse_parts(root: Path, names: Sequence[str]) -> None:
    """Refuses to take for classes what is called like parts of a data set."""
    if names and all(name.lower() in (*VALIDATION, *TEST, *MEANT) for name in names):
        raise DataError(
            f"data.root: {root} holds {', '.join(names)}: they look like parts of a data set, and none is called train",
            "Call the folder to train on `train`, beside it `val` and `test`; or, if they are classes, put them into "
            "a folder `train` as they are.",
        )


def _classes(base: Path) -> tuple[str, ...]:
    names = folders_in(base)
    if len(names) < 2:
        below = base / names[0] if names else None
        inside = folders_in(below) if below else []
        hint = f"Did you mean data.root: {below}? It holds {len(inside)} folders. " if len(inside) > 1 else ""
        raise DataError(
            f"data.root: {base} holds {len(names)} folders of images and a classifier needs at least 2",
            f"{hint}Put the images of each class into a folder with the class's name.",
        )
    within = [set(folders_in(base / name)) for name in names]
    shared = sorted(set.intersection(*within))
    if len(shared) > 1 and not any(_holds_files(base / name) for name in names):
        raise DataError(
            f"data.root: {names[0]} and {len(names) - 1} more in {base} hold no images themselves, and all of them the "
            f"folders {', '.join(shared[:5])}, which look like the classes",
            f"Set data.root to one of them, as {base / names[0]}; or put all images of a class into one folder.",
        )
    return tuple(names)


def _holds_files(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.is_file() and not entry.name.startswith(".") for entry in entries)
    except OSError:  # told when it is read
        return True
