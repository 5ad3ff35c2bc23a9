"""Commands that hand results over: the winner as files, the runs to MLflow."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..spaces import ConfigError, nearest
from .answering import NO_WINNER
from .completion import sweep_names
from .images import images_named
from .options import SWEEPS, Dashboard, Folder, Name, Output, TrustCode, typed_path
from .printing import echo, echo_json
from .remote import run_there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..search import Sweep
    from ..search.handover import Published
    from ..trainers.export import Exported, Format

FORMATS: tuple[Format, ...] = ("pt2", "onnx")
"""Forms that can be asked for, as `trainers.export.FORMATS` has them: known without PyTorch."""
SEEDS = 3
"""Seeds that --retrain trains from where --seeds does not say."""
NOT_ALL = 5
"""Exit code where a form disagrees with the trained network, or one that was named cannot be written here."""


def export(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|ARCHITECTURE.json", help="The sweep; or a network's JSON.", autocompletion=sweep_names
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", parser=typed_path, help="Where the files go.")],
    folder: Folder = SWEEPS,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; the best when not given.")] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="pt2,onnx|none", help="Forms to write beside model.py; both, where not given."
        ),
    ] = None,
    slides: Annotated[
        bool, typer.Option("--fully-convolutional", help="Let it slide over larger images, in one pass each.")
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train it again first, on validation images, too; the spread is told.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=100, help=f"With --retrain: from how many seeds; {SEEDS} if not given.")
    ] = None,
    register: Annotated[
        str | None, typer.Option(metavar="NAME", help="Register it in MLflow as the newest version of that model.")
    ] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="ALIAS", help="With --register: an alias that leads to it, as champion.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="FILE", help="Of ARCHITECTURE.json: a file of weights, or an export's folder.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATASET|FOLDER", help="Of ARCHITECTURE.json: images of its classes.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=typed_path, help="Where the files of --data DATASET are.")
    ] = None,
    trust_code: TrustCode = False,
    address: Dashboard = None,
    output: Output = "table",
) -> None:
    """Write the best network as files that run without this project, and prove that they agree with it.

    model.py needs only torch; model.pt2 and model.onnx are for other programs; MODEL_CARD.md says what it is, how good,
    and what it is not for. What disagrees with the trained network is left out, and the exit code is 5 then.

    The images held back as a test are looked at here and nowhere else, and how often is counted: choosing between
    several exports by their accuracy on them makes it optimistic.

    \b
      convscape export digits --to exported/digits
      convscape export digits --to exported/small --trial 7 --format onnx
      convscape export digits --to exported/digits --retrain --seeds 5
      convscape export digits --to exported/large --fully-convolutional
      convscape export digits --to best --register digits --alias champion
      convscape export net.json --weights net.safetensors --data digits --to best
      convscape export digits --to exported/digits --address http://10.0.0.1:8265
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    named = () if formats is None else _formats(formats)
    chosen = FORMATS if formats is None else named
    if seeds is not None and not retrain:
        raise ConfigError("--seeds: nothing is trained without --retrain", "Add --retrain, or leave --seeds out.")
    if name.endswith(".json"):
        _refuse_options(trial=trial, retrain=retrain or None, register=register, alias=alias, address=address)
        tell_export(_export_file(Path(name), weights, data, root, to, chosen, slides), None, output, named=named)
    else:
        _refuse_options(weights=weights, data=data, root=root)
        _check_names(register, alias)
        if address is not None:
            run_there(context, address, "--to")
        from ..search import Sweep

        sweep = Sweep.open(name, folder, trust_code=trust_code)
        if sweep.config.question and trial is None:
            _tell(NO_WINNER)
        from_seeds = (seeds or SEEDS) if retrain else 0
        with _telling_what_is_kept(retrain=retrain):
            exported = sweep.export(to, trial, formats=chosen, seeds=from_seeds, slides=slides, tell=_tell)
        tell_export(exported, sweep, output, register, alias, named=named)


def tell_export(
    exported: Exported,
    sweep: Sweep | None,
    output: str,
    register: str | None = None,
    alias: str | None = None,
    *,
    named: Sequence[Format] = (),
) -> None:
    """Prints what was exported and adds it to MLflow; ends the command with NOT_ALL where a form is not handed over.

    Args:
        exported: what was.
        sweep: of which it was; None where it was of none.
        output: "table" or "json".
        register: name of a registered model that it becomes a version of.
        alias: that is to lead to that version.
        named: forms that were asked for by name, and not because both are written usually.
    """
    from ..dashboards.text import export_json, export_lines

    if output != "json":
        echo(export_lines(exported))
    published = None
    try:
        if sweep is not None:
            published = publish(sweep, exported.folder, register, alias)
    finally:
        if output == "json":
            echo_json(export_json(exported) | {"mlflow": published.to_json() if published else None})
    refuse_incomplete(exported, named)


def publish(sweep: Sweep, folder: Path, register: str | None = None, alias: str | None = None) -> Published:
    """Adds an export to MLflow, and says where it is there, or why not.

    Args:
        sweep: of which it is.
        folder: the export's.
        register: name of a registered model that it becomes a version of.
        alias: that is to lead to that version.
    """
    published = sweep.publish(folder, register=register, alias=alias)
    if published.problem:
        echo(f"convscape: {published.problem}", err=True)
    else:
        echo(f"In MLflow: {published.place} among the artifacts of the sweep's run.", err=True)
    if (made := published.registered) is not None:
        former = f"; {alias} led to version {made.former} before" if made.former else ""
        echo(f"Version {made.version} of {made.name} in MLflow: {made.uri}{former}", err=True)
        echo(f"It is read with MLFLOW_TRACKING_URI={shlex.quote(sweep.tracking_uri)}.", err=True)
    return published


def _check_names(register: str | None, alias: str | None) -> None:
    """Refuses names that MLflow does not take, before anything is trained or written."""
    if alias is not None and register is None:
        raise ConfigError("--alias: nothing is registered without --register", "Add --register NAME.")
    from ..search.tracking import check_alias, check_registered_name

    if register is not None:
        check_registered_name(register)
    if alias is not None:
        check_alias(alias)


@contextmanager
def _telling_what_is_kept(*, retrain: bool) -> Iterator[None]:
    """Where an export is interrupted, says what is there."""
    try:
        yield
    except KeyboardInterrupt:
        kept = " What was trained again is kept: the same command goes on." if retrain else ""
        echo(f"\nInterrupted: nothing was written.{kept}", err=True)
        raise


def _tell(line: str) -> None:
    echo(line, err=True)


def refuse_incomplete(exported: Exported, named: Sequence[Format] = ()) -> None:
    """Says which forms disagree, and ends the command with NOT_ALL where one does, or where a named one is absent."""
    for form, why in exported.refused.items():
        echo(f"convscape: {form} is not handed over: {why}", err=True)
    if exported.refused:
        echo("  The other files are whole, and agree. Please report this with the architecture's JSON.", err=True)
    if exported.refused or any(form in exported.absent for form in named):
        raise typer.Exit(NOT_ALL)


def _formats(text: str) -> tuple[Format, ...]:
    """The forms that --format names."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if words == ["none"]:
        return ()
    if not words or "none" in words:
        raise ConfigError(f"--format {text!r:.60} names no forms", "Say pt2,onnx, one of them, or none alone.")
    for word in words:
        if word not in FORMATS:
            raise ConfigError(f"--format {text:.60}: {word!r} is no form", nearest(word, [*FORMATS, "none"]))
    return tuple(form for form in FORMATS if form in words)


def _refuse_options(**given: object) -> None:
    """Refuses options that belong to the other kind of export."""
    for option, value in given.items():
        if value is not None:
            of_a_file = option in ("weights", "data", "root")
            raise ConfigError(
                f"--{option}: it belongs to an export of {'ARCHITECTURE.json' if of_a_file else 'a sweep'}",
                "Name a network's JSON file." if of_a_file else "Name a sweep, or leave it out.",
            )


def _export_file(
    architecture: Path,
    weights: str | None,
    data: str | None,
    root: Path | None,
    to: Path,
    formats: tuple[Format, ...],
    slides: bool,
) -> Exported:
    """Exports a network of one's own."""
    if weights is None or data is None:
        raise ConfigError(
            f"{architecture}: a network's JSON holds neither weights nor images",
            "Say --weights FILE and --data DATASET, or --data FOLDER with a folder for each class.",
        )
    from ..search.handover import export_file, images_for

    dataset = images_for(architecture, images_named("--data", data, root), root)
    return export_file(architecture, weights, dataset, to, formats=formats, slides=slides)


def sync(
    context: typer.Context,
    name: Name,
    folder: Folder = SWEEPS,
    address: Dashboard = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URI", help="Send all of it to another store, now and from now on.")
    ] = None,
    exported: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", parser=typed_path, help="Send this export of it, too.")
    ] = None,
    register: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --export: a version of that registered model.")
    ] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="ALIAS", help="With --register: an alias that leads to it, as champion.")
    ] = None,
) -> None:
    """Send to MLflow what has not reached it yet, for instance because its server was down: results, then the report.

    \b
      convscape sync digits
      convscape sync digits --export exported/digits --register digits
      convscape sync digits --to http://127.0.0.1:5000
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if exported is None and register is not None:
        raise ConfigError("--register: there is nothing to register", "Add --export DIR.")
    _check_names(register, alias)
    if address is not None:
        if exported is not None:
            raise ConfigError(f"--export {exported}: that folder is here, not at {address}", "Do it on the head.")
        run_there(context, address)
    from ..dashboards.reports import publish_report
    from ..search import Sweep
    from ..search.driver import send_results
    from ..search.tracking import REPORT

    sweep = Sweep.open(name, folder)
    if exported is not None:
        sweep.check_export(exported)
    left = send_results(sweep, to)
    echo(f"{left} results left to send." if left else "MLflow has everything.")
    if exported is not None:
        publish(Sweep.open(name, folder), exported, register, alias)
    if publish_report(sweep):
        echo(f"Report: in MLflow, {REPORT} of the sweep's run.", err=True)
