"""Command that settles a design question."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Literal

import typer

from ..spaces import ConfigError
from .answering import print_answer
from .completion import sweep_files
from .options import Address, Output, Settings, TrustCode
from .planning import print_plan
from .printing import echo, echo_json, loading
from .sweeping import reporting

Match = Literal["parameters", "macs", "memory", "none"]


def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="Which question; --list explains each.")
    ] = None,
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="SWEEP.yaml|FOLDER|DATASET",
            help="The sweep file whose images, space and recipe it is asked of, or as `launch` takes.",
            autocompletion=sweep_files,
        ),
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(metavar="N", min=2, max=10_000, help="Base designs: `question.pairs`, 20.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=100, help="Seeds of each: `question.seeds`, 2.")
    ] = None,
    match: Annotated[Match | None, typer.Option(help="What variants cost alike: parameters when not given.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, max=1e9, help="Time for it: `search.seconds`; a resume goes on.")
    ] = None,
    set_: Settings = None,
    address: Address = None,
    list_: Annotated[bool, typer.Option("--list", help="Explain each question in two lines.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be trained, and how long it takes.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Start over where it was asked before.")] = False,
    resume_: Annotated[bool, typer.Option("--resume", help="Go on where it was asked before.")] = False,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Settle a design question: base designs in every variant, at equal cost, trained alike, and a verdict.

    It is a sweep of its own, called NAME-QUESTION: Ctrl-C saves it, and `convscape resume` goes on with it.

    \b
      convscape ask --list
      convscape ask pooling sweep.yaml
      convscape ask filters sweep.yaml --match macs --set 'space.kernel=[5,7]'
      convscape ask mine sweep.yaml --dry-run
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if list_:
        _print_questions(output)
        return
    if question is None or place is None:
        raise ConfigError(
            "ask: it needs a question and a sweep file" if question is None else f"ask {question:.60}: of what?",
            "For example: convscape ask pooling sweep.yaml. `convscape ask --list` explains each question.",
        )
    if is_question(place) and not is_question(question):
        command = f"convscape ask {place} {shlex.quote(question)}"
        raise ConfigError(f"ask {question:.60} {place}: the question comes first", command)
    if replace and resume_:
        raise ConfigError("--replace and --resume: it is asked anew or gone on with", "Leave one of them out.")
    given = {"ask": question, "pairs": pairs, "seeds": seeds, "match": match}
    settings = [
        *(set_ or ()),
        *([] if seconds is None else [f"search.seconds={seconds:.12g}"]),
        *([] if address is None else [f"resources.address={json.dumps(address)}"]),
        *(f"question.{key}={json.dumps(value)}" for key, value in given.items() if value is not None),
    ]
    _check(place, settings, trust_code=trust_code)
    if dry_run:
        print_plan(place, settings, output, trust_code=trust_code)
        return
    with loading() as shown:
        from ..search import driver

        sweep = driver.ask(place, settings, replace=replace, resume=resume_, progress=shown, trust_code=trust_code)
    with reporting(sweep):
        print_answer(sweep, sweep.trials(), output)


def is_question(name: str) -> bool:
    """Whether a question is called so."""
    from ..search.questions import MINE, QUESTIONS

    return name in (*QUESTIONS, MINE)


def _check(place: str, settings: list[str], *, trust_code: bool) -> None:
    """Refuses a sweep file with mistakes and an unknown question before PyTorch is loaded, which takes seconds."""
    from ..search.config import is_beginning, read_or_begin
    from ..search.questions import question_of

    if not is_beginning(place):
        question_of(read_or_begin(place, settings, trust="everything" if trust_code else "folders"))


def _print_questions(output: str) -> None:
    from ..search.questions import MINE, MINE_ABOUT, QUESTIONS

    about = {**{name: question.about for name, question in QUESTIONS.items()}, MINE: MINE_ABOUT}
    if output == "json":
        echo_json({name: " ".join(lines) for name, lines in about.items()})
        return
    for name, lines in about.items():
        echo(f"{name}\n" + "\n".join(f"  {line}" for line in lines))
