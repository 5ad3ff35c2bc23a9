"""The commands. Each reads its options, calls one function of a room below, and prints what came of it."""

from __future__ import annotations

import json
import logging
import select
import sys
import time
import traceback
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from .spaces import (
    ArchitectureError,
    CheckpointError,
    ConfigError,
    ConvscapeError,
    DataError,
    ExportError,
    SweepError,
    printable,
)

if TYPE_CHECKING:
    from .search import Sweep
    from .search.config import SweepConfig

EXIT_CODES = """Exit codes: 0 done; 1 a fault of Convscape's own; 2 bad usage, config, network or data;
3 the sweep ended without a result; 4 no such sweep or trial, or it cannot be written, read or run;
5 nothing exported: the folder is taken, or the files do not agree with the trained network; 130 interrupted;
141 nobody read the output to its end."""

app = typer.Typer(
    name="convscape",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Search for the convolutional network that suits your images and your budget.\n\n" + EXIT_CODES,
)

Output = Annotated[Literal["table", "json"], typer.Option("--output", "-o", help="A table for people, or JSON.")]
SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep file; see examples/.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting over that of the file: --set search.trials=20"),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The sweep's name.")]
Folder = Annotated[Path, typer.Option("--folder", help="Where sweeps live: `folder` in the sweep file.")]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Let the code run that the sweep names; from now on, if unchanged.")
]
SWEEPS = Path("sweeps")


def _echo(text: str, *, err: bool = False) -> None:
    """Prints text; what files and folders of others hold cannot steer the terminal."""
    from .search.tracking import without_secrets

    typer.echo(printable(without_secrets(text)), err=err)


def _echo_json(value: Any) -> None:
    """Prints a value as one line of JSON, which stays JSON whatever is a secret."""
    from .search.tracking import values_without_secrets

    typer.echo(json.dumps(values_without_secrets(value)))


def _version(asked: bool) -> None:
    if asked:
        from . import __version__

        _echo(f"convscape {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version, and leave.")
    ] = False,
) -> None:
    """Runs before every command; `main` has read --debug already."""
    _ = debug, version


@app.command()
def launch(
    sweep_file: SweepFile,
    set_: Settings = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the config and three networks; train and write nothing.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Start over where a sweep of that name is there.")] = False,
    resume_: Annotated[
        bool, typer.Option("--resume", help="Go on where a sweep of that name is there, as `resume` does.")
    ] = False,
    export_to: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Export the winner to DIR when done.")
    ] = None,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Run a sweep: sample networks, train them, promote the best, keep every run in MLflow.

    Ctrl-C once ends after the running epochs and can be resumed; twice leaves at once.

    \b
      convscape launch examples/digits.yaml
      convscape launch examples/fashion-mnist.yaml --set data.root=~/data --set search.seconds=600
      convscape launch sweep.yaml --dry-run
      convscape launch sweep.yaml --resume
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from .search import driver
    from .search.config import read_sweep_file, remember

    started = time.monotonic()
    if dry_run:
        config = read_sweep_file(sweep_file, set_ or (), trust="everything" if trust_code else "nothing")
        _dry_run(config, output)
        if trust_code:
            remember(sweep_file, config.named_code, "everything")
        return
    _check_target(export_to)
    if replace and resume_:
        raise ConfigError("--replace and --resume: a sweep is begun anew or gone on with", "Leave one of them out.")
    config = read_sweep_file(sweep_file, set_ or ()) if resume_ else None
    if config and (config.sweep_folder / "config.json").exists():
        sweep = driver.resume(config.name, config.folder, trust_code=trust_code)
    else:
        sweep = driver.launch(sweep_file, overrides=set_ or (), replace=replace, trust_code=trust_code)
    _finish(sweep, started, export_to, output)


@app.command()
def resume(
    name: Name,
    folder: Folder = SWEEPS,
    export_to: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Export the winner to DIR when done.")
    ] = None,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Go on with a sweep that was interrupted or killed; what ended is not trained again."""
    from .search import driver

    started = time.monotonic()
    _check_target(export_to)
    _finish(driver.resume(name, folder, trust_code=trust_code), started, export_to, output)


@app.command()
def status(
    name: Name,
    folder: Folder = SWEEPS,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until it ends.")] = False,
    output: Output = "table",
) -> None:
    """How a sweep stands, also one that runs elsewhere or has died."""
    from .dashboards.text import status_json, status_text
    from .search import Sweep

    sweep = Sweep.open(name, folder)
    while True:
        if watch and output == "table" and sys.stdout.isatty():
            typer.echo("\033[H\033[2J", nl=False)  # a clean screen
        if output == "json":
            _echo_json(status_json(sweep))
        else:
            _echo(status_text(sweep))
        if not watch or not sweep.running:
            return
        time.sleep(2)


@app.command()
def show(
    name: Name,
    folder: Folder = SWEEPS,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; the best when not given.")] = None,
    output: Output = "table",
) -> None:
    """One trial whole: network, recipe, curve, events, files."""
    from .dashboards.text import trial_json, trial_text
    from .search import Sweep

    sweep = Sweep.open(name, folder)
    if output == "json":
        _echo_json(trial_json(sweep, trial))
    else:
        _echo(trial_text(sweep, trial))


@app.command()
def stop(name: Name, folder: Folder = SWEEPS) -> None:
    """Have a sweep that runs elsewhere save and end after its running epochs, as Ctrl-C there does."""
    from .search import Sweep, folder_option

    sweep = Sweep.open(name, folder)
    try:
        stopped = sweep.stop()
    except OSError as error:
        raise SweepError(f"{sweep.folder} cannot be written: {error.strerror}", "Make it writable.") from None
    watch = f"convscape status {name}{folder_option(sweep.config)} --watch"
    _echo(f"{name} ends after its running epochs: {watch}" if stopped else f"Nothing to stop: {name} does not run.")


@app.command("list")
def list_(folder: Folder = SWEEPS, output: Output = "table") -> None:
    """The sweeps of a folder, the latest first: how each stands, and the best that it has."""
    from .dashboards.text import sweep_lines, sweeps_table

    found = sweep_lines(folder)
    if output == "json":
        _echo_json([asdict(line) for line in found])
    else:
        _echo(sweeps_table(found) if found else f"No sweep in {folder.resolve()}.")


@app.command()
def compare(
    name: Name,
    folder: Folder = SWEEPS,
    number: Annotated[int, typer.Option("-n", min=1, help="How many trials the table shows.")] = 10,
    output: Output = "table",
) -> None:
    """The trials of a sweep, best first, why others failed, and how to open them in MLflow."""
    from .dashboards import links
    from .dashboards.text import leaderboard_table, why_failed
    from .search import Sweep
    from .search.records import failures

    sweep = Sweep.open(name, folder)
    records = sweep.trials()
    trials = sweep.summaries(records)
    if output == "json":
        failed = [asdict(failure) for failure in failures(records)]
        _echo_json({"trials": [asdict(trial) for trial in trials], "failures": failed})
        return
    _echo("\n".join([leaderboard_table(trials, number), *why_failed(records)]))
    page = links(sweep.tracking_uri, sweep.config.tracking.experiment, sweep=sweep.run_ids().get(None))
    _echo(f"\nCompare runs in MLflow:\n  {page}")


@app.command()
def describe(
    network: Annotated[
        str, typer.Argument(metavar="NAME|NOTATION|FILE.json", help="A classic, a line of notation, or a JSON file.")
    ],
    input: Annotated[str, typer.Option(help="Image as CxHxW, in place of the network's own: 3x224x224")] = "",
    classes: Annotated[int | None, typer.Option(min=1, help="Scores a classic gives, in place of its own.")] = None,
    fit: Annotated[
        Literal["crop", "pad", "strict"] | None,
        typer.Option(help="What windows do where they do not tile their input."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1_000_000, help="Images of the training step.")] = 64,
    optimizer: Annotated[
        Literal["sgd", "adamw", "none"], typer.Option(help="Which optimizer's memory the training step counts.")
    ] = "sgd",
    precision: Annotated[
        Literal["float64", "float32", "float16", "bfloat16"], typer.Option(help="Of weights and activations.")
    ] = "float32",
    layer: Annotated[
        str,
        typer.Option(
            metavar="PATH", help="A convolution by its place in the table: weights shared or not, im2col, ..."
        ),
    ] = "",
    output: Output = "table",
) -> None:
    """The layer table of a network: sizes, parameters, MACs, their shares, activations, memory. Nothing is built.

    With --layer, one convolution beside its alternatives: unshared or fully connected weights, a stack of 3x3.

    \b
      convscape describe vgg16
      convscape describe resnet50 --batch 256 --optimizer adamw --precision bfloat16
      convscape describe alexnet --input 3x224x224 --fit strict
      convscape describe alexnet --layer 0
      convscape describe "INPUT[32x32x3] -> [CONV3-32 -> RELU -> POOL2]*2 -> FC-10"
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from .dashboards.text import network_json, network_text
    from .spaces import load_architecture

    found = load_architecture(network, _image(input), classes, fit)
    if layer:
        from .spaces import alternatives_to, format_alternatives

        if output == "json":
            _echo_json(alternatives_to(found, layer))
        else:
            _echo(format_alternatives(found, layer).rstrip())
    elif output == "json":
        _echo_json(network_json(found, batch, optimizer, precision))
    else:
        _echo(network_text(found, batch, optimizer, precision))


@app.command()
def sample(
    sweep_file: SweepFile,
    number: Annotated[int, typer.Option("-n", min=1, max=1_000_000, help="How many networks.")] = 3,
    set_: Settings = None,
    trust_code: TrustCode = False,
    output: Annotated[
        Literal["table", "jsonl"], typer.Option("--output", "-o", help="Lines, or JSON lines.")
    ] = "table",
) -> None:
    """Networks of a sweep file's space, with their cost. Trains nothing."""
    from .dashboards.text import design_json, design_line
    from .search.config import load_data, read_sweep_file, remember
    from .search.driver import preflight
    from .search.proposals import DesignSpace

    config = read_sweep_file(sweep_file, set_ or (), trust="everything" if trust_code else "nothing")
    dataset = load_data(config)
    designs = DesignSpace.for_images(config, dataset)
    preflight(config, designs)
    if output == "table" and (size := designs.networks.size(dataset.input)) is not None:
        _echo(f"# {size}")
    for design in designs.draw(number, config.search.seed):
        if output == "jsonl":
            _echo_json(design_json(design, designs))
        else:
            _echo(design_line(design, designs))
    if trust_code:
        remember(sweep_file, config.named_code, "everything")


@app.command()
def export(
    name: Name,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the files go.")],
    folder: Folder = SWEEPS,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; the best when not given.")] = None,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Write the best network as weights, JSON and a PyTorch file that needs only torch, and prove that they agree.

    The images held back as a test are looked at here for the first time.
    """
    from .dashboards.text import export_json, export_lines
    from .search import Sweep

    exported = Sweep.open(name, folder, trust_code=trust_code).export(to, trial)
    if output == "json":
        _echo_json(export_json(exported))
    else:
        _echo(export_lines(exported))


@app.command()
def sync(
    name: Name,
    folder: Folder = SWEEPS,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URI", help="Send all of it to another store, now and from now on.")
    ] = None,
) -> None:
    """Send to MLflow what has not reached it yet, for instance because its server was down."""
    from .search import Sweep, tracking

    sweep = Sweep.open(name, folder)
    left = tracking.sync(sweep.folder, to)
    _echo(f"{left} results left to send." if left else "MLflow has everything.")


def main(arguments: list[str] | None = None) -> NoReturn:
    """The command line; ends the process with one of EXIT_CODES."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    _show_logs_plainly()
    try:
        app([argument for argument in arguments if argument != "--debug"], standalone_mode=True)
    except ConvscapeError as error:
        if debug:
            _echo(traceback.format_exc(), err=True)
        _echo(f"convscape: {error}", err=True)
        sys.exit(_code(error))
    except SystemExit as ended:  # Typer's own answer to a pipe that `head` closed is 1, a fault's code
        if isinstance(ended.__context__, BrokenPipeError) and _unread():
            sys.exit(141)
        raise
    except Exception as error:  # noqa: BLE001 - it is printed without secrets
        if debug:
            _echo(traceback.format_exc(), err=True)
        hint = "Report that." if debug else "Run it again with --debug for the traceback, and report that."
        _echo(f"convscape: a fault of Convscape's own: {type(error).__name__}: {error}\n  {hint}", err=True)
        sys.exit(1)
    sys.exit(0)


class _Plain(logging.Formatter):
    """Formats log records as text that cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        from .search.tracking import without_secrets

        return printable(without_secrets(super().format(record)))


def _show_logs_plainly() -> None:
    shown = logging.StreamHandler()
    shown.setLevel(logging.WARNING)
    shown.setFormatter(_Plain())
    logging.lastResort = shown


def _unread() -> bool:
    """Whether the output goes to a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(1, 0)
    return bool(poll.poll(0))


def _code(error: ConvscapeError) -> int:
    if isinstance(error, ConfigError | ArchitectureError | DataError):
        return 2
    if isinstance(error, ExportError | CheckpointError):
        return 5
    return 4 if isinstance(error, SweepError) else 1


def _check_target(export_to: Path | None) -> None:
    """Refuses a folder that cannot be exported to before the sweep, not after it."""
    if export_to is not None:
        from .trainers.export import refuse_foreign

        refuse_foreign(export_to)


def _finish(sweep: Sweep, started: float, export_to: Path | None, output: str) -> None:
    from .dashboards.text import ending, export_json, export_lines

    trials = sweep.trials()
    try:
        best = sweep.best_of(trials)
    except SweepError as error:
        _echo(f"convscape: {error}", err=True)
        raise typer.Exit(3) from None
    if output == "json":
        exported = sweep.export(export_to) if export_to else None
        counts = {key: value for key, value in sweep.counts(trials).items() if key != "unfinished"}
        kept = ("trial", "run_id", "accuracy", "parameters", "macs", "notation")
        result: dict[str, Any] = {
            "name": sweep.name,
            "seconds": round(time.monotonic() - started, 3),
            "tracking_uri": sweep.tracking_uri,
            "counts": counts,
            "best": {key: value for key, value in asdict(best).items() if key in kept},
        }
        _echo_json(result | ({"exported": export_json(exported)} if exported else {}))
    else:
        _echo(ending(sweep, trials, exported=bool(export_to)))
        if export_to:
            _echo(f"\n{export_lines(sweep.export(export_to))}")
        _echo(f"\nDone in {time.monotonic() - started:.0f} s.")


def _dry_run(config: SweepConfig, output: str) -> None:
    from .dashboards.text import design_json, design_line, forecast_line
    from .search.config import AUTO, load_data
    from .search.driver import check_machine, forecast, preflight
    from .search.proposals import DesignSpace, textbook_designs
    from .trainers.data import data_report

    check_machine(config.resources)
    dataset = load_data(config)
    designs = DesignSpace.for_images(config, dataset)
    preflight(config, designs)
    drawn, time = list(designs.draw(3, config.search.seed)), forecast(config, dataset, designs)
    size = designs.networks.size(dataset.input)
    if output == "json":
        networks = [design_json(design, designs) for design in drawn]
        counted = asdict(size) if is_dataclass(size) and not isinstance(size, type) else size and str(size)
        _echo_json(
            {"config": config.to_json(), "data": data_report(dataset), "size": counted}
            | {"networks": networks, "time": time and asdict(time)}
        )
        return
    import yaml

    _echo(
        yaml.safe_dump(
            config.to_json(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
        ).rstrip()
    )
    _echo("")
    for line in data_report(dataset):
        _echo(f"# {line}")
    if config.search.start == AUTO:
        for start in textbook_designs(designs, config.search.trials):
            _echo(f"# first, {start.reason}\n{design_line(start.design, designs)}")
    if time is not None:
        _echo(f"# time: {forecast_line(time)}")
    counted = "three networks of the space" if size is None else f"the space: {size}; three of them"
    _echo(f"# {counted}; nothing was kept")
    for design in drawn:
        _echo(design_line(design, designs))


def _image(text: str) -> tuple[int, int, int] | None:
    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 8 for part in parts):
        raise ArchitectureError(f"--input {text:.40}: not CxHxW", "For example --input 3x224x224.")
    return int(parts[0]), int(parts[1]), int(parts[2])
