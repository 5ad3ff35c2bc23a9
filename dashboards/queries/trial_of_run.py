"""A trial's record out of the trial's run in MLflow, whose texts may be anybody's: what cannot be is left out."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from ...search.config import recipe_of_params
from ...search.records import Design, Pairing, Role, State, TrialRecord
from ...search.study import settings_of_text
from ...search.tracking import LONGEST_PARAM
from ...spaces import Architecture, ConvscapeError, cost_table, parse_notation, printable, to_notation
from .opened import TRIAL
from .run_files import json_of_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

CUT_OFF = (250, 500, LONGEST_PARAM)
"""Lengths at which some version of MLflow, or this project, cuts a param off."""
MOST_EVENTS = 100
"""Events of a trial that are kept."""
ARCHITECTURE = "architecture.json"
"""The file of a trial's run that has its network whole."""
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def trial_of_run(run: Any, curve: Mapping[int, dict[str, float]], design: Design) -> TrialRecord | None:
    """The record of a trial; None where the run's tags are none that a tracker writes.

    A trial that has not ended is "running" unless MLflow was told that it waits.

    Args:
        run: MLflow's `Run`.
        curve: metrics by epoch, as `read_curves` gives them.
        design: what the trial trained.
    """
    tags = run.data.tags
    number, role, repeats = number_of(run), tags.get("convscape.role", "sampled"), whole(tags.get("convscape.repeats"))
    state = tags.get("convscape.state", "running")
    if number is None or role not in get_args(Role):
        return None
    params, distributions = settings_of_text(tags.get("convscape.settings", ""))
    accuracies = {epoch: curve[epoch]["accuracy"] for epoch in sorted(curve) if "accuracy" in curve[epoch]}
    record = TrialRecord(
        number=number,
        design=design,
        state=state if state in get_args(State) else "paused",  # as one that was interrupted
        reason=printable(tags.get("convscape.reason", "")),
        accuracies=accuracies,
        role=role,
        events=tuple(printable(tags.get("convscape.events", "")).split("\n")[:MOST_EVENTS]),
        repeats=repeats,
        latency=_latency(tags.get("convscape.latency", "")),
        promoted_from=whole(tags.get("convscape.promoted_from")) or 0,
        params=params,
        distributions=distributions,
        pairing=_pairing(tags),
        history={epoch: curve[epoch] for epoch in accuracies},
    )
    record.events = tuple(event for event in record.events if event)
    record.metrics = {key: value for key, value in record.history.get(record.epochs, {}).items() if key != "time"}
    return record if record.repetition == (repeats is not None) else None


def _pairing(tags: Mapping[str, str]) -> Pairing | None:
    """The place in an experiment; None where the tags name none."""
    variant = tags.get("convscape.variant", "")
    base, seed = (whole(tags.get(f"convscape.{key}")) for key in ("base", "seed"))
    if not variant or base is None or seed is None:
        return None
    return Pairing(base=base, variant=printable(variant), seed=seed)


def number_of(run: Any) -> int | None:
    """The number of the trial that a run is of; None where it is no trial's.

    Args:
        run: MLflow's `Run`.
    """
    return whole(run.data.tags.get(TRIAL))


def whole(text: str | None) -> int | None:
    """A whole number of at most nine digits; None for any other text."""
    return int(text) if text is not None and _WHOLE.fullmatch(text) else None


def design_of_run(run: Any, client: MlflowClient, *, ask: bool = True) -> Design | None:
    """What a trial trained, by the params of the run; None where they, and the run's file, say no network.

    Args:
        run: MLflow's `Run`.
        client: of the store, which is asked for the run's file where the notation is cut off or cannot be read.
        ask: whether it is.
    """
    notation, digest = run.data.params.get("notation", ""), run.data.tags.get("convscape.digest")
    try:
        network = _network(notation)
    except (ConvscapeError, RecursionError):
        network = None
    if network is None or (len(notation) in CUT_OFF and digest not in (None, network[0].digest)):
        network = _network_in_file(run, client) if ask else None
    if network is None:
        return None
    architecture, line, parameters, macs = network
    return Design(
        architecture=architecture,
        recipe=recipe_of_params(run.data.params),
        notation=line,
        parameters=parameters,
        macs=macs,
    )


_Network = tuple[Architecture, str, int, int]


@lru_cache(maxsize=20_000)
def _network(notation: str) -> _Network:
    return _counted(parse_notation(notation))  # and not `load_architecture`, which reads files of this machine


def _counted(architecture: Architecture) -> _Network:
    totals = cost_table(architecture).totals
    return architecture, to_notation(architecture), totals.parameters, totals.macs


def _network_in_file(run: Any, client: MlflowClient) -> _Network | None:
    """The network in a run's file; None where no such file can be read, for whatever reason."""
    try:
        return _counted(Architecture.from_json(json_of_run(run, client, ARCHITECTURE)))
    except Exception:  # noqa: BLE001 - whatever somebody wrote there
        return None


def _latency(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < 1e6 else None
