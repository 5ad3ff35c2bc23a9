"""The run of a sweep in MLflow, to which an export is added, and what is said where that does not succeed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...spaces import ConvscapeError, SweepError
from .mlflow_store import connect_store, store_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient
    from mlflow.entities import Run


@contextmanager
def as_sweep_error(what: str, again: str) -> Iterator[None]:
    """Has whatever MLflow, or the storage behind it, raises told in a line, as what became of the export.

    Args:
        what: what did not succeed, as the beginning of a sentence.
        again: how to try it again later, as a sentence.

    Raises:
        SweepError: something was raised that is no error of this project's.
    """
    try:
        yield
    except ConvscapeError:
        raise
    except Exception as error:
        raise SweepError(f"{what}: {store_error(error)}", again) from error


def find_run(uri: str, run_id: str | None, again: str) -> tuple[MlflowClient, Run]:
    """The store's client and a sweep's own run, which is there and was not deleted.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.
        run_id: MLflow's id of the run; None where nothing was sent yet.
        again: how to try it again later, as a sentence.

    Raises:
        SweepError: the run is not there.
        Exception: whatever MLflow raises.
    """
    if run_id is None:
        raise SweepError(f"the sweep's run has not reached MLflow at {uri} yet", again)
    from mlflow.exceptions import MlflowException

    client = connect_store(uri)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise SweepError(
            f"MLflow has no run {run_id:.40}, which was the sweep's",
            f"Send the sweep to a store anew, with `--to URI`. {again}",
        ) from None
    if run.info.lifecycle_stage != "active":
        raise SweepError(
            f"the sweep's run {run_id:.40} was deleted in MLflow",
            f"Restore it there: `mlflow runs restore --run-id {run_id:.40}`. {again}",
        )
    return client, run
