"""Files of a sweep's folder that were changed: noticed, named and told, or a repair that is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from convscape.dashboards.text import status_text
from convscape.search import Sweep, launch, resume, tracking
from convscape.search.config import read_sweep_file
from convscape.search.driver.progress import read_progress
from convscape.search.files import (
    count_damaged,
    read_entries,
    read_sealed,
    seal,
    write_sealed,
)
from convscape.search.workers import precision
from convscape.spaces import (
    ConfigError,
    SweepError,
)
from convscape.tests.hostile.folders import opened, without_seals
from convscape.tests.hostile.refusals import refusal
from convscape.tests.tiny_sweep import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": float("inf")}, {"time": []}, {"how": "x"}, {"running": "two"}, {"left": {}}, {"wanted": 10**400},
        {"notation": 3}, {"trial": True}, {"more": 1},
    ],
)  # fmt: skip
def test_a_heartbeat_that_no_driver_wrote_is_passed_over_and_told(
    prepared: Path, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beat = prepared / "heartbeat.json"
    beat.write_text(json.dumps({**json.loads(beat.read_text()), **changes}))
    assert "tiny" in status_text(Sweep.open("tiny", prepared.parent))
    assert "heartbeat.json is passed over" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        '{"run":"x"}', '{"run":3,"trial":0}', '{"sent":"x"}', '{"sent":true}', '{"sent":-1}', f'{{"sent":{10**300}}}',
        '{"unsure":[]}', '{"problem":1}',
    ],
)  # fmt: skip
def test_an_upload_journal_that_no_uploader_wrote_is_named(prepared: Path, line: str) -> None:
    without_seals(prepared / "uploaded.jsonl")
    with (prepared / "uploaded.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(SweepError, match=r"uploaded.jsonl"):
        Sweep.open("tiny", prepared.parent).run_ids()


DAMAGES: dict[str, Callable[[str], str]] = {
    "a digit": lambda text: re.sub(r"\d", lambda found: str((int(found[0]) + 1) % 10), text, count=1),
    "the checksum's key": lambda text: text.replace('"seal"', '"seel"'),
    "the checksum": lambda text: text.replace('"crc32:', '"crc32:0'),
    "the checksum's depth": lambda text: text.replace(",", ', "deeper": {', 1) + "}",
    "brackets": lambda _: "[" * 100_000,
    "null": lambda _: "null",
    "not UTF-8": lambda _: "\udcff",
    "infinity": lambda _: '{"images": {"train": Infinity, "validation": 1}, "precision": "bfloat16", "reason": []}',
}


@pytest.mark.parametrize("name", ["inputs.json", "precision.json", "heartbeat.json", "config.json"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named(
    prepared: Path, name: str, damage: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    file = prepared / name
    if name == "precision.json":
        write_sealed(file, {"precision": "float32", "reason": "1.02 times as fast"})
    file.write_text(damage(file.read_text()), errors="surrogateescape")
    reads: dict[str, Callable[[], object]] = {
        "inputs.json": lambda: Sweep.open("tiny", prepared.parent).images,
        "precision.json": lambda: precision._kept(prepared),
        "heartbeat.json": lambda: read_progress(prepared),
        "config.json": lambda: opened(prepared),
    }
    said = refusal(reads[name])
    assert name in (said or caplog.text)


def test_a_config_may_be_edited_and_that_is_told_until_it_is_resumed(
    prepared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = prepared / "config.json"
    file.write_text(file.read_text().replace('"trials": 1', '"trials": 2'))
    assert resume("tiny", prepared.parent, progress=False).counts()["completed"] == 2
    assert "config.json was changed" in caplog.text
    assert read_sealed(file)["search"]["trials"] == 2


def test_a_config_can_be_launched_as_a_sweep_file(prepared: Path) -> None:
    assert read_sweep_file(prepared / "config.json").search.trials == 1


def test_files_of_an_earlier_version_have_no_checksum(prepared: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("config.json", "inputs.json", "heartbeat.json"):
        (prepared / name).write_text(json.dumps(read_sealed(prepared / name)))
    assert resume("tiny", prepared.parent, progress=False).images == (200, 100)
    assert "changed" not in caplog.text
    assert "passed over" not in caplog.text


def test_lost_inputs_are_told(prepared: Path, caplog: pytest.LogCaptureFixture) -> None:
    (prepared / "inputs.json").unlink()
    resume("tiny", prepared.parent, progress=False)
    assert "inputs.json is gone" in caplog.text
    assert read_sealed(prepared / "inputs.json")["images"] == {
        "train": 200, "validation": 100, "test": 359, "folds": True,
    }  # fmt: skip


def test_a_stranger_s_line_in_the_spool_is_passed_over_and_told(
    prepared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (prepared / "spool.jsonl").open("a") as file:
        file.write('{"a":1}\n')
    resume("tiny", prepared.parent, overrides=["search.trials=2"], progress=False)
    assert re.search(r"spool.jsonl: line \d+: it was changed, or comes from elsewhere", caplog.text)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:3], lines[3].replace(b"1", b"2", 1), *lines[4:]],
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines, b'{"a":1}\n'],
        lambda lines: lines[:-2],  # the last of all is that it ended, as a kill may leave it out
    ],
    ids=["changed", "gone", "a stranger's", "cut"],
)
def test_sync_does_not_say_everything_of_a_damaged_spool(prepared: Path, change: Any) -> None:
    assert tracking.sync(prepared) == 0
    spool = prepared / "spool.jsonl"
    spool.write_bytes(b"".join(change(spool.read_bytes().splitlines(keepends=True))))
    with pytest.raises(SweepError, match=r"spool.jsonl: 1 line"):
        tracking.sync(prepared)


def test_a_cut_spool_is_told_when_the_sweep_goes_on(prepared: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = prepared / "spool.jsonl"
    spool.write_bytes(b"".join(spool.read_bytes().splitlines(keepends=True)[:-3]))
    resume("tiny", prepared.parent, overrides=["search.trials=2"], progress=False)
    assert "spool.jsonl: 2 lines at its end are gone" in caplog.text


@pytest.mark.parametrize(
    ("name", "read"), [("study.jsonl", opened), ("spool.jsonl", tracking.sync), ("uploaded.jsonl", tracking.sync)]
)
def test_a_file_that_is_a_hole_takes_no_memory(prepared: Path, name: str, read: Callable[[Path], Any]) -> None:
    os.truncate(prepared / name, 2**36)
    tracemalloc.start()
    with pytest.raises(SweepError, match=rf"{name}: a line of more than 67,108,864 bytes"):
        read(prepared)
    assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    tracemalloc.stop()


def test_a_config_without_a_key_says_which(prepared: Path) -> None:
    (prepared / "config.json").write_text('{"name": "tiny"}')
    with pytest.raises(SweepError, match=r"not a sweep's config: data: Field required"):
        opened(prepared)


def test_a_config_that_is_a_folder_is_named(prepared: Path) -> None:
    (prepared / "config.json").unlink()
    (prepared / "config.json").mkdir()
    with pytest.raises(SweepError, match=r"config\.json cannot be read: Is a directory"):
        opened(prepared)


def test_where_reading_begins_is_no_matter_to_what_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    lines = [b'{"a":0}\n', seal(b'{"a":1}', 2), b'{"a":2}\n', seal(b'{"a":3}', 4)]
    file.write_bytes(b"".join(lines))
    for begin in range(len(lines)):
        entries, _ = read_entries(file, len(b"".join(lines[:begin])))
        assert [entry["a"] for entry in entries] == [number for number in (0, 1, 3) if number >= begin]
    assert count_damaged(file) == 1


def test_a_sweep_of_a_name_that_no_disk_takes(tmp_path: Path) -> None:
    name = "x" * 300
    for call in (lambda: Sweep.open(name, tmp_path), lambda: launch(tiny(tmp_path, f"name={name}"), progress=False)):
        with pytest.raises((ConfigError, SweepError), match="x"):
            call()


def test_a_folder_that_may_not_be_looked_into(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(prepared))

    monkeypatch.setattr("os.scandir", refused)  # in its place: root may look anywhere
    with pytest.raises(SweepError, match=r"tiny cannot be used: Permission denied"):
        opened(prepared)


def test_a_key_written_twice_in_a_setting_is_named(tmp_path: Path) -> None:
    for setting in (
        "space={kernel: 3, kernel: 5}",
        "search.start=[{network: vgg16, recipe: {flip: true, flip: false}}]",
    ):
        with pytest.raises(ConfigError, match=r"--set:1: .*(kernel|flip): written twice"):
            tiny(tmp_path, setting)


def test_files_are_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    code = "from convscape.search.files import write_atomically as w; from pathlib import Path; w(Path('x'), '\\xe9')"
    env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "x").read_bytes() == "é".encode()
