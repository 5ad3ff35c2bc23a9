"""A sweep whose folder is a URL: launched, read and gone on with from machines that share nothing but that."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from buckets import KEYS, folder_in, make_bucket, s3_server
from convscape.search.bucket import lease as lease_module, mirror
from convscape.search.bucket.bringing import last_segment, read_segment
from convscape.search.bucket.lease import Lease, LostLeaseError
from convscape.search.bucket.store import open_store
from convscape.search.driver import launch, resume
from convscape.search.files.lock import sweep_lock
from convscape.search.scheduling.engine import Engine
from convscape.search.sweep import Sweep
from convscape.spaces.errors import ConfigError, SweepError
from tiny_sweep import results, tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.config.schema import SweepConfig

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_machine("first", tmp_path, monkeypatch)
    monkeypatch.setattr(mirror, "PERIOD", 0.1)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with folder_in("file", tmp_path) as found:
        yield found


def on_machine(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))


def there(url: str, tmp_path: Path, *more: str) -> SweepConfig:
    return tiny(url, f"tracking.uri=sqlite:///{tmp_path}/mlflow.db", *more)


@pytest.mark.slow
def test_machines_that_share_the_url_alone_go_on_with_each_other(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = launch(there(url, tmp_path), progress=False)
    local = launch(tiny(tmp_path / "local"), progress=False)
    on_machine("second", tmp_path, monkeypatch)
    second = Sweep.open("tiny", url)
    assert second.folder != first.folder
    assert results(second) == results(first) == results(local)
    assert json.loads((second.folder / "config.json").read_text())["folder"] == url
    assert not second.running
    assert not list(second.folder.glob("trials/*/epoch-*")), "checkpoints come when they are asked for"
    more = resume("tiny", url, overrides=["search.trials=6"], progress=False)
    assert results(more) == results(resume("tiny", tmp_path / "local", overrides=["search.trials=6"], progress=False))
    exported = more.export(tmp_path / "export", formats=(), insight=False)
    assert exported.folder.is_dir()
    on_machine("first", tmp_path, monkeypatch)
    again = Sweep.open("tiny", url)
    assert results(again) == results(more)
    again.export(tmp_path / "export", formats=(), insight=False)
    assert json.loads((tmp_path / "export" / "proof.json").read_text())["test"]["looks"] == 2
    with pytest.raises(SweepError, match="already in file://"):
        launch(there(url, tmp_path), progress=False)
    with pytest.raises(SweepError, match="--replace"):
        launch(there(url, tmp_path), replace=True, progress=False)


def test_a_second_driver_is_refused_and_told_who_the_first_is(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch(there(url, tmp_path), progress=False)
    folder = tmp_path / "elsewhere" / "tiny"
    folder.mkdir(parents=True)
    lease = Lease(open_store(url), "tiny", folder, 2.0)
    lease.take(lambda _: None)
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(0.1):
            lease.renew()

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        on_machine("second", tmp_path, monkeypatch)
        assert Sweep.open("tiny", url).running
        with pytest.raises(SweepError, match="is running it"):
            resume("tiny", url, overrides=["search.trials=6"], progress=False)
    finally:
        ended.set()
        thread.join()


@pytest.mark.slow
def test_a_driver_that_was_taken_over_ends_and_loses_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "LENGTH", 2.0)
    report, seen = Engine.report, []
    store = open_store(url)

    def taken_over(engine: Engine, said: Any) -> Any:
        seen.append(said)
        if len(seen) == 3:
            folder = tmp_path / "elsewhere" / "tiny"
            folder.mkdir(parents=True)
            other = Lease(store, "tiny", folder, 60.0)
            other._wait_for = lambda *_: None  # as if this driver had been silent for long
            other.take(lambda _: None)
            other.give_back()
            while not engine.interrupted:
                threading.Event().wait(0.05)
        return report(engine, said)

    monkeypatch.setattr(Engine, "report", taken_over)
    with pytest.raises(LostLeaseError, match="another driver has taken it over"):
        launch(there(url, tmp_path), progress=False)
    monkeypatch.setattr(Engine, "report", report)
    assert read_segment(store, "tiny", last_segment(store, "tiny")).does == "give back"
    on_machine("second", tmp_path, monkeypatch)
    ended = resume("tiny", url, progress=False)
    assert results(ended) == results(launch(tiny(tmp_path / "local"), progress=False))


def test_nothing_is_begun_without_a_store_of_its_own(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="on this machine alone") as refused:
        launch(tiny(url), progress=False)
    assert refused.value.key == "tracking.uri"
    assert not open_store(url).folders()


def test_a_sweep_that_runs_here_is_not_overtaken_by_its_copy(url: str, tmp_path: Path) -> None:
    sweep = launch(there(url, tmp_path), progress=False)
    before = (sweep.folder / "study.jsonl").read_bytes()
    with sweep_lock(sweep.folder):
        (sweep.folder / "study.jsonl").write_bytes(before + before.splitlines(keepends=True)[-1])
        Sweep.open("tiny", url)
        assert len((sweep.folder / "study.jsonl").read_bytes()) > len(before)


def test_without_s3fs_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SweepError, match="s3fs is not installed") as refused:
        Sweep.open("tiny", "s3://bucket/sweeps")
    assert "pip install s3fs" in refused.value.remedy


@pytest.mark.slow
def test_a_bucket_that_is_not_there_and_one_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.core import set_initial_no_auth_action_count

    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with s3_server() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        place = make_bucket(variables)
        with pytest.raises(SweepError, match="bucket does not exist"):
            launch(there("s3://no-such-bucket/sweeps", tmp_path), progress=False)

        def refused() -> None:
            with pytest.raises(SweepError, match="no permission") as found:
                Sweep.open("tiny", place)
            assert "credentials" in found.value.remedy
            assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(found.value)

        set_initial_no_auth_action_count(0)(refused)()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        refused()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(SweepError, match="does not answer"):
        Sweep.open("tiny", place)
