"""How MLflow's store is spoken to: by a client that answers or fails soon, and with errors in a line."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import tempfile
import threading
import warnings
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...spaces import SweepError
from ..files import lock_file
from .secrets import misused_name, public_address, reveal, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlflow import MlflowClient

_PAGE = 1000
_MAKING = threading.Lock()  # of stores: alembic, which makes their tables, works for one thread at a time
_SCHEME = re.compile(r"(sqlite:///|(https?|(postgresql|mysql|mssql)(\+\w+)?|databricks)://)", re.ASCII)
_SLASHES = re.compile(r"(?!sqlite:///)sqlite:(?://)?(/?[\w.~-][\w./~ -]*)")  # too few of them
_TABLES = {"alembic_version", "experiments"}  # of every MLflow


def connect_store(uri: str, patience: int = 30) -> MlflowClient:
    """An MLflow client that answers or fails soon, and keeps quiet.

    MLflow repeats a failed request by itself for four minutes, run creation included, which doubles runs; the uploader
    repeats with more knowledge, so that is switched off for this process, as are telemetry and chatter. An SQLite store
    that is not there is made.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.
        patience: seconds that a server may take to answer.

    Raises:
        SweepError: one of its secrets is not in the environment, or its SQLite file is another program's.
        Exception: whatever MLflow raises.
    """
    database = sqlite_file(uri)
    if database is not None and is_foreign(database):
        raise SweepError(
            f"{database} is no database of MLflow's, and is left as it is",
            "Name another file, or one that is not there.",
        )
    with _MAKING:
        return _connect(uri, database, patience)


def _connect(uri: str, database: Path | None, patience: int) -> MlflowClient:
    _quieten(patience)
    from mlflow import MlflowClient

    if database is not None:
        _make(database)
    elif not uri.startswith(("http", "databricks")):
        from mlflow.store.db import utils

        utils.MAX_RETRY_COUNT = 1  # not ten, over 100 s
    whole = whole_uri(uri)
    return MlflowClient(tracking_uri=whole, registry_uri=whole)


def _quieten(patience: int) -> None:
    """Imports MLflow, without telemetry, chatter and repeated requests."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(patience)
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

    import mlflow  # noqa: F401 # pyright: ignore[reportUnusedImport] - here, after what it reads of the environment

    warnings.filterwarnings("ignore", module=r"(mlflow|alembic|sqlalchemy)\.")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def _make(database: Path) -> None:
    """Make an SQLite store in one piece.

    MLflow takes seconds to make its tables, and a kill in between leaves a file that no MLflow opens again.
    """
    if database.exists() and database.stat().st_size:
        return
    if not database.parent.is_dir():
        raise SweepError(
            f"{database.parent}, where MLflow's store was, is not there",
            "Make that folder, or send all to another store: `convscape sync NAME --to URI`.",
        )
    beside = database.with_name(f".{database.name}.lock")
    lock = os.open(beside, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        lock_file(lock, beside, wait=True)
        if database.exists() and database.stat().st_size:
            return
        unfinished = database.with_name(f".{database.name}.new")
        with unfinished.open("wb") as file:
            file.write(_empty_store())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(database)
    finally:
        os.close(lock)


def get_ready() -> None:
    """Does what takes seconds before something is sent, and leaves nothing on disk: MLflow's modules, an SQLite store.

    Whatever is wrong is met, and told, by who connects to a store.
    """
    with suppress(Exception), _MAKING:
        _quieten(patience=30)
        _empty_store()


@cache
def _empty_store() -> bytes:
    """An SQLite store of MLflow in which nothing is."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = SqlAlchemyStore("sqlite:///:memory:", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine
    connection = engine.raw_connection()
    try:
        driver = connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver.serialize()
    finally:
        connection.close()
        engine.dispose()


def whole_uri(uri: str) -> str:
    """The URI as MLflow takes it, with its secrets; of an SQLite file its absolute path alone.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.

    Raises:
        SweepError: one of its secrets is not in the environment.
    """
    database = sqlite_file(uri)
    return reveal(uri) if database is None else f"sqlite:///{database}"


def uri_problem(uri: object) -> str | None:
    """Why something is no tracking URI that results are sent to, whoever wrote it, as a sentence; None where it is one.

    >>> uri_problem("postgresql://me:${CONVSCAPE_TRACKING_PASSWORD}@database/mlflow")
    >>> uri_problem("sqlite:///:memory:")
    'it is kept nowhere, and gone when the sweep ends: name a file, as in sqlite:////home/me/mlflow.db'
    >>> uri_problem("sqlite://mlflow.db")
    "a file's address has three slashes before its path: sqlite:///mlflow.db"
    """
    if isinstance(uri, str) and (file := _SLASHES.fullmatch(uri)):
        return f"a file's address has three slashes before its path: sqlite:///{file[1]}"
    if not isinstance(uri, str) or not (_SCHEME.match(uri) or uri == "sqlite://"):
        return "begin with sqlite:///, http://, https:// or a database's scheme such as postgresql://"
    if not uri.startswith("sqlite"):
        return misused_name(uri) or _no_address(uri)
    file = uri[len("sqlite:///") :].partition("?")[0]
    if "\0" in file or file == ":memory:" or not file.strip("/"):
        return "it is kept nowhere, and gone when the sweep ends: name a file, as in sqlite:////home/me/mlflow.db"
    try:
        sqlite_file(uri)
    except RuntimeError:
        return "no such user's home folder"
    return None


def _no_address(uri: str) -> str | None:
    """Why a server's URI has no address that anybody could connect to; None where it has one."""
    try:
        parts = urlsplit(public_address(uri))
        named = parts.hostname or not uri.startswith("http")  # a database may be found otherwise
        return None if named and parts.port != 0 else "it names no server"
    except ValueError as error:
        return f"it is no address: {error}"


def file_problem(database: Path) -> str | None:
    """Why an SQLite file cannot hold what is sent to MLflow, as a sentence; None where it can. Nothing is left."""
    made: list[Path] = []
    try:
        for folder in reversed([each for each in database.parents if not each.exists()]):
            folder.mkdir()
            made.append(folder)
        with tempfile.TemporaryFile(dir=database.parent):  # as SQLite will want it for its journal
            pass
        if database.is_file():
            with database.open("ab"):
                pass
        return f"{database} is there, and is no database of MLflow's" if is_foreign(database) else None
    except OSError as error:
        return f"{database} cannot be written: {error.strerror}"
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # another sweep has put something there meanwhile
                folder.rmdir()


def refuse_place(address: str, run: str, names: Iterable[str]) -> None:
    """Refuses to write a run's files where no MLflow keeps them: a store says where, and may be anybody's.

    Args:
        address: the run's artifact URI. Only one that is a folder of this machine can be wrong.
        run: MLflow's id of the run, or of a model that a run made.
        names: of the files.

    Raises:
        SweepError: the folder is not RUN/artifacts, or it or a file in it is a link.
    """
    from mlflow.utils.file_utils import local_file_uri_to_path

    if urlsplit(address).scheme not in ("", "file"):
        return
    folder = Path(local_file_uri_to_path(address))
    parts = [folder.parent, folder, *(folder / part for name in names for part in (name, *Path(name).parents))]
    odd = folder.parts[-2:] != (run, "artifacts") or not re.fullmatch("(m-)?[0-9a-f]{32}", run)
    if odd or any(part.is_symlink() for part in parts):
        raise SweepError(
            f"MLflow's store says that files of run {run:.40} belong into {folder}, which is no run's folder",
            "Look at the store, or send all to another one: `convscape sync NAME --to URI`.",
        )


def is_foreign(database: Path) -> bool:
    """Whether a file is there that holds something, and not MLflow's tables."""
    if not database.is_file() or not database.stat().st_size:
        return database.exists() and not database.is_file()
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened:
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError:  # it is busy, or cannot be opened: MLflow says so
        return False
    except sqlite3.DatabaseError:
        return True
    return bool(tables) and not tables >= _TABLES


def experiment_in(database: Path, name: str) -> str | None:
    """MLflow's id of an experiment in an SQLite store, read without MLflow, whose import takes seconds.

    Gives None where the file has no such experiment, or cannot be read.

    Args:
        database: the store's file.
        name: the experiment's.
    """
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened:
            found = opened.execute("SELECT experiment_id FROM experiments WHERE name = ?", (name,)).fetchone()
    except sqlite3.Error:
        return None
    return None if found is None else str(found[0])


def sqlite_file(uri: str) -> Path | None:
    """The database file of an SQLite URI, absolute, with ~ written out; None for any other URI.

    >>> sqlite_file("sqlite:////data/mlflow.db")
    PosixPath('/data/mlflow.db')
    """
    if not uri.startswith("sqlite:///"):
        return None
    return Path(uri.removeprefix("sqlite:///").partition("?")[0]).expanduser().absolute()


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


def store_error(error: BaseException) -> str:
    """The first cause of an exception: its kind and the first line of what it says, without secrets.

    MLflow wraps what went wrong in all it tried, three layers deep and a paragraph long.

    >>> store_error(OSError("no route to host"))
    'OSError: no route to host'
    """
    while cause := error.__cause__ or error.__context__:
        error = cause
    text = without_secrets(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__
