"""The command line: what each command prints, what it exits with, and what bad input leaves behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli, load_architecture
from convscape.commands import networks
from convscape.search import driver
from convscape.search.driver import launching as sweeps
from convscape.search.files import option_for, sweep_lock
from convscape.search.sweep import Sweep
from convscape.spaces.errors import ConvscapeError
from convscape.trainers.export import bundle_files
from convscape.trainers.training import Training
from hypothesis import example, given, strategies as st
from tiny_sweep import send_nothing
from typer.main import get_command
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    "launch",
    "resume",
    "status",
    "show",
    "stop",
    "list",
    "compare",
    "ui",
    "describe",
    "sample",
    "export",
    "inspect",
    "predict",
    "sync",
    "doctor",
)
TINY = """
name: tiny
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 3, epochs: 2, reduction: 2, seed: 1}
resources: {runner: inline, precision: float32}
"""


class Ended:
    """How a command ended."""

    def __init__(self, code: Any, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out.splitlines()[-1] if self.out.startswith("{") else self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(caught.value.code or 0, out, err)

    return command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a sweep file, to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny sweep ended."""
    with pytest.MonkeyPatch.context() as patched:
        send_nothing(patched)
        folder = tmp_path_factory.mktemp("swept")
        (folder / "tiny.yaml").write_text(TINY)
        sweeps.launch(folder / "tiny.yaml", overrides=[f"folder={folder / 'sweeps'}"], progress=False)
    return folder / "sweeps"


def fits(text: str, width: int = 80) -> bool:
    return all(len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_teaches_and_ends_with_0(run: Any, command: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        ended = run(*command, option)
        assert ended.code == 0
        assert "Usage: " in ended.out
        assert fits(ended.out)
        assert "..." not in re.sub(r"([\]}]|NAME)\.\.\.", "", ended.out), "it is cut"
    if not command:
        order = [line.split()[0] for line in ended.out.partition("Commands:")[2].splitlines() if line[2:3].isalpha()]
        assert order.index("launch") < order.index("status") < order.index("compare") < order.index("export")
        assert all(name in ended.out for name in COMMANDS)
        assert "Exit codes: 0 done;" in ended.out


@pytest.mark.parametrize("command", sorted(command.name or "" for command in cli.app.registered_commands))
def test_help_of_a_command_has_examples_that_are_right(command: str) -> None:
    shown = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "80"}).output
    lines = [line.partition(" > ")[0] for line in shown.splitlines()]
    examples = [shlex.split(line) for line in lines if line.startswith(f"    convscape {command}")]
    assert examples
    group = get_command(cli.app)
    for _, name, *arguments in examples:
        with group.make_context("convscape", [name, *arguments]) as context:
            _, called, rest = group.resolve_command(context, [name, *arguments])  # pyright: ignore[reportAttributeAccessIssue]
        called.make_context(name, rest, parent=context)  # raises where an option is none


@pytest.mark.parametrize("command", ["launch", "describe"])
def test_examples_of_a_command_have_lines_of_their_own(command: str) -> None:
    shown = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "80"}).output.splitlines()
    examples = [line for line in shown if f"convscape {command} " in line and "Usage" not in line]
    assert len(examples) >= 3
    assert all(line.startswith(f"    convscape {command} ") and line.count("convscape ") == 1 for line in examples)
    assert not [line for line in shown if "\b" in line or "\\b" in line]


def test_output_that_nobody_reads_to_its_end_is_no_fault() -> None:
    command = [sys.executable, "-m", "convscape", "describe", "resnet152"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == ("", 141)


def test_another_broken_pipe_is_not_taken_for_that_of_the_output(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convscape.spaces.load_architecture", lambda *_: (_ for _ in ()).throw(BrokenPipeError(32, "")))
    assert run("describe", "vgg16").code == 1


def test_nothing_asked_shows_help(run: Any) -> None:
    ended = run()
    assert "Usage: " in ended.out + ended.err
    assert ended.code in (0, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["lunch", "x.yaml"], ["launch"], ["launch", "tiny.yaml", "--what"], ["launch", "tiny.yaml", "-o", "xml"],
        ["compare", "tiny", "-n", "0"], ["compare", "tiny", "-n", "many"], ["describe"],
        ["describe", "vgg16", "--fit", "x"], ["export", "tiny"], ["sample", "tiny.yaml", "-n", "-1"],
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2(run: Any, here: Path, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert "Usage: " in ended.err
    assert "Traceback" not in ended.err


BAD = [
    # arguments, exit code, what the message says
    (["launch", "none.yaml"], 2, "none.yaml: cannot be read: No such file"),
    (["launch", "tiny.yaml", "--set", "data.name=fashion-mnist", "--set", "data.root=nowhere"], 2, "nowhere"),
    (["launch", "tiny.yaml", "--set", "data.name=fashion-mnist"], 2, "root"),
    (["launch", "tiny.yaml", "--set", "data.name=digit"], 2, "digits"),
    (["launch", "tiny.yaml", "--set", "data.train=99999"], 2, ""),
    (["launch", "tiny.yaml", "--set", "search.trails=3"], 2, "Did you mean 'trials'?"),
    (["launch", "tiny.yaml", "--set", "search.trials=0"], 2, "--set: search.trials: 0"),
    (["launch", "tiny.yaml", "--set", "space.kernel=99"], 2, "99 is out of range"),
    (["launch", "tiny.yaml", "--set", "space.stages=9", "--set", "space.padding=valid"], 2, "no network fits"),
    (
        ["launch", "tiny.yaml", "--dry-run", "--set", "resources.runner=ray", "--set", "resources.gpus=64"],
        4,
        "resources.gpus: a trial needs 64 GPU, and this machine has",
    ),
    (["launch", "tiny.yaml", "--set", "recipe.crop=8"], 2, "recipe.crop: 8 is too large for images of 8x8"),
    (["launch", "tiny.yaml", "--set", "recipe.cutout=[0, 9]"], 2, "recipe.cutout: 9 is too large for images of 8x8"),
    (["launch", "tiny.yaml", "--dry-run", "--set", "recipe.crop=8"], 2, "Use at most 7"),
    (["launch", "tiny.yaml", "--set", "search.first_rung=3"], 2, "search.first_rung: 3: trials end after 2 epochs"),
    (["launch", "tiny.yaml", "--set", "budget.parameters=1"], 2, "budget: no design of the space is within it"),
    (["launch", "tiny.yaml", "--set", "folder=tiny.yaml"], 4, "cannot be used"),
    (["launch", "tiny.yaml", "--set", "nonsense"], 2, "not key=value"),
    (["launch", "tiny.yaml", "--dry-run", "--set", "search.epochs=0"], 2, "search.epochs"),
    (["sample", "tiny.yaml", "--set", "space.stages=9", "--set", "space.padding=valid"], 2, "no network fits"),
    (["resume", "tiny"], 4, "no sweep 'tiny'"),
    (["status", "tiny"], 4, "no sweep 'tiny'"),
    (["compare", "tiny"], 4, "no sweep 'tiny'"),
    (["export", "tiny", "--to", "out"], 4, "no sweep 'tiny'"),
    (["sync", "tiny"], 4, "no sweep 'tiny'"),
    (["describe", "vgg17"], 2, "Did you mean 'vgg19'?"),
    (["describe", "INPUT[8x8x1] -> CONV99-4 valid -> FC-10"], 2, ""),
    (["describe", "vgg16", "--input", "224"], 2, "not CxHxW"),
    (["describe", "none.json"], 2, "cannot be read"),
    (["describe", "vgg16", "--fully-convolutional", "--input", "3x200x384"], 2, "Slide over at least 224x224"),
    (["describe", "vgg16", "--fully-convolutional", "--layer", "0"], 2, "Leave one of them out."),
    (["describe", "vgg16", "--layer", "1"], 2, "Convolutions: 0, 2, 5, 7,"),
    (["describe", "resnet50", "--layer", "4.bdy.0", "-o", "json"], 2, "Did you mean '4.body.0'?"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=[" ".join(case[0])[:60] for case in BAD])
def test_bad_input_is_a_short_message_and_leaves_nothing(
    run: Any, here: Path, quiet: None, arguments: list[str], code: int, says: str
) -> None:
    ended = run(*arguments)
    assert ended.code == code, ended.err
    phases = re.compile(r"\d:\d\d  \w+")  # on a machine that is busy
    message = [line for line in ended.err.splitlines() if line and not phases.match(line)]
    assert message[0].startswith("convscape: ")
    assert len(message) <= 10
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    left = [path for path in here.rglob("*") if path.is_file()]
    assert left == [here / "tiny.yaml"]
    assert not (here / "sweeps" / "tiny").exists()


def test_debug_shows_the_traceback_and_keeps_the_exit_code(run: Any, here: Path) -> None:
    ended = run("launch", "none.yaml", "--debug")
    assert ended.code == 2
    assert "Traceback" in ended.err


def test_a_fault_of_our_own_ends_with_1(run: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(driver, "launch", broken)
    ended = run("launch", "tiny.yaml")
    assert ended.code == 1
    assert "ZeroDivisionError: division by zero" in ended.err
    assert "--debug" in ended.err
    ended = run("launch", "tiny.yaml", "--debug")
    assert ended.code == 1
    assert "Traceback" in ended.err


def test_ctrl_c_ends_with_130(run: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "launch", interrupted)
    assert run("launch", "tiny.yaml").code == 130
    monkeypatch.setattr("convscape.search.driver.preflight.load_data", interrupted)
    assert run("launch", "tiny.yaml", "--dry-run").code == 130


def test_a_file_with_mistakes_is_refused_before_anything_is_loaded(
    run: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "bad.yaml").write_text("name: bad\ndata: {name: digits\n")

    def loads() -> None:
        raise AssertionError("PyTorch would be loaded")

    monkeypatch.setattr("convscape.commands.sweeping.loading", loads)
    ended = run("launch", "bad.yaml")
    assert ended.code == 2
    assert ended.err.startswith("convscape: bad.yaml:")
    assert run("launch", "tiny.yaml", "--set", "search.trials=0").code == 2


def test_a_sweep_without_a_result_ends_with_3(
    run: Any, here: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("convscape.search.workers.training_job.Training", broken)
    ended = run("launch", "tiny.yaml", "-o", "json")
    assert ended.code == 3
    assert "ZeroDivisionError" in ended.err
    assert ended.out == ""


def test_launch_ends_with_one_json_object(run: Any, here: Path, quiet: None) -> None:
    ended = run("launch", "tiny.yaml", "-o", "json")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    result = json.loads(ended.out)
    assert set(result) == {"name", "seconds", "tracking_uri", "counts", "best", "importance", "runner_up"}
    assert result["runner_up"]["settings"]
    assert {each["share"] for each in result["importance"]} == {None}, "of three trials nothing is known"
    assert set(result["counts"]) == {"completed", "stopped", "failed", "duplicate", "infeasible"}
    assert set(result["best"]) == {"trial", "run_id", "accuracy", "parameters", "macs", "notation"}
    assert result["name"] == "tiny"
    assert result["tracking_uri"] == f"sqlite:///{here / 'sweeps' / 'mlflow.db'}"
    assert result["counts"]["completed"] + result["counts"]["stopped"] == 3
    assert (here / "sweeps" / "tiny" / "config.json").exists()
    again = run("launch", "tiny.yaml")
    assert again.code == 4
    assert "convscape resume tiny" in again.err


def test_launch_shows_a_leaderboard_and_exports(run: Any, here: Path, quiet: None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    ended = run("launch", "tiny.yaml", "--export", "winner")
    assert ended.code == 0
    assert "Leaderboard of sweep tiny" in ended.out
    assert "The winner, trial " in ended.out
    assert "convscape ui tiny" in ended.out
    assert (here / "winner" / "architecture.json").exists()
    table = ended.out[: ended.out.index("Compare runs in MLflow")]
    assert fits(table)
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_export_that_is_interrupted_says_how_to_have_it(
    run: Any, swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    to = tmp_path / "the winner"
    with monkeypatch.context() as patch:
        patch.setattr(Sweep, "export", interrupted)
        ended = run("resume", "tiny", "--folder", swept, "--export", to)
    assert ended.code == 130
    (command,) = re.findall("Not exported.*: convscape (.*)", ended.err)
    assert run(*shlex.split(command)).code == 0
    assert (to / "model.py").exists()


@pytest.mark.parametrize("to", ["/proc/winner", "tiny.yaml/winner", "tiny.yaml/a/winner"])
def test_a_folder_that_cannot_be_exported_to_is_refused_before_the_sweep(run: Any, here: Path, to: str) -> None:
    ended = run("launch", "tiny.yaml", "--export", to)
    assert ended.code == 5
    assert f"{to} cannot be written: " in ended.err
    assert list(here.iterdir()) == [here / "tiny.yaml"]


def test_output_to_a_full_disk_is_no_fault_of_ours(swept: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "convscape", "compare", "tiny", "--folder", str(swept)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert ended.returncode == 4
    assert ended.stderr == "convscape: the output cannot be written: No space left on device\n  Make room for it.\n"


def test_a_sync_that_cannot_write_its_own_files_blames_no_server(run: Any, swept: Path, tmp_path: Path) -> None:
    shutil.copytree(swept / "tiny", tmp_path / "tiny")
    (tmp_path / "tiny" / "upload.lock").unlink(missing_ok=True)
    (tmp_path / "tiny" / "upload.lock").mkdir()
    ended = run("sync", "tiny", "--folder", tmp_path)
    assert ended.code == 4
    assert "upload.lock cannot be written: Is a directory" in ended.err
    assert "server" not in ended.err


def test_a_dry_run_shows_the_config_and_three_networks_and_writes_nothing(run: Any, here: Path) -> None:
    ended = run("launch", "tiny.yaml", "--dry-run")
    assert ended.code == 0
    assert ended.out.count(" parameters, ") == 3 + 1, "and the textbook's, a third of three trials"
    assert ended.out.count(" MACs\n  INPUT[8x8x1] -> ") == 3 + 1
    assert "# first, the textbook's for images of 8x8" in ended.out
    assert "# runner: inline, since resources.runner says so" in ended.out
    assert "trials: 3" in ended.out
    assert "growth" in ended.out  # a default, written out
    assert list(here.iterdir()) == [here / "tiny.yaml"]
    plain = run("launch", "tiny.yaml", "--dry-run", "-o", "json").json
    assert plain["config"]["search"]["trials"] == 3
    assert len(plain["networks"]) == 3
    assert list(here.iterdir()) == [here / "tiny.yaml"]


def test_a_dry_run_says_what_the_time_will_buy(run: Any, here: Path) -> None:
    values = ("seconds=30", "trials=1000", "epochs=auto", "finalists=2")
    options = ("--dry-run", *(word for value in values for word in ("--set", f"search.{value}")))
    told = run("launch", "tiny.yaml", *options).out
    assert all(len(line) <= 80 for line in told.splitlines() if line.startswith("#"))
    told = told.replace("\n#   ", " ")
    (line,) = (line for line in told.splitlines() if line.startswith("# time: an epoch of the first network takes "))
    assert re.search(
        r"time for about [\d,]+ trials, the longest of \d+ epochs, and a last training of about [\d,]+ epochs", line
    )
    time = run("launch", "tiny.yaml", *options, "-o", "json").json["time"]
    assert 0 < time["epoch_seconds"] < 10
    assert 1 <= time["trials"] <= 1000
    assert 3 <= time["epochs"] <= time["last"]
    assert run("launch", "tiny.yaml", "--dry-run", "-o", "json").json["time"] is None, "no time was given"
    assert list(here.iterdir()) == [here / "tiny.yaml"]


def test_a_dry_run_s_config_is_a_sweep_file(run: Any, here: Path) -> None:
    shown = run("launch", "tiny.yaml", "--dry-run").out
    (here / "again.yaml").write_text(shown.split("\n# ")[0])
    again = run("launch", "again.yaml", "--dry-run").out
    assert again == shown


def test_time_into_which_no_epoch_fits_is_refused_with_what_would_do(run: Any, here: Path) -> None:
    for options in ((), ("--dry-run",)):
        ended = run("launch", "tiny.yaml", "--set", "search.seconds=0.001", *options)
        assert ended.code == 2
        assert "search.seconds: 0.001 s, and one epoch of the first network takes about " in ended.err
        assert "`--set search.seconds=600`" in ended.err
        assert list(here.iterdir()) == [here / "tiny.yaml"]


def test_without_a_result_each_command_says_how_to_come_to_one(
    run: Any, here: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> None:
    monkeypatch.setattr("convscape.search.driver.preflight.refuse_too_short", lambda *_: None)
    ended = run("launch", "tiny.yaml", "--set", "search.seconds=0.001")
    assert ended.code == 3
    cure = "Go on with `convscape resume tiny --set search.seconds=600`."
    assert cure in ended.err
    for command, code in (("export", 4), ("show", 4), ("compare", 0)):
        told = run(command, "tiny", *(("--to", "out") if command == "export" else ()))
        assert (told.code, cure in told.out + told.err) == (code, True)
        with sweep_lock(here / "sweeps" / "tiny"):
            told = run(command, "tiny", *(("--to", "out") if command == "export" else ()))
        assert (told.code, "It runs: try again after the first epoch." in told.out + told.err) == (code, True)


def test_compare_lists_trials_best_first(run: Any, swept: Path) -> None:
    compared = run("compare", "tiny", "--folder", swept, "-o", "json").json
    trials = compared["trials"]
    assert len(trials) == 3
    assert compared["failures"] == []
    assert {"trial", "run_id", "accuracy", "parameters", "macs", "notation"} <= set(trials[0])
    accuracies = [trial["accuracy"] for trial in trials]
    assert accuracies == sorted(accuracies, reverse=True)
    shown = run("compare", "tiny", "--folder", swept, "-n", 2)
    table = shown.out[: shown.out.index("Compare runs in MLflow")]
    assert fits(table)
    assert table.count("INPUT[") == 2
    assert "and 1 more" in table
    assert "failed" not in table


DIVERGING = """
name: wild
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}
recipe: {learning_rate: 0.05, warmup: 0, gradient_clip: null}
search:
  trials: 4
  epochs: 2
  promotion: none
  finalists: 0
  start:
    - {network: "INPUT[8x8x1] -> CONV3-4 -> RELU -> FC-10", recipe: {learning_rate: 100, batch_size: 8}}
    - {network: "INPUT[8x8x1] -> CONV3-4 -> RELU -> FC-10", recipe: {learning_rate: 100, batch_size: 20}}
    - "INPUT[8x8x1] -> FC-10"
resources: {runner: inline, precision: float32}
"""


def test_compare_tells_why_trials_failed(run: Any, here: Path, monkeypatch: pytest.MonkeyPatch, quiet: None) -> None:
    def breaking(architecture: Any, *arguments: Any, **options: Any) -> Any:
        if len(architecture.layers) < 3:
            raise ZeroDivisionError("division by zero")
        return Training(architecture, *arguments, **options)

    monkeypatch.setattr("convscape.search.workers.training_job.Training", breaking)
    (here / "wild.yaml").write_text(DIVERGING)
    ending = run("launch", "wild.yaml").out
    shown = run("compare", "wild").out
    why = shown[shown.index("why trials failed:") : shown.index("\n\nCompare runs in MLflow")]
    diverged, broken = why.splitlines()[1:3]
    # checked at steps 1, 21, … and at an epoch's last, which is 25 for the one and 10 for the other
    assert diverged == "  2x (trials 0, 1): the loss is not a number at step … of epoch 1"
    assert broken.startswith("  1x (trial 2): ZeroDivisionError: division by zero (see")
    assert why in ending
    assert fits(why)
    failures = run("compare", "wild", "-o", "json").json["failures"]
    assert [failure["trials"] for failure in failures] == [[0, 1], [2]]
    assert failures[0]["reason"] == "the loss is not a number at step … of epoch 1"
    assert all(reason.startswith("the loss is not a number at step ") for reason in failures[0]["reasons"])
    assert failures[1]["reason"].endswith("trials/00002/failure.txt)")


def test_status_says_how_a_sweep_stands(run: Any, swept: Path) -> None:
    shown = run("status", "tiny", "--folder", swept, "--watch")
    assert shown.out.startswith("sweep tiny: ended after")
    assert fits(re.split("\n(compare|export|send them):", shown.out)[0])
    state = run("status", "tiny", "--folder", swept, "-o", "json").json
    assert state["running"] is False
    assert state["counts"]["unfinished"] == 0
    assert state["best"]["trial"] == Sweep.open("tiny", swept).best.trial


def test_printed_commands_run_in_a_shell(run: Any, swept: Path, here: Path, quiet: None) -> None:
    """As they are, wherever the sweep lies."""
    folder = here / "it's my sweeps; echo $HOME"
    shutil.copytree(swept, folder)
    (here / "convscape").write_text(f'#!/bin/sh\nexec {sys.executable} -m convscape "$@"\n')
    (here / "convscape").chmod(0o755)
    path = {**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}
    named = Path(folder.name)
    taken = run("launch", "tiny.yaml", "--set", f"folder={json.dumps(str(named))}").err
    ending = run("resume", "tiny", "--folder", named).out
    printed = [
        *re.findall(r"(?:compare|export): +(convscape .*)", run("status", "tiny", "--folder", named).out),
        *re.findall(r"Export it: +(convscape .*)", ending),
        *re.findall("`(convscape resume.*?)`", taken),
    ]
    assert len(printed) == 4
    assert all(str(named) in shlex.split(command) for command in printed)
    done = subprocess.run(["sh", "-c", printed[0]], env=path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == run("compare", "tiny", "--folder", named).out


def test_the_usual_folder_needs_no_option(swept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (Path("sweeps"), tmp_path / "sweeps", tmp_path / "link" / "sweeps"):
        assert option_for(folder) == ""
    assert option_for(Path("other")) == " --folder other"
    assert option_for(swept) == f" --folder {swept}"


def test_commands_that_only_look_import_nothing_that_takes_long(swept: Path) -> None:
    """They are to answer at once: what trains, samples or draws is not imported for them."""
    looking = [["--version"], ["--help"], ["describe", "lenet5"], ["list"], ["status", "tiny"], ["stop", "tiny"],
               ["show", "tiny"], ["compare", "tiny"]]  # fmt: skip
    for command in looking[3:]:
        command += ["--folder", str(swept)]
    slow = ("torch", "ray", "mlflow", "optuna", "pandas", "numpy", "sklearn", "scipy", "sqlalchemy", "rich", "PIL")
    program = (
        "import contextlib, io, json, sys\nfrom convscape.cli import main\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        try:\n            main(command)\n"
        "        except SystemExit as ended:\n            assert not ended.code, command\n"
        f"    print(command[0], *(name for name in {slow!r} if name in sys.modules))\n"
    )
    told = subprocess.check_output([sys.executable, "-c", program, json.dumps(looking)], text=True)
    assert told.splitlines() == [command[0] for command in looking]


def test_launch_goes_on_where_a_sweep_of_that_name_is_there(run: Any, here: Path, quiet: None) -> None:
    """So that a job that a scheduler begins anew is one line."""
    first = run("launch", "tiny.yaml", "--resume", "-o", "json")
    trained = [trial.accuracies for trial in Sweep.open("tiny", here / "sweeps").trials()]
    again = run("launch", "tiny.yaml", "--resume", "-o", "json")
    assert (first.code, again.code) == (0, 0)
    assert again.json["best"] == first.json["best"]
    assert [trial.accuracies for trial in Sweep.open("tiny", here / "sweeps").trials()] == trained
    assert "Leave one of them out" in run("launch", "tiny.yaml", "--resume", "--replace").err
    more = run("launch", "tiny.yaml", "--resume", "--set", "search.trials=4", "-o", "json").json
    assert sum(more["counts"].values()) == 4
    assert "search.seed is 5" in run("launch", "tiny.yaml", "--resume", "--set", "search.seed=5").err


def test_resuming_what_has_ended_trains_nothing(run: Any, swept: Path, quiet: None) -> None:
    study = swept / "tiny" / "study.jsonl"
    before = study.read_text().count('"step"')
    ended = run("resume", "tiny", "--folder", swept, "-o", "json")
    assert ended.code == 0
    assert sum(ended.json["counts"].values()) == 3
    shown = run("resume", "tiny", "--folder", swept)
    assert "The winner, trial " in shown.out
    more = f"More: convscape resume tiny --folder {swept} --set search.trials=6"
    assert shown.out.rstrip().endswith(more)
    assert run("resume", "tiny", "--folder", swept, "--set", "space.kernel=5").code == 2
    assert study.read_text().count('"step"') == before


def test_export_of_the_best_and_of_a_named_trial(run: Any, swept: Path, tmp_path: Path) -> None:
    exported = run("export", "tiny", "--folder", swept, "--to", tmp_path / "best", "-o", "json").json
    assert bundle_files(tmp_path / "best") == sorted(exported["files"])
    assert 0 <= exported["test_accuracy"] <= 1
    before = exported["test"]["looks"]
    assert before >= 1
    worst = run("compare", "tiny", "--folder", swept, "-o", "json").json["trials"][-1]["trial"]
    words = ("--trial", worst, "--format", "none", "--fully-convolutional")
    again = run("export", "tiny", "--folder", swept, "--to", tmp_path / "worst", *words)
    assert again.code == 0
    assert "first time" not in again.out
    assert "makes it optimistic" in " ".join(again.out.split())
    proof = json.loads((tmp_path / "worst" / "proof.json").read_text())
    assert proof["test"]["looks"] == before + 1
    assert proof["fully_convolutional"]["of"]
    card = (tmp_path / "worst" / "MODEL_CARD.md").read_text()
    assert f"trial {worst} was chosen by hand to be handed over" in card
    assert f"Trial {worst} was not trained to its end" in again.err
    assert f"Trial {worst} was not trained to its end" in card
    best = (tmp_path / "best" / "MODEL_CARD.md").read_text()
    assert "is the answer handed over" in best
    assert re.search(r"- Validation, in the search, over seeds: 0\.\d{4}, n = 1\.", best)
    assert exported["mlflow"] == {"place": "", "problem": exported["mlflow"]["problem"], "registered": None}
    missing = run("export", "tiny", "--folder", swept, "--to", tmp_path / "none", "--trial", 77)
    assert missing.code == 4
    assert "no trained trial 77" in missing.err
    assert not (tmp_path / "none").exists()


def test_an_export_does_not_write_over_something_else(run: Any, swept: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    ended = run("export", "tiny", "--folder", swept, "--to", tmp_path)
    assert ended.code == 5
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_describe_a_classic_a_line_and_a_file(run: Any, here: Path) -> None:
    vgg = run("describe", "vgg16", "-o", "json").json
    assert vgg["totals"]["parameters"] == 138_357_544
    assert sum(layer["parameters"] for layer in vgg["layers"]) == 138_357_544
    shown = run("describe", "vgg16")
    assert "138,357,544" in shown.out
    assert fits(shown.out)
    line = "INPUT[8x8x1] -> CONV3-4 -> RELU -> FC-10"
    assert run("describe", line, "-o", "json").json["notation"] == line
    small = run("describe", "vgg16", "--input", "3x64x64", "--classes", 7, "-o", "json").json
    assert small["layers"][-1]["output"] == [7, 1, 1]
    (here / "net.json").write_text(json.dumps(load_architecture(line).to_json()))
    assert run("describe", "net.json", "-o", "json").json["digest"] == load_architecture(line).digest
    (here / "vgg.json").write_text(run("describe", "vgg16", "-o", "json").out)
    assert run("describe", "vgg.json", "-o", "json").json == vgg


def test_describe_one_layer_beside_its_alternatives(run: Any) -> None:
    shown = run("describe", "alexnet", "--layer", "0").out
    assert fits(shown)
    assert "105,705,600" in shown
    assert "[96 x 363] · [363 x 3025] = [96 x 3025]" in shown
    plain = run("describe", "alexnet", "--layer", "0", "-o", "json").json
    assert plain["parameters"] == {"shared": 34_944, "unshared": 105_705_600, "fully_connected": 44_892_355_200}
    padded = run("describe", "alexnet", "--layer", "0", "--input", "3x224x224", "--fit", "pad", "-o", "json").json
    assert padded["input"] == [3, 224, 224]


def test_describe_a_network_that_slides_over_a_larger_image(run: Any, here: Path) -> None:
    """VGG-16 over 384x384 gives 6x6x1000, as 36 crops would (CS231n ConvNet notes, "Converting FC layers")."""
    asked = ("describe", "vgg16", "--fully-convolutional", "--input", "3x384x384")
    shown = run(*asked)
    assert fits(shown.out)
    for told in ("CONV7-4096 valid  6x6x4096", "6x6x1000", "138,357,544", "the 36 crops one by one 556,929,515,520"):
        assert told in shown.out
    plain = run(*asked, "-o", "json").json
    sliding = plain["sliding"]
    assert (sliding["output"], sliding["stride"], sliding["pads"]) == ([1000, 6, 6], [32, 32], True)
    assert sliding["crops"]["macs"] == 36 * run("describe", "vgg16", "-o", "json").json["totals"]["macs"]
    assert sliding["crops"]["one_pass_macs"] == plain["totals"]["macs"]
    (here / "sliding.json").write_text(json.dumps(plain))
    again = run("describe", "sliding.json", "--fully-convolutional", "--input", "3x384x384", "-o", "json")
    assert again.json == plain


def test_describe_what_slides_otherwise(run: Any) -> None:
    unpadded = run("describe", "lenet5", "--fully-convolutional", "--input", "1x40x36").out
    assert "Over 40x36: 3x2 places of 32x32, 4 cells apart, 10 scores each." in unpadded
    assert "No layer pads: the scores are those of the crops." in unpadded
    assert "one vector of 10 scores; on larger images one every 4" in run(
        "describe", "lenet5", "--fully-convolutional"
    ).out.replace("\n", " ")
    averaged = run("describe", "resnet18", "--fully-convolutional", "--input", "3x300x400")
    assert "one vector of 1,000 scores, as for an image of any size" in averaged.out
    assert fits(averaged.out)


@given(st.text() | st.from_regex(r"[0-9]{0,9}[xX][0-9]{0,9}[xX][0-9]{0,9}"))
@example("1048577x8x8")
@example("3x99999999999999999999x8")
@example("٣x٨x٨")
def test_any_input_is_an_image_or_a_project_error(text: str) -> None:
    with suppress(ConvscapeError):
        assert load_architecture("lenet5", networks._image(text)).input


def test_described_json_has_shares_memory_and_what_backward_keeps(run: Any) -> None:
    shown = run("describe", "lenet5", "-o", "json", "--batch", 32, "--optimizer", "adamw").json
    assert set(shown) == {"notation", "digest", "architecture", "totals", "memory", "layers"}
    for count in ("parameters", "macs"):
        assert sum(layer["share"][count] for layer in shown["layers"]) == pytest.approx(1)
    assert all(layer["weights"] + layer["biases"] == layer["parameters"] for layer in shown["layers"])
    memory = shown["memory"]
    assert (memory["batch"], memory["optimizer"], memory["precision"]) == (32, "adamw", "float32")
    training = memory["training"]
    assert training["parameters"] == training["gradients"] == training["optimizer"] // 2 == 61_706 * 4
    assert training["activations"] == 32 * sum(layer["kept_bytes"] for layer in shown["layers"])
    for parts in (memory["inference"], training):
        assert parts.pop("total") == sum(parts.values())
    half = run("describe", "lenet5", "-o", "json", "--batch", 32, "--precision", "bfloat16").json["memory"]
    assert 2 * half["training"]["gradients"] == training["gradients"]


def test_the_version(run: Any) -> None:
    from convscape import __version__

    assert run("--version").out == f"convscape {__version__}\n"


def test_sample_and_the_dry_run_say_how_many_distinct_networks_there_are(run: Any, here: Path) -> None:
    drawn = run("sample", "tiny.yaml", "-n", 800, "-o", "jsonl").out.splitlines()
    size = f" {len({json.loads(line)['digest'] for line in drawn}):,} distinct networks"
    for command in (("sample", "tiny.yaml", "-n", 1), ("launch", "tiny.yaml", "--dry-run")):
        assert any(line.startswith("# ") and size in line for line in run(*command).out.splitlines())


def test_sample_prints_networks_and_trains_nothing(run: Any, here: Path) -> None:
    lines = run("sample", "tiny.yaml", "-n", 5, "-o", "jsonl").out.splitlines()
    assert len(lines) == 5
    assert all(json.loads(line)["totals"]["parameters"] > 0 for line in lines)
    assert run("sample", "tiny.yaml", "-n", 5, "-o", "jsonl").out.splitlines() == lines
    assert run("sample", "tiny.yaml", "-n", 2).out.count(" MACs ") == 2
    parameters = sorted(json.loads(line)["totals"]["parameters"] for line in lines)
    within = f"budget.parameters={parameters[2]}"
    marked = [
        json.loads(line)
        for line in run("sample", "tiny.yaml", "-n", 5, "-o", "jsonl", "--set", within).out.splitlines()
    ]
    assert all(bool(each["over_budget"]) == (each["totals"]["parameters"] > parameters[2]) for each in marked)
    assert "would not be trained: " in run("sample", "tiny.yaml", "-n", 5, "--set", within).out
    assert list(here.iterdir()) == [here / "tiny.yaml"]
