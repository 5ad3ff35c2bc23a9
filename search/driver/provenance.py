"""Provenance: where a sweep's results come from, by config, code and its version, data and machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tracking import without_password

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..config import SweepConfig

PACKAGES = ("convscape", "torch", "ray", "optuna", "mlflow")
"""Packages whose versions are kept with a sweep's run in MLflow."""
_PATIENCE = 5.0  # seconds that git may take


def provenance(config: SweepConfig, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """What the sweep's own run in MLflow says of the sweep: `params`, `tags` and `artifacts`, by these names.

    Params are the config under dotted keys; tags are the data's fingerprint, versions, git commits and the machine;
    artifacts are config.json and environment.txt, text by file name. Addresses are without passwords.
    """
    tracking = config.tracking.model_copy(update={"uri": without_password(config.tracking_uri)})
    shown = config.model_copy(update={"tracking": tracking}).to_json()
    return {
        "params": dotted_keys(shown),
        "tags": {
            "convscape.data": dataset.name,
            "convscape.data_fingerprint": dataset.fingerprint,
            "convscape.python": platform.python_version(),
            "convscape.platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "convscape.host": platform.node(),
            **{f"convscape.version.{package}": version(package) for package in PACKAGES},
            **_commits(config),
        },
        "artifacts": {"config.json": json.dumps(shown, indent=1) + "\n", "environment.txt": _installed()},
    }


def commit(folder: Path) -> str | None:
    """The git commit that `folder` is at, "-dirty" behind it where files differ; None outside git, or without git.

    Untracked files do not count.
    """
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],  # noqa: S607 - the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


def _commits(config: SweepConfig) -> dict[str, str]:
    """MLflow's own tag for the code of the sweep: where its modules lie, or else the command was typed; and ours."""
    places = [*(config.code or ()), Path()]
    theirs = next((found for place in places if (found := commit(place))), None)
    ours = commit(Path(__file__).parent) if _is_checkout() else None
    tags = {"mlflow.source.git.commit": theirs, "convscape.commit": ours}
    return {key: value for key, value in tags.items() if value}


def _is_checkout() -> bool:
    """Whether this package is run from its repository: an installed one may lie in somebody else's."""
    return (Path(__file__).parents[2] / ".git").exists()


def _installed() -> str:
    names = {found.name: found.version for found in distributions() if found.name}
    return "".join(f"{name}=={names[name]}\n" for name in sorted(names, key=str.lower))


def dotted_keys(values: dict[str, Any], prefix: str = "") -> dict[str, object]:
    """Nested settings as a flat mapping with dotted keys, as in "search.trials", without settings that are not set.

    A range within `space` or `recipe`, such as {low, high}, stays one value.

    Args:
        values: settings by key, some of them mappings.
        prefix: stands before every key.
    """
    result: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value and not prefix.startswith(("space.", "recipe.")):
            result |= dotted_keys(value, f"{prefix}{key}.")
        elif value not in (None, {}, []):
            result[f"{prefix}{key}"] = value
    return result
