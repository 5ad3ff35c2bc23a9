"""An exported bundle in MLflow's model registry: a version that is served as it is, with an alias that leads to it."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...spaces import SweepError
from .mlflow_store import refuse_place, store_error, whole_uri
from .parent_run import as_sweep_error, find_run
from .pyfunc_model import Bundle, save_model
from .registered_names import check_alias, check_registered_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import RegisteredModel

_VERSIONS = "mlflow.modelVersions"
"""The tag of a model by which MLflow's page of a run shows as which versions it is registered."""
_READY = 60
"""Seconds that a registry which copies a version for itself may take."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A version of a registered model in MLflow."""

    name: str
    version: int
    """From 1 on."""
    alias: str | None
    """The alias that leads to this version now."""
    former: int | None
    """The version that the alias led to before; None where it led nowhere."""

    @property
    def uri(self) -> str:
        """What `mlflow.pyfunc.load_model` and `mlflow models serve -m` take."""
        return f"models:/{self.name}@{self.alias}" if self.alias else f"models:/{self.name}/{self.version}"


def register_bundle(
    uri: str, run_id: str | None, folder: Path, *, name: str, alias: str | None = None, again: str
) -> Registered:
    """Registers an exported bundle as the newest version of a model in MLflow, and has an alias lead to it.

    The model is one of MLflow's flavour `python_function`, with signature, input example and requirements, and belongs
    to the sweep's own run. It takes pictures as files (`picture_model.py` says more) and needs nothing of this project
    where it is served.

    A model of that name which is there already gets one more version, whoever made the others. Each call adds one.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it; the registry is the same store's.
        run_id: MLflow's id of the sweep's own run; None where nothing was sent yet.
        folder: the bundle, as `export_bundle` wrote it.
        name: of the registered model.
        alias: that is to lead to the new version, such as "champion"; None for none.
        again: how to do it again later, as a sentence: it ends the errors.

    Raises:
        ConfigError: MLflow does not take the name or the alias.
        ExportError: `folder` is no bundle, or its network takes images that no picture's file holds.
        SweepError: the run is not there, the name is a prompt's, or the store does not answer or refuses it. The bundle
            stays as it is.
    """
    check_registered_name(name)
    if alias is not None:
        check_alias(alias)
    bundle = Bundle.read(folder)
    with as_sweep_error(f"{folder} is not registered in MLflow as {name}", again):
        client, run = find_run(uri, run_id, again)
        known = _find_model(client, name)
        logged = _log_model(client, whole_uri(uri), run, bundle)
        if known is None:
            _create_model(client, name)
        made = client.create_model_version(
            name,
            _source(client, logged),
            run.info.run_id,
            tags=_tags(bundle),
            description=_description(bundle),
            await_creation_for=_READY,
            model_id=logged.model_id,
        )
    version = int(made.version)
    if alias is not None:
        _set_alias(client, name, alias, version)
    with suppress(Exception):  # it is a link in MLflow's pages, no more
        client.set_logged_model_tags(logged.model_id, {_VERSIONS: json.dumps([{"name": name, "version": version}])})
    former = known.aliases.get(alias or "") if known else None
    return Registered(name=name, version=version, alias=alias, former=int(former) if former else None)


def _find_model(client: MlflowClient, name: str) -> RegisteredModel | None:
    """The registered model of that name, None where there is none.

    Raises:
        SweepError: it is a prompt: MLflow keeps both in one registry.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    if client.get_prompt(name) is not None:
        raise SweepError(f"{name} is a prompt in MLflow's registry", "Register the model under another name.")
    return None


def _create_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:  # another process was faster
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or _find_model(client, name) is None:
            raise


def _source(client: MlflowClient, logged: LoggedModel) -> str:
    """Where a version's files are. A database would look a `models:/` up in the store that is the whole process's."""
    served = client.tracking_uri.startswith(("http", "databricks"))
    return f"models:/{logged.model_id}" if served else logged.artifact_location


def _log_model(client: MlflowClient, uri: str, run: Run, bundle: Bundle) -> LoggedModel:
    """Writes the bundle as a model of the run.

    MLflow's own `log_model` works on the run and the store that are the whole process's; this one asks `client` alone.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    said = bundle.metadata
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=re.sub(r"[^\w-]", "_", f"{said['sweep']}-{said['run']:04d}"),
        source_run_id=run.info.run_id,
        tags=_tags(bundle),
        model_type="classifier",
    )
    try:
        with tempfile.TemporaryDirectory(prefix="convscape-") as temporary:
            folder = Path(temporary, "model")
            model = Model(
                artifact_path=logged.artifact_location,
                run_id=run.info.run_id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            )
            save_model(bundle, model, folder)
            names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
            refuse_place(logged.artifact_location, logged.model_id, names)
            get_artifact_repository(logged.artifact_location, tracking_uri=uri).log_artifacts(str(folder))
        client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        return client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    except BaseException:
        with suppress(Exception):  # the store may be what is gone
            client.delete_logged_model(logged.model_id)
        raise


def _set_alias(client: MlflowClient, name: str, alias: str, version: int) -> None:
    try:
        client.set_registered_model_alias(name, alias, str(version))
    except Exception as error:
        raise SweepError(
            f"version {version} of {name} is registered in MLflow, but the alias {alias} does not lead to it: "
            f"{store_error(error)}",
            f"Set it there, on the version's page, or in Python: "
            f"`MlflowClient(URI).set_registered_model_alias({name!r}, {alias!r}, {version})`.",
        ) from error


def _tags(bundle: Bundle) -> dict[str, str]:
    said = bundle.metadata
    return {
        "convscape.sweep": str(said["sweep"]),
        "convscape.trial": str(said["trial"]),
        "convscape.digest": str(said["architecture"]),
        "convscape.test_accuracy": f"{said['test_accuracy']:.4f}",
    }


def _description(bundle: Bundle) -> str:
    said = bundle.metadata
    return (
        f"Trial {said['trial']} of the sweep {said['sweep']}: {said['test_accuracy']:.4f} of {said['test_images']:,} "
        f"test images right. Takes pictures as files in the column `image`."
    )
