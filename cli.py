"""The command line: which commands there are, and what an error becomes."""

from __future__ import annotations

import errno
import io
import logging
import os
import select
import sys
import traceback
from contextlib import redirect_stderr, suppress
from typing import Annotated, NoReturn

import typer

from .commands import (
    ask,
    compare,
    dashboard,
    describe,
    doctor,
    echo,
    export,
    init,
    inspect,
    launch,
    list_,
    predict,
    resume,
    sample,
    schema,
    show,
    status,
    stop,
    sync,
    ui,
)
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

HELP = """Search for the convolutional network that suits your images and your budget.

\b
  convscape launch sweep.yaml --dry-run
  convscape launch sweep.yaml
  convscape export digits --to exported/digits
"""
EXIT_CODES = """Exit codes: 0 done; 1 a fault of Convscape's own; 2 bad usage, config, network or data;
3 the sweep ended without a result; 4 no such sweep or trial, or it cannot be written, read, run or registered;
5 not all exported or inspected: the folder is taken or cannot be written, or files do not agree;
130 interrupted; 141 nobody read the output to its end."""

NAME = "convscape"
COMPLETING = "_CONVSCAPE_COMPLETE"
"""Variable of the environment by which a shell asks what could come next; see `convscape --show-completion`."""

app = typer.Typer(
    name=NAME,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=HELP,
    epilog=EXIT_CODES,
)


def _version(asked: bool) -> None:
    if asked:
        from . import __version__

        echo(f"convscape {__version__}")
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


for command in (
    init,  # in the order in which a person comes to need them
    doctor,
    launch,
    status,
    stop,
    resume,
    ask,
    list_,
    compare,
    show,
    dashboard,
    ui,
    export,
    inspect,
    predict,
    sync,
    sample,
    describe,
    schema,
):
    app.command(command.__name__.rstrip("_"), short_help=(command.__doc__ or "").partition("\n")[0])(command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """The command line; ends the process with one of EXIT_CODES."""
    if COMPLETING in os.environ:
        _complete()
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # or it looks through all packages for some
    debug = "--debug" in arguments
    _show_logs_plainly()
    try:
        app([argument for argument in arguments if argument != "--debug"], prog_name=NAME)
    except ConvscapeError as error:
        if debug:
            echo(traceback.format_exc(), err=True)
        echo(f"convscape: {error}", err=True)
        sys.exit(_code(error))
    except SystemExit as ended:  # Typer's own answer to a pipe that `head` closed is 1, a fault's code
        if isinstance(ended.__context__, BrokenPipeError) and _unread():
            sys.exit(141)
        raise
    except Exception as error:  # noqa: BLE001 - it is printed without secrets
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            full = f"{error.filename or 'the output'} cannot be written: {error.strerror}"
            echo(f"convscape: {full}\n  Make room for it.", err=True)
            sys.exit(4)
        if debug:
            echo(traceback.format_exc(), err=True)
        hint = "Report that." if debug else "Run it again with --debug for the traceback, and report that."
        echo(f"convscape: a fault of Convscape's own: {type(error).__name__}: {error}\n  {hint}", err=True)
        sys.exit(1)
    sys.exit(0)


def _complete() -> NoReturn:
    """Answers the shell; nothing is printed where that goes wrong, for it would appear in the line that is typed."""
    with redirect_stderr(io.StringIO()), suppress(Exception):
        app([], prog_name=NAME)
    sys.exit(1)


class _Plain(logging.Formatter):
    """Formats log records as text that cannot steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        from .search.tracking import without_secrets

        return printable(without_secrets(super().format(record)))


def _show_logs_plainly() -> None:
    shown = logging.lastResort or logging.StreamHandler()
    shown.setFormatter(_Plain())  # it writes to what standard error is by then: above a live view


def _unread() -> bool:
    """Whether the output goes to a pipe that nobody reads any more."""
    if not hasattr(select, "poll"):  # as on Windows
        return True
    poll = select.poll()
    poll.register(1, 0)
    return bool(poll.poll(0))


def _code(error: ConvscapeError) -> int:
    if isinstance(error, ConfigError | ArchitectureError | DataError):
        return 2
    if isinstance(error, ExportError | CheckpointError):
        return 5
    return 4 if isinstance(error, SweepError) else 1
