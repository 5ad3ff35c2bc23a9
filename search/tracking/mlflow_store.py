"""How MLflow's store is spoken to: by a client that answers or fails soon, and with errors in a line."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

_PAGE = 1000


def connect_store(uri: str) -> MlflowClient:
    """An MLflow client that answers or fails soon, and keeps quiet.

    MLflow repeats a failed request by itself for four minutes, run creation included, which doubles runs; the uploader
    repeats with more knowledge, so that is switched off for this process, as are telemetry and chatter. An SQLite store
    that is not there is made.

    Args:
        uri: MLflow's tracking URI.

    Raises:
        Exception: whatever MLflow raises.
    """
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "30"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

    from mlflow import MlflowClient

    warnings.filterwarnings("ignore", module=r"(mlflow|alembic|sqlalchemy)\.")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    if (database := sqlite_file(uri)) is not None:
        _make(database)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _make(database: Path) -> None:
    """Make an SQLite store in one piece.

    MLflow takes seconds to make its tables, and a kill in between leaves a file that no MLflow opens again.
    """
    if database.exists() and database.stat().st_size:
        return
    from mlflow import MlflowClient

    database.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(database.with_name(f".{database.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if database.exists() and database.stat().st_size:
            return
        unfinished = database.with_name(f".{database.name}.new")
        for left in database.parent.glob(f"{unfinished.name}*"):
            left.unlink()
        MlflowClient(tracking_uri=f"sqlite:///{unfinished}").search_experiments(max_results=1)
        unfinished.replace(database)
    finally:
        os.close(lock)


def sqlite_file(uri: str) -> Path | None:
    """The database file of an SQLite URI, absolute; None for any other URI.

    >>> sqlite_file("sqlite:////data/mlflow.db")
    PosixPath('/data/mlflow.db')
    """
    if not uri.startswith("sqlite:///"):
        return None
    return Path(uri.removeprefix("sqlite:///").partition("?")[0]).absolute()


def moved_store(uri: str, folder: Path) -> str:
    """The URI of a store that was there once, wherever it is now.

    Where its SQLite file is gone and one of its name lies beside the sweep's folder, both were moved, and it is that
    one.

    Args:
        uri: MLflow's tracking URI when the sweep began.
        folder: the sweep's folder.
    """
    database = sqlite_file(uri)
    if database is None or database.exists():
        return uri
    beside = folder.absolute().parent / database.name
    return f"sqlite:///{beside}" if beside.exists() else uri


def search_runs(client: MlflowClient, experiment: str, where: str) -> Iterator[Any]:
    """All active runs of an experiment that match an MLflow filter, oldest first, read page by page.

    Args:
        client: of the store.
        experiment: MLflow's id of the experiment.
        where: a filter as in MLflow's `search_runs`.
    """
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment], where, max_results=_PAGE, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def without_password(text: str) -> str:
    """A text without the user names and passwords of the addresses in it.

    >>> without_password("no answer from https://me:secret@mlflow.example/")
    'no answer from https://mlflow.example/'
    """
    return re.sub(r"://[^/@\s]+@", "://", text)


def store_error(error: BaseException) -> str:
    """The first cause of an exception: its kind and the first line of what it says, without passwords.

    MLflow wraps what went wrong in all it tried, three layers deep and a paragraph long.

    >>> store_error(OSError("no route to host"))
    'OSError: no route to host'
    """
    while cause := error.__cause__ or error.__context__:
        error = cause
    text = without_password(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__
