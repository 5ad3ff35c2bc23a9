"""Commands to begin with: a first sweep file for one's images, and what a sweep file may hold."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..spaces import ConfigError, SweepError
from .options import Output, Seconds, typed_path
from .printing import echo, echo_json


def init(
    place: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|DATASET",
            help="A folder with a folder of images for each class, its URL in object storage, or a data set's name.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", parser=typed_path, help="The sweep file to write; - for standard output."
        ),
    ] = Path("sweep.yaml"),
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", parser=typed_path, help="Where the files of the named data set are."),
    ] = None,
    seconds: Seconds = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    output: Output = "table",
) -> None:
    """Look at images, and write a sweep file that suits them and this machine.

    Nothing is trained. The file is to be read, changed and launched.

    \b
      convscape init ~/photos
      convscape init fashion-mnist --root ~/data --out fashion.yaml
      convscape init digits --seconds 60
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..search.config import begin, keep_schema, parse_sweep_file, sweep_file_text
    from ..search.driver import adequacy, read_and_check
    from ..search.files import write_atomically
    from ..trainers.data import data_report

    printed = str(out) == "-"
    if printed and output == "json":
        raise ConfigError("--out - and -o json: one or the other", "Leave one of them out.")
    if not printed:
        _check_free(out, replace=replace)
    beginning = begin(place, root=root, seconds=seconds)
    config = parse_sweep_file(sweep_file_text(beginning), str(out))
    dataset, designs = read_and_check(config, keeps=False)
    report = [*data_report(dataset), *adequacy(config, dataset, designs)]
    if printed:
        echo("\n".join(report), err=True)
        echo(sweep_file_text(beginning, keep_schema()).rstrip("\n"))
        return
    try:
        write_atomically(out, sweep_file_text(beginning, keep_schema()))
    except OSError as error:
        raise _unwritable(out, error.strerror) from None
    if output == "json":
        echo_json({"file": str(out.absolute()), "config": config.to_json(), "data": report})
        return
    file = shlex.quote(str(out))
    echo("\n".join([*report, f"\n{file} is written for that: read it, and change what you know better. Then:"]))
    echo(f"  convscape launch {file} --dry-run   # shows all settings and some networks, and trains nothing")
    echo(f"  convscape launch {file}             # searches for {beginning.seconds:g} s; Ctrl-C saves and leaves")


def schema() -> None:
    """Print the JSON schema of a sweep file, by which editors complete it and mark mistakes.

    \b
      convscape schema > sweep.schema.json

    The line `# yaml-language-server: $schema=sweep.schema.json` at the top of a sweep file beside it has editors
    with the YAML language server use it.
    """  # noqa: D301 - \b, the character, keeps the example's line apart
    from ..search.config import sweep_file_schema

    typer.echo(json.dumps(sweep_file_schema(), indent=2))


def _check_free(out: Path, *, replace: bool) -> None:
    """Refuses a file that cannot be written before the images are looked at."""
    if out.is_dir():
        raise _unwritable(out, "Is a directory")
    if os.path.lexists(out) and not replace:
        raise SweepError(f"{out} is there already", "Name another with --out FILE, or write over it with --replace.")
    if not out.parent.is_dir():
        raise _unwritable(out, "There is no such folder")


def _unwritable(out: Path, reason: str | None) -> SweepError:
    return SweepError(f"{out} cannot be written: {reason}", "Name another file with --out FILE.")
