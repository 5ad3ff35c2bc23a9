"""Where MLflow's results go is taken from MLflow's own environment variables where the sweep file says nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..tracking import uri_problem, without_secrets
from .sections import TrackingConfig

if TYPE_CHECKING:
    from .schema import SweepConfig

URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
"""MLflow's own variables of its store and of the experiment."""


def with_environment(config: SweepConfig) -> tuple[SweepConfig, list[str]]:
    """A sweep's config with the store and experiment of the environment, where the sweep file names none.

    What comes of it is for a launch, which keeps it with the sweep: a resume goes on there whatever the environment
    says then. A password in the address is kept in no file, as one in the sweep file.

    Args:
        config: the sweep file.

    Returns:
        The config, and a line for each variable that decided, or that names no store that results can be sent to.
    """
    given = config.tracking.model_dump(exclude_unset=True)
    uri, experiment = os.environ.get(URI), os.environ.get(EXPERIMENT)
    lines = []
    if uri and config.tracking.uri is None:
        shown = f"{without_secrets(uri):.200}"
        if problem := uri_problem(uri):  # common, and fine for MLflow: file:///mlruns, ./mlruns, databricks
            said = f"{URI} in the environment is {shown}, and is not used: {problem}."
            lines.append(f"{said} Results go to {without_secrets(config.tracking_uri)}.")
        else:
            given["uri"] = uri
            lines.append(f"MLflow's store is {shown}, by {URI} in the environment.")
    if experiment and "experiment" not in config.tracking.model_fields_set:
        given["experiment"] = experiment
        lines.append(f"MLflow's experiment is {experiment}, by {EXPERIMENT} in the environment.")
    return (config.model_copy(update={"tracking": TrackingConfig(**given)}) if lines else config), lines
