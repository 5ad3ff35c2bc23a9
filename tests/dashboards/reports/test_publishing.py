"""The report of a sweep that has ended, in real MLflow stores: there, once, the last word, and never in the way."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import convscape
import pytest
from convscape import cli
from convscape.dashboards.reports import publish_report, publishing, telling
from convscape.dashboards.text import SweepStatus, state
from convscape.search import Sweep, driver
from convscape.search.driver import launch
from convscape.search.files import PROGRESS, SPOOL, UPLOADED, Spool, every_entry, read_sealed, write_sealed
from convscape.search.tracking import connect_store, report_upload, sync
from servers import Server, free_port
from tiny_sweep import tiny

if TYPE_CHECKING:
    from collections.abc import Callable

NOTE, MARK, REPORT = "mlflow.note.content", "convscape.report", "report/report.html"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    connect_store(uri).search_experiments()
    return uri


@pytest.fixture
def ended(tmp_path: Path, database: str, quiet: None, request: pytest.FixtureRequest) -> Sweep:
    """A sweep of which MLflow has all but the report."""
    experiment = f"tracking.experiment={request.node.name}"
    sweep = launch(tiny(tmp_path, "search.seeds=3", f"tracking.uri={database}", experiment), progress=False)
    assert sync(sweep.folder) == 0
    return sweep


def run_of(sweep: Sweep) -> str:
    """MLflow's id of the sweep's own run."""
    return sweep.run_ids().get(None) or ""


def tags(sweep: Sweep) -> dict[str, str]:
    return connect_store(sweep.tracking_uri).get_run(run_of(sweep)).data.tags


def page(sweep: Sweep, folder: Path) -> str:
    """The report as MLflow gives it back."""
    folder.mkdir(exist_ok=True)
    client = connect_store(sweep.tracking_uri)
    return Path(client.download_artifacts(run_of(sweep), REPORT, str(folder))).read_text()


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    """Types a command of convscape's; gives the exit code, the output and the errors."""

    def typed(*words: str) -> tuple[Any, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main([*words])
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return typed


def test_page_and_summary_are_in_mlflow_once(ended: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "a search for a convolutional network" in tags(ended)[NOTE]
    assert publish_report(ended)
    html = page(ended, tmp_path / "got")
    assert "tiny" in re.findall("<title>(.*?)</title>", html, re.DOTALL)[0]
    assert not re.search(r"<(script|link|img|iframe)[^>]*\b(src|href)=[\"']?(https?:)?//", html)
    assert "default-src 'none'" in unescape(html)
    assert "connect-src 'none'" in unescape(html)
    best, said = ended.best, tags(ended)[NOTE]
    assert f"\n{best.notation}\n" in said
    assert f"validation accuracy {best.accuracy:.4f}" in said
    assert len(said) <= report_upload.LONGEST_NOTE
    monkeypatch.setattr(publishing, "send_report", lambda *_, **__: pytest.fail("sent again"))
    assert not publish_report(ended)


def test_where_the_artifact_is_gone_it_is_sent_again(ended: Sweep, tmp_path: Path) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    assert publish_report(ended)
    run = connect_store(ended.tracking_uri).get_run(run_of(ended))
    get_artifact_repository(run.info.artifact_uri or "").delete_artifacts(REPORT)
    assert publish_report(ended)
    assert page(ended, tmp_path / "got")


def test_after_all_results_are_sent_anew_the_summary_is_the_last_word(ended: Sweep) -> None:
    assert publish_report(ended)
    summary = tags(ended)[NOTE]
    (ended.folder / UPLOADED).unlink()
    assert sync(ended.folder) == 0
    assert tags(ended)[NOTE] != summary, "the description of the launch came back"
    assert publish_report(ended)
    assert tags(ended)[NOTE] == summary


def test_a_description_that_somebody_wrote_stays(ended: Sweep) -> None:
    assert publish_report(ended)
    client, run = connect_store(ended.tracking_uri), run_of(ended)
    client.set_tag(run, NOTE, "For the paper.")
    assert not publish_report(ended)
    (ended.folder / "config.json").write_text((ended.folder / "config.json").read_text() + "\n")  # it has changed
    assert publish_report(ended)
    assert tags(ended)[NOTE] == "For the paper."


@pytest.mark.parametrize(
    "added", ["{}\n\nFor the paper.", "{}\n- data: new", "{}.", "Mine."], ids=["below", "row", "dot", "own"]
)
def test_what_somebody_wrote_before_the_first_report_stays(ended: Sweep, tmp_path: Path, added: str) -> None:
    client, run, mine = connect_store(ended.tracking_uri), run_of(ended), added.format(tags(ended)[NOTE])
    client.set_tag(run, NOTE, mine)
    assert publish_report(ended)
    assert tags(ended)[NOTE] == mine
    assert page(ended, tmp_path / "got")
    assert not publish_report(ended)
    client.delete_tag(run, NOTE)
    assert publish_report(ended), "whoever wants the summary takes the own one away"
    remark = f"{tags(ended)[NOTE]}\n\nFor the paper."
    client.set_tag(run, NOTE, remark)
    (ended.folder / "config.json").write_text((ended.folder / "config.json").read_text() + "\n")  # it has changed
    assert publish_report(ended)
    assert tags(ended)[NOTE] == remark


def test_a_description_as_long_as_a_tag_may_be_is_known_again(ended: Sweep) -> None:
    spool = ended.folder / SPOOL
    long = "ä" * (report_upload.LONGEST_TAG + 5)
    entries = [*every_entry(spool)]
    spool.unlink()
    written = Spool(spool)
    for entry in entries:
        written.append({**entry, "tags": {NOTE: long}} if entry["event"] == "start" else entry)
    written.close()
    client, run = connect_store(ended.tracking_uri), run_of(ended)
    client.set_tag(run, NOTE, long[: report_upload.LONGEST_TAG])
    launched = report_upload.launch_description(ended.folder)
    sent = {"files": {REPORT: "<p>"}, "note": "ours", "made_of": "x", "launched": launched, "again": "Later."}
    report_upload.send_report(ended.tracking_uri, run, **sent)
    assert tags(ended)[NOTE] == "ours"


def test_more_trials_bring_another_report(ended: Sweep, tmp_path: Path) -> None:
    assert publish_report(ended)
    former, html = tags(ended), page(ended, tmp_path / "got")
    convscape.resume("tiny", tmp_path, overrides=["search.trials=6"], progress=False)
    assert tags(ended)[MARK] == former[MARK], "results wait, so nothing is sent before them"
    assert sync(ended.folder) == 0
    assert publish_report(Sweep.open("tiny", tmp_path))
    assert tags(ended)[MARK] != former[MARK]
    assert "6 trials, up to 2 epochs" in tags(ended)[NOTE]
    assert page(ended, tmp_path / "got") != html


def test_a_sweep_that_was_interrupted_has_none(ended: Sweep) -> None:
    told = read_sealed(ended.folder / PROGRESS)
    write_sealed(ended.folder / PROGRESS, {**told, "how": "interrupted"})
    assert state(ended) is SweepStatus.INTERRUPTED
    assert not publish_report(ended)
    assert MARK not in tags(ended)


def test_sync_to_another_store_sends_it_there(
    ended: Sweep, tmp_path: Path, command: Callable[..., tuple[Any, str, str]]
) -> None:
    there = f"sqlite:///{tmp_path}/other.db"
    code, out, err = command("sync", "tiny", "--folder", str(tmp_path), "--to", there)
    assert (code, out) == (0, "MLflow has everything.\n")
    assert err == f"Report: in MLflow, {REPORT} of the sweep's run.\n"
    assert ended.tracking_uri == there
    assert page(ended, tmp_path / "got")
    assert command("sync", "tiny", "--folder", str(tmp_path)) == (0, "MLflow has everything.\n", "")


def test_at_the_end_of_a_command_a_problem_is_a_line_and_sync_mends_it(
    ended: Sweep, tmp_path: Path, command: Callable[..., tuple[Any, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("it is away")

    with monkeypatch.context() as patched:
        patched.setattr(report_upload, "find_run", away)
        code, out, err = command("resume", "tiny", "--folder", str(tmp_path))
    assert code == 0
    assert "The winner, trial" in out
    (said,) = [line for line in err.splitlines() if "report" in line]
    assert said.startswith("convscape: the report is not in MLflow: ConnectionRefusedError: it is away")
    words = shlex.split(re.findall("`convscape (.*?)`", said)[0])
    code, _, err = command(*words)
    assert (code, err) == (0, f"Report: in MLflow, {REPORT} of the sweep's run.\n")


def test_a_fault_of_the_page_s_and_an_interruption_leave_the_sweep_as_it_ended(
    ended: Sweep, tmp_path: Path, command: Callable[..., tuple[Any, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(problem: BaseException) -> Callable[..., bool]:
        def publish(_: Sweep) -> bool:
            raise problem

        return publish

    monkeypatch.setattr(telling, "publish_report", fails(ZeroDivisionError("division by zero")))
    code, _, err = command("resume", "tiny", "--folder", str(tmp_path))
    assert code == 0
    assert "the report is not in MLflow: ZeroDivisionError: division by zero. Send it later: `convscape sync" in err
    monkeypatch.setattr(telling, "publish_report", fails(KeyboardInterrupt()))
    code, out, err = command("resume", "tiny", "--folder", str(tmp_path))
    assert code == 130
    assert "The winner, trial" in out
    assert f"The sweep has ended, and is saved: convscape sync tiny --folder {tmp_path}" in err
    with pytest.raises(KeyboardInterrupt):
        convscape.resume("tiny", tmp_path, progress=False)


def test_where_nothing_is_in_mlflow_nothing_is_asked(
    tmp_path: Path, quiet: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "lacks_report", lambda *_, **__: pytest.fail("MLflow was asked"))
    uri = f"tracking.uri=http://127.0.0.1:{free_port()}"
    sweep = convscape.launch(tiny(tmp_path, "search.trials=1", uri), progress=False)
    assert sweep.best.trial == 0
    assert sum("convscape sync tiny" in record.getMessage() for record in caplog.records) == 1


def test_a_sweep_without_a_result_has_a_report_that_says_why(
    ended: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sweep, "trials", lambda _: [])
    assert publish_report(ended)
    assert "sweep tiny has no result: no trial has ended an epoch" in tags(ended)[NOTE]
    assert "sweep tiny has no result" in page(ended, tmp_path / "got")


@pytest.mark.parametrize("name", ["launch", "resume"])
def test_the_public_functions_are_the_driver_s_with_a_report(name: str) -> None:
    ours, theirs = getattr(convscape, name), getattr(driver, name)
    assert ours is not theirs
    assert (signature(ours), ours.__doc__) == (signature(theirs), theirs.__doc__)


@pytest.mark.slow
def test_a_real_server_has_it_at_the_end_of_launch(
    tmp_path: Path, command: Callable[..., tuple[Any, str, str]]
) -> None:
    (tmp_path / "files").mkdir()
    server = Server(f"sqlite:///{tmp_path}/server.db", tmp_path / "files")
    server.start()
    try:
        (tmp_path / "tiny.yaml").write_text(json.dumps(tiny(tmp_path, f"tracking.uri={server.uri}").to_json()))
        code, _, err = command("launch", str(tmp_path / "tiny.yaml"))
        assert code == 0
        assert f"Report: in MLflow, {REPORT} of the sweep's run." in err
        sweep = Sweep.open("tiny", tmp_path)
        assert sweep.best.notation in tags(sweep)[NOTE]
        assert "<title>" in page(sweep, tmp_path / "got")
    finally:
        server.kill()
