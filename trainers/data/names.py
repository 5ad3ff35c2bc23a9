"""Names of the data sets that are known; neither torch nor numpy is loaded for them."""

from __future__ import annotations

from ...spaces import DataError, nearest

DATA_SETS = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100", "svhn", "stl10", "folder")
"""Names that `load_dataset` knows. Case, hyphens and underscores do not matter."""


def known_name(name: str) -> str:
    """The data set of DATA_SETS that is meant by a name, whatever its case, hyphens, underscores and spaces.

    Raises:
        DataError: there is none; says which is nearest.
    """
    plain = {known.replace("-", ""): known for known in DATA_SETS}
    try:
        return plain[str(name).lower().replace("-", "").replace("_", "").replace(" ", "")]
    except KeyError:
        raise DataError(
            f"data.name (={name!r}) is not known",
            f"{nearest(str(name).lower(), DATA_SETS)} Or name a function of yours by its import path.",
        ) from None


def data_set_called(name: str) -> str | None:
    """The data set that is known by a name, however that is written; None where there is none.

    >>> data_set_called("Fashion_MNIST"), data_set_called("folder"), data_set_called("leaves")
    ('fashion-mnist', None, None)
    """
    try:
        known = known_name(name)
    except DataError:
        return None
    return None if known == "folder" else known
