"""Commands to begin with: what a sweep file may hold."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON schema of a sweep file, by which editors complete it and mark what is wrong.

    \b
      convscape schema > sweep.schema.json

    The line `# yaml-language-server: $schema=sweep.schema.json` at the top of a sweep file beside it has editors
    with the YAML language server use it.
    """  # noqa: D301 - \b, the character, keeps the example's line apart
    from ..search.config import sweep_file_schema

    typer.echo(json.dumps(sweep_file_schema(), indent=2))
