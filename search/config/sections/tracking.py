"""The `tracking` section of a sweep file."""

from __future__ import annotations

from pydantic import field_validator

from ...tracking import hide, uri_problem
from .section import Section


class TrackingConfig(Section):
    """The `tracking` section of a sweep file: the MLflow store and the experiment that results are sent to."""

    uri: str | None = None
    """MLflow tracking URI; when not given MLFLOW_TRACKING_URI's, else a SQLite file in `folder`. `${NAME}` is what the
    environment has, `MLFLOW_TRACKING_…` or `CONVSCAPE_TRACKING_…`; a password that is written here is in no file."""

    @field_validator("uri")
    @classmethod
    def _of_a_store(cls, uri: str | None) -> str | None:
        if uri is not None and (problem := uri_problem(uri)):
            raise ValueError(problem)
        return uri and hide(uri)

    experiment: str = "convscape"
    """MLflow experiment that holds the sweep's runs; when not given MLFLOW_EXPERIMENT_NAME in the environment goes
    first."""

    @field_validator("experiment")
    @classmethod
    def _named(cls, experiment: str) -> str:
        if not experiment.strip():
            raise ValueError("MLflow has no experiment without a name: leave it out for 'convscape'")
        return experiment
