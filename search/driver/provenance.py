"""Provenance: where a sweep's results come from, by config, code and its version, data and machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ..tracking import without_secrets

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..config import SweepConfig

PACKAGES = ("torch", "ray", "optuna", "mlflow")
"""Packages, beside Convscape, whose versions are kept with a sweep's run in MLflow."""
YOURS = ("system\t", "global\t", "command\t")
"""Scopes of git's settings that no repository decides."""
_PATIENCE = 5.0  # seconds that git may take


def provenance(config: SweepConfig, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """What the sweep's own run in MLflow says of the sweep: `params`, `tags` and `artifacts`, by these names.

    Params are the config under dotted keys; tags are the data's fingerprint, versions, git commits and the machine;
    artifacts are config.json and environment.txt, text by file name. Addresses are without passwords.
    """
    tracking = config.tracking.model_copy(update={"uri": without_secrets(config.tracking_uri)})
    shown = config.model_copy(update={"tracking": tracking}).to_json()
    return {
        "params": dotted_keys(shown),
        "tags": {
            "convscape.data": dataset.name,
            "convscape.data_fingerprint": dataset.fingerprint,
            "convscape.python": platform.python_version(),
            "convscape.platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "convscape.host": platform.node(),
            "convscape.version.convscape": __version__,  # on a cluster's head it is no installed package
            **{f"convscape.version.{package}": version(package) for package in PACKAGES},
            **_commits(config),
        },
        "artifacts": {"config.json": json.dumps(shown, indent=1) + "\n", "environment.txt": _installed()},
    }


def commit(folder: Path) -> str | None:
    """The git commit that `folder` is at; None outside git, or without git.

    "-dirty" stands behind it where tracked files differ, "-unchecked" where git cannot compare them, or would run a
    program that the repository itself names: the folder may be anybody's.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    listed = ("config", "--show-scope", "--includes", "--name-only", "--get-regexp", r"^(filter|lfs\.extension)\.")
    filters = _git(folder, *listed, none=1)
    if filters is None or not all(line.startswith(YOURS) for line in filters.splitlines()):
        return f"{head}-unchecked"
    changed = _git(folder, "diff", "--name-only", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "HEAD")
    return f"{head}-unchecked" if changed is None else f"{head}-dirty" if changed else head


def _git(folder: Path, *arguments: str, none: int = 0) -> str | None:
    """What git prints; None where it fails. Hooks, monitors and transports that a repository names are not run.

    With the exit status `none` it says, printing nothing, that there is nothing.
    """
    off = ("core.fsmonitor=false", "core.hooksPath=/dev/null")
    options = [word for setting in off for word in ("-c", setting)]
    try:
        found = subprocess.run(  # noqa: S603 - no shell
            ["git", "--no-optional-locks", *options, *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            env={**os.environ, "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"},  # over any setting
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    text = found.stdout.strip()
    return text if found.returncode == 0 or (found.returncode == none and not text) else None


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
