"""`ask`: a design question from its sweep file to its answer, on the digits, with MLflow."""

from __future__ import annotations

import json
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import convscape
import mlflow
import pytest
from convscape.cli import main
from convscape.dashboards.page import StoreOfSweeps, page_content, source_of, stored_source
from convscape.dashboards.queries import run_files
from convscape.dashboards.reports import publish_report
from convscape.dashboards.text import experiment_text
from convscape.search import Sweep
from convscape.search.driver import ProgressDisplay
from convscape.search.questions import MINE, QUESTIONS
from convscape.search.tracking import ANSWER, REPORT_MARK
from convscape.spaces import printable
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from convscape.search.records import Design

FORECASTS = import_module("convscape.search.driver.forecast")  # by that name the package has a function
SMALL = """
name: small
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: [12, 16, 24], kernel: 3, dropout: 0.0, hidden: 0, head: global_average}
search: {epochs: 1, trials: 3, finalists: 1}
resources: {runner: inline, precision: float32}
variants:
  batch: {norm: batch}
  none: {norm: none}
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asked")
    (place / "small.yaml").write_text(SMALL)
    return place


@pytest.fixture(scope="module")
def answered(place: Path) -> Sweep:
    """`mine` asked of two bases, one seed each and two rates."""
    with pytest.raises(SystemExit) as ended:
        main(["ask", "mine", str(place / "small.yaml"), *of_two(place), "--set", "question.rates=[0.05,0.1]"])
    assert ended.value.code == 0
    return Sweep.open("small-mine", place / "sweeps")


def of_two(place: Path) -> list[str]:
    return ["--pairs", "2", "--seeds", "1", "--set", f"folder={place / 'sweeps'}"]


def test_the_list_explains_each_question_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ask", "--list")
    assert code == 0
    lines = out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [*QUESTIONS, MINE]
    assert len(lines) == 3 * (len(QUESTIONS) + 1)
    assert set(json.loads(run(capsys, "ask", "--list", "-o", "json")[1])) == {*QUESTIONS, MINE}


def test_it_is_a_sweep_of_its_own_with_an_answer(answered: Sweep) -> None:
    answer = answered.answer()
    assert answer is not None
    assert answer.ended
    assert (answer.pairs, len(answered.trials())) == (2, 2 * 2 + 2 * 2)
    assert answered.config.search.promotion == "none"


def test_json_is_one_object_with_what_a_plot_needs(
    answered: Sweep, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "resume", answered.name, "--folder", str(place / "sweeps"), "-o", "json")
    told: dict[str, Any] = json.loads(out)
    assert code == 0
    assert (told["question"], told["pairs"], told["left_out"]) == ("mine", 2, [])
    (contrast,) = told["contrasts"]
    assert (contrast["a"], contrast["b"]) == ("batch", "none")
    assert contrast["difference"] == pytest.approx(sum(contrast["differences"]) / 2)
    assert contrast["interval"][0] <= contrast["difference"] <= contrast["interval"][1]
    assert contrast["p"] >= 0.5
    assert contrast["wins"] + contrast["ties"] <= 2
    assert contrast["verdict"].startswith("not settled at n = 2")
    assert contrast["detectable"] is None
    for cost in ("parameters", "macs", "memory", "seconds"):
        first, second = contrast[cost]
        assert first > 0 < second
    assert set(told["learning_rates"]) == {"batch", "none"}
    assert told["tracking_uri"] == answered.tracking_uri
    assert told["run_id"] == answered.run_ids()[None]
    guide = (Path(convscape.__file__).parent / "docs" / "questions.md").read_text()
    assert all(f"`{key}`" in guide for key in (*told, *contrast, *told["learning_rates"]["batch"]))


def test_the_table_says_that_two_pairs_settle_nothing(
    answered: Sweep, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "resume", answered.name, "--folder", str(place / "sweeps"))
    told = " ".join(out.split())
    assert told.startswith("mine on digits: n = 2 pairs, 1 seed each, 1 epoch, parameters matched, 0 left out")
    assert "2 pairs can settle nothing" in told
    assert "Method: 2 base designs drawn from the space were built in every variant" in told


def test_mlflow_has_variants_as_tags_and_the_answer(answered: Sweep) -> None:
    client = mlflow.MlflowClient(answered.tracking_uri)
    parent = client.get_run(answered.run_ids()[None])
    assert "answer/batch less none/difference" in parent.data.metrics
    assert "design question" in parent.data.tags["mlflow.note.content"]
    runs = [client.get_run(run_id) for number, run_id in answered.run_ids().items() if number is not None]
    assert {run.data.tags["convscape.variant"] for run in runs} == {"batch", "none"}
    assert {run.data.tags["convscape.base"] for run in runs} == {"0", "1"}


def test_a_store_of_mlflow_gives_the_answer(answered: Sweep, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ["--uri", answered.tracking_uri, "--experiment", answered.config.tracking.experiment]
    told = json.loads(run(capsys, "compare", answered.name, *store, "-o", "json")[1])["sweeps"][0]["answer"]
    local = json.loads(run(capsys, "compare", answered.name, "--folder", str(place / "sweeps"), "-o", "json")[1])
    assert told == local["answer"]
    table = run(capsys, "compare", answered.name, *store)[1]
    assert all(len(line) <= 80 for line in table.splitlines())
    assert " ".join(" ".join(told["lines"]).split()) in " ".join(table.split())
    stored = stored_source(answered.tracking_uri, answered.config.tracking.experiment, answered.name)
    assert page_content([stored])["sweeps"][0]["answer"] == told["lines"]


DEEP = '{"lines": ["x"], "more": ' + "[" * 600 + "]" * 600 + "}"


@pytest.mark.parametrize(
    "answer",
    [
        "null", "[]", "{}", '{"lines": []}', '{"lines": [1]}', '{"lines": "x"}', '{"lines": ["x"], "p": NaN}',
        '{"lines": ["x"], "p": 1e999}', pytest.param("[" * 100_000, id="deepest"), pytest.param(DEEP, id="deep"),
        pytest.param(json.dumps({"lines": ["x"] * 300}), id="many"),
        pytest.param(json.dumps({"lines": ["x" * 6_000]}), id="long"),
        pytest.param(json.dumps({"lines": ["x"], "more": "x" * 2**20}), id="large"), None,
    ],
)  # fmt: skip
def test_an_answer_in_mlflow_that_is_none_is_not_there(
    answered: Sweep, place: Path, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(client: mlflow.MlflowClient, run_id: str, path: str, folder: str) -> str:
        if answer is None:
            raise OSError("no storage")
        file = Path(folder, "answer.json")
        file.write_text(answer)
        return str(file)

    monkeypatch.setattr(mlflow.MlflowClient, "download_artifacts", download)
    stored = stored_source(answered.tracking_uri, answered.config.tracking.experiment, answered.name)
    assert stored.answer is None
    assert page_content([stored])["sweeps"][0]["answer"] == []


def test_an_answer_in_mlflow_steers_no_terminal(answered: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "json_of_run", lambda *_: {"lines": ["\x1b[2Jgone"]})
    stored = stored_source(answered.tracking_uri, answered.config.tracking.experiment, answered.name)
    assert stored.answer == {"lines": [printable("\x1b[2Jgone")]}
    assert "\x1b" not in str(stored.answer)


def test_an_answer_that_mlflow_lacks_is_sent_and_a_page_that_was_open_shows_it(answered: Sweep) -> None:
    """As of a sweep that an early version sent, or one that is looked at as it ends."""
    client = mlflow.MlflowClient(answered.tracking_uri)
    run_id = answered.run_ids()[None]
    address = client.get_run(run_id).info.artifact_uri or ""
    get_artifact_repository(address).delete_artifacts(ANSWER)
    client.delete_tag(run_id, REPORT_MARK)
    served = StoreOfSweeps(uri=answered.tracking_uri, experiment=answered.config.tracking.experiment)
    assert served.content([answered.name])["sweeps"][0]["answer"] == []
    before = served.progress([answered.name])["version"]
    assert publish_report(answered)
    served = StoreOfSweeps(uri=answered.tracking_uri, experiment=answered.config.tracking.experiment)
    assert served.progress([answered.name])["version"] != before
    assert served.content([answered.name])["sweeps"][0]["answer"]
    get_artifact_repository(address).delete_artifacts(ANSWER)
    assert publish_report(answered), "the report alone is not all"
    assert not publish_report(answered)


def test_answers_beside_each_other_say_whose_they_are(
    answered: Sweep, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(answered.folder, place / "sweeps" / "anew")
    config = place / "sweeps" / "anew" / "config.json"
    config.write_text(config.read_text().replace("small-mine", "anew"))
    told = run(capsys, "compare", "small-mine", "anew", "--folder", str(place / "sweeps"))[1].splitlines()
    shutil.rmtree(place / "sweeps" / "anew")
    assert [line for line in told if line in ("small-mine:", "anew:")] == ["small-mine:", "anew:"]


def test_the_page_shows_the_answer_and_the_pairs(answered: Sweep) -> None:
    content = page_content([source_of(answered)])
    assert content["sweeps"][0]["answer"][0].startswith("mine on digits: n = 2 pairs")
    assert sum(line.startswith(("batch: ", "none: ")) for line in content["sweeps"][0]["answer"]) == 2  # their rates
    assert content["plots"][0]["id"] == "differences"
    assert not {"importance", "path"} & {plot["id"] for plot in content["plots"]}
    assert not any("winner" in figure["note"] for figure in content["sweeps"][0]["figures"])
    assert not any("export" in command for command in content["sweeps"][0]["next"])
    columns = {column["name"] for column in content["columns"]}
    assert {"variant", "base", "seed", "learning_rate"} <= columns


def test_asked_again_it_is_refused_and_resumed_it_answers(
    answered: Sweep, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["ask", "mine", str(place / "small.yaml"), *of_two(place), "--set", "question.rates=[0.05,0.1]"]
    code, _, err = run(capsys, *again)
    assert code == 4
    assert "small-mine" in err
    code, out, _ = run(capsys, *again, "--resume")
    assert code == 0
    assert out.startswith("mine on digits")
    assert len(answered.trials()) == 8
    code, _, err = run(capsys, *again, "--resume", "--match", "macs")
    assert code == 2
    assert "question.match is macs in the sweep file or --set, and parameters in the sweep" in err
    assert run(capsys, *again, "--resume", "--set", "search.epochs=7")[0] == 2


def test_lists_and_comparisons_know_that_it_asks(
    answered: Sweep, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(place / "sweeps")]
    (line,) = (line for line in run(capsys, "list", *folder)[1].splitlines() if line.startswith("small-mine"))
    assert line.endswith("asks mine")
    assert "0." not in line  # no trial is its best
    compared = run(capsys, "compare", answered.name, *folder)[1]
    assert compared.startswith("mine on digits: n = 2 pairs")
    told = json.loads(run(capsys, "compare", answered.name, *folder, "-o", "json")[1])
    assert told["answer"]["question"] == "mine"
    searched = ["launch", str(place / "small.yaml"), "--set", f"folder={place / 'sweeps'}", "--set", "name=searched"]
    assert run(capsys, *searched)[0] == 0
    both = run(capsys, "compare", answered.name, "searched", *folder)[1].splitlines()
    best = both[both.index(next(line for line in both if " parameters" in line)) + 2 :: 2]
    assert all(line.startswith("searched") for line in best[:3])
    page = page_content([source_of(answered), source_of(Sweep.open("searched", place / "sweeps"))])
    assert [plot["name"] for plot in page["plots"] if plot["id"].startswith(("differences", "importance", "path"))] == [
        "Differences pair by pair: small-mine",
        "Importance of each choice: searched",
        "From the first design to the best, one change at a time: searched",
    ]


def test_a_question_whose_time_was_up_is_unfinished(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = place / "short"
    short = [
        "--pairs",
        "2",
        "--seeds",
        "1",
        "--seconds",
        "1",
        "--set",
        "search.epochs=400",
        "--set",
        f"folder={folder}",
    ]
    run(capsys, "ask", "mine", str(place / "small.yaml"), *short)
    status = json.loads(run(capsys, "status", "small-mine", "--folder", str(folder), "-o", "json")[1])
    assert status["state"] == "interrupted"
    assert status["resume"].startswith("convscape resume small-mine")


def test_settings_that_a_question_decides_itself_are_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--set", "search.sampler=gp", "--set", f"folder={place / 'none'}"]
    told = run(capsys, "ask", "mine", str(place / "small.yaml"), "--dry-run", "--pairs", "2", *settings)[2]
    assert "a question decides search.finalists, search.sampler, search.trials itself" in " ".join(told.split())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["mine", "--set", "question.rate=0.1"], 2, "Did you mean 'rates'?"),
        (["mine", "--set", "question.rates=[0.1, -1]"], 2, "question.rates"),
        (["mine", "--set", "variants={<b>: {}, c: {}}"], 2, "a variant's name has 1 to 40 letters"),
        (["mine", "--set", "variants={a: {blok: plain}, b: {}}"], 2, "variants.a.blok: unknown key"),
        (["poling"], 2, "'poling' is no question"),
        (["filters"], 2, "space.kernel is 3, and it needs one of 5, 7, 9, 11"),
        (["pooling", "--set", "space.downsampling=none"], 2, "no pooling in it"),
        (["mine", "--pairs", "1"], 2, "--pairs"),
        (["mine", "--set", "variants={a: {norm: none}, b: {norm: none}}"], 2, "a and b are the same network"),
        (["mine", "--set", "variants={a: {norm: none}}"], 2, "compares two or more, and the sweep file has 1"),
        (["mine", "--set", "variants={a: {class: os.path}, b: {}}"], 2, "`class` is for `space`"),
        (["transfer"], 2, "no pretrained weights"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_trains(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    question, *more = arguments
    folder = place / "none"
    ended = run(capsys, "ask", question, str(place / "small.yaml"), "--set", f"folder={folder}", *more)
    assert ended[0] == code
    assert told in ended[2]
    assert not folder.exists() or not any(folder.glob("*/config.json"))


def test_without_a_question_or_a_file_it_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "the question comes first\n  convscape ask pooling sweep.yaml" in run(capsys, "ask", "sweep.yaml", "pooling")[2]
    )
    assert "convscape ask pooling sweep.yaml" in run(capsys, "ask")[2]
    assert run(capsys, "ask", "pooling")[0] == 2


def test_a_dry_run_shows_a_base_in_every_variant_and_trains_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "dry"
    code, out, _ = run(
        capsys, "ask", "mine", str(place / "small.yaml"), "--dry-run", "--pairs", "3", "--set", f"folder={folder}"
    )
    assert code == 0
    told = " ".join(out.split())
    assert "as sweep small-mine: 3 base designs in 2 variants, 18 trainings of 1 epoch" in told
    assert "compared: batch against none" in told
    assert re.search(r"time: about [\d:]+ of training on this machine", told)
    assert not folder.exists()


def test_a_dry_run_says_how_long_all_of_it_takes(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def three_seconds(design: Design, *_: Any) -> float:
        measured.append(design.notation)
        return 2.0 + 2.0 * (len(measured) % 2)

    monkeypatch.setattr("convscape.search.workers.epoch_seconds", three_seconds, raising=False)
    asked = ["ask", "mine", str(place / "small.yaml"), "--dry-run", "--pairs", "3", "--set", "search.epochs=5"]
    told = json.loads(run(capsys, *asked, "-o", "json")[1])
    assert told["seconds"] == 3.0 * 5 * 18, "a mean epoch, so many, of so many trainings"
    macs = [sum(each["macs"] for each in base.values()) for base in told["experiment"]["bases"]]
    typical = told["experiment"]["bases"][macs.index(min(macs, key=lambda each: abs(each - sum(macs) / 3)))]
    assert measured == [each["notation"] for each in typical.values()]
    out = run(capsys, *asked, "--seconds", "100")[1]
    assert "time: about 4:30 of training on this machine, of which search.seconds allows 1:40" in " ".join(out.split())
    monkeypatch.setattr(FORECASTS, "cpus_here", lambda: 4)
    several = [*asked, "--set", "resources.runner=ray", "--set", "resources.workers=3"]
    assert json.loads(run(capsys, *several, "-o", "json")[1])["seconds"] == 3.0 * 5 * 18 / 3
    config = convscape.search.driver.plan(str(place / "small.yaml"), ["question.ask=mine"], ProgressDisplay()).config
    assert config.search.trials == 2 * 20 * 2 + 2 * 5 * 3, "by all trainings it is known whether Ray pays"


def test_with_epochs_of_its_own_and_a_time_budget_a_question_has_a_duration(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["ask", "mine", str(place / "small.yaml"), "--dry-run", "--pairs", "3", "--set", "search.epochs=auto"]
    assert json.loads(run(capsys, *asked, "--seconds", "100", "-o", "json")[1])["seconds"] > 0


def test_of_a_cluster_a_dry_run_knows_no_duration(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FORECASTS, "_trains_here", lambda _: False)
    planned = convscape.search.driver.plan(str(place / "small.yaml"), ["question.ask=mine"], ProgressDisplay())
    assert planned.seconds is None
    assert "time: not known" in experiment_text(planned.config, planned.experiment, planned.seconds)
