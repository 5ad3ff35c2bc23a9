"""Files of a sweep's folder that were changed: noticed, named and told, or a repair that is told."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import torch
from convscape.dashboards.text import status_text
from convscape.search import Sweep, launch, resume, tracking
from convscape.search.config import load_data, read_sweep_file
from convscape.search.driver import inputs
from convscape.search.driver.progress import read_progress
from convscape.search.files import (
    count_damaged,
    open_seal,
    read_entries,
    read_sealed,
    seal,
    unseal,
    write_sealed,
)
from convscape.search.study.journal_storage import StudyFile
from convscape.search.workers import precision
from convscape.spaces import (
    CheckpointError,
    ConfigError,
    DataError,
    ExportError,
    SweepError,
    TrainingError,
    read_plain,
)
from convscape.tests.hostile.refusals import refusal
from convscape.tests.tiny_sweep import results, tiny
from convscape.trainers import Training, checkpoint
from convscape.trainers.transfer import network_for, read_weights
from hypothesis import given, settings, strategies as st
from optuna.storages.journal import JournalFileBackend

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def prepared(swept: Path, tmp_path: Path) -> Path:
    shutil.copytree(swept, tmp_path / "sweeps")
    return tmp_path / "sweeps" / "tiny"


def without_seals(file: Path) -> None:
    """Makes a file of sealed lines one of an earlier version."""
    events = [open_seal(line)[0] for line in file.read_bytes().splitlines()]
    file.write_text("".join(json.dumps(event) + "\n" for event in events))


def opened(folder: Path) -> list[Any]:
    return Sweep.open(folder.name, folder.parent).trials()


@given(
    st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False), min_size=1),
    st.integers(1, 10**9),
)
def test_a_seal_can_be_taken_off(values: dict[str, Any], number: int) -> None:
    line = seal(json.dumps(values).encode(), number)
    assert unseal(line, number, sealed=True) == (values, True)
    with pytest.raises(ValueError, match="it was line"):
        unseal(line, number + 1, sealed=True)


@given(st.data())
def test_no_changed_byte_of_a_sealed_line_passes(data: st.DataObject) -> None:
    line = bytearray(seal(b'{"op_code":6,"trial_id":12,"intermediate_value":0.8125}', 3))
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=r"."):
        unseal(bytes(line), 3, sealed=True)


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "its first line gone": lambda lines: lines[1:],
    "a line gone": lambda lines: [*lines[:6], *lines[7:]],
    "a line twice": lambda lines: [*lines[:7], *lines[6:]],
    "two lines in each other's place": lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
    "a digit of an accuracy": lambda lines: [line.replace(b'_value":0.', b'_value":0.9') for line in lines],
    "null at the end": lambda lines: [*lines, b"null\n"],
    "an empty object at the end": lambda lines: [*lines, b"{}\n"],
    "a key's letter": lambda lines: [line.replace(b"trial_id", b"trial_ix") for line in lines],
    "brackets": lambda lines: [*lines[:3], b"[" * 100_000 + b"\n", *lines[3:]],
    "another's line": lambda lines: [*lines[:-1], b'{"op_code":0,"study_name":"other","directions":[2]}\n'],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_study_is_noticed(prepared: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    study = prepared / "study.jsonl"
    study.write_bytes(b"".join(change(study.read_bytes().splitlines(keepends=True))))
    kept = study.read_bytes()
    with pytest.raises(SweepError, match=r"study.jsonl:\d+: "):
        opened(prepared)
    with pytest.raises(SweepError, match=r"study.jsonl:\d+: "):
        resume("tiny", prepared.parent, progress=False)
    assert study.read_bytes() == kept


@pytest.mark.parametrize("name", ["study.jsonl"])
def test_a_lost_file_is_noticed(prepared: Path, name: str) -> None:
    (prepared / name).unlink()
    for call in (lambda: opened(prepared), lambda: resume("tiny", prepared.parent, progress=False)):
        with pytest.raises(SweepError, match=f"{name} is gone"):
            call()


LOST: dict[str, Callable[[bytes], bytes]] = {
    "everything": lambda _: b"",
    "all but a part of the first line": lambda content: content[:20],
    "the last line": lambda content: content[: content[:-1].rfind(b"\n") + 1],
    "half": lambda content: content[: content.rfind(b"\n", 0, len(content) // 2) + 1],
    "half, within a line": lambda content: content[: len(content) // 2],
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
def test_a_study_that_was_cut_is_noticed(prepared: Path, lose: Callable[[bytes], bytes]) -> None:
    study = prepared / "study.jsonl"
    study.write_bytes(lose(study.read_bytes()))
    kept = study.read_bytes()
    for call in (lambda: opened(prepared), lambda: resume("tiny", prepared.parent, progress=False)):
        with pytest.raises(SweepError, match=r"study.jsonl:\d+: lines are gone"):
            call()
    assert study.read_bytes() == kept


@pytest.mark.parametrize("content", [b"", b'{"op_code":0'])
def test_an_empty_study_is_noticed_where_no_heartbeat_counts_its_lines(prepared: Path, content: bytes) -> None:
    (prepared / "heartbeat.json").unlink()
    (prepared / "study.jsonl").write_bytes(content)
    with pytest.raises(SweepError, match=r"study.jsonl:1: lines are gone"):
        opened(prepared)


def test_what_is_left_of_a_cut_study_can_be_gone_on_with(prepared: Path) -> None:
    study = prepared / "study.jsonl"
    study.write_bytes(b"".join(study.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(SweepError, match=r"delete heartbeat.json"):
        opened(prepared)
    (prepared / "heartbeat.json").unlink()
    resume("tiny", prepared.parent, progress=False)
    assert read_sealed(prepared / "heartbeat.json")["lines"] == len(study.read_bytes().splitlines())


def test_a_kill_after_any_line_is_no_lost_line(prepared: Path) -> None:
    """What a heartbeat counts is never more than what a kill, and the resume after it, leave."""
    content, kept = (prepared / "study.jsonl").read_bytes(), prepared.with_name("kept.jsonl")
    events = [open_seal(line)[0] for line in content.splitlines()]
    file, counted = StudyFile(kept), 0
    for at, event in enumerate(events, 1):
        file.append_logs([event])
        counted = file.flushed_lines()
        for end in (b"", b'{"op_code":'):
            left = prepared.with_name("left.jsonl")
            left.write_bytes(kept.read_bytes() + end)
            StudyFile(left)  # drops what a kill cut short
            assert counted <= len(left.read_bytes().splitlines()) <= at
    assert kept.read_bytes() == content
    assert counted == len(events)


def test_a_seal_under_another_name_is_a_change(prepared: Path) -> None:
    study = prepared / "study.jsonl"
    study.write_bytes(study.read_bytes().replace(b'"seal"', b'"seel"', 1))
    with pytest.raises(SweepError, match=r"study.jsonl:1: it was changed"):
        opened(prepared)


def test_a_torn_last_line_is_a_kill(prepared: Path) -> None:
    whole = results(Sweep.open("tiny", prepared.parent))
    study = prepared / "study.jsonl"
    study.write_bytes(study.read_bytes()[:-9])
    resume("tiny", prepared.parent, progress=False)
    assert results(Sweep.open("tiny", prepared.parent)) == whole


def test_a_study_of_an_earlier_version_opens_and_goes_on_sealed(prepared: Path) -> None:
    study = prepared / "study.jsonl"
    without_seals(study)
    whole = results(Sweep.open("tiny", prepared.parent))
    config = json.loads((prepared / "config.json").read_text())
    config["search"]["trials"] = 2
    (prepared / "config.json").write_text(json.dumps(config))
    resume("tiny", prepared.parent, progress=False)
    assert results(Sweep.open("tiny", prepared.parent))[:1] == whole
    assert b'"seal":"' in study.read_bytes().splitlines()[-1]
    study.write_bytes(b'"seel"'.join(study.read_bytes().rsplit(b'"seal"', 1)))
    with pytest.raises(SweepError, match=r"study.jsonl:\d+: "):
        opened(prepared)


def test_optuna_s_own_journal_storage_opens_it(prepared: Path) -> None:
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(prepared / "study.jsonl")))
    (study,) = optuna.get_all_study_summaries(storage)
    assert len(optuna.load_study(study_name=study.study_name, storage=storage).trials) == len(opened(prepared))


def _changed(event: dict[str, Any], random: Any) -> dict[str, Any]:
    key = random.choice(sorted(event))
    return {**event, key: random.choice([None, [], {}, "", "x", -1, 10**30, 1.5, True, [1], {"a": 1}])}


@pytest.mark.slow
@given(random=st.randoms(use_true_random=False))
def test_a_study_without_seals_raises_nothing_of_others(swept: Path, random: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("lies") / "tiny"
    folder.mkdir()
    for name in ("config.json", "inputs.json"):
        shutil.copy(swept / "tiny" / name, folder / name)
    lines = (swept / "tiny" / "study.jsonl").read_bytes().splitlines()
    events = [unseal(line, number, sealed=False)[0] for number, line in enumerate(lines, 1)]
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(events))
        events[at] = _changed(events[at], random)
    (folder / "study.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    said = refusal(lambda: opened(folder) and Sweep.open("tiny", folder.parent).summaries())
    assert said is None or "study.jsonl" in said


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
    "a digit": lambda text: re.sub(r"\d", "7", text.replace("7", "8"), count=1),
    "the checksum's key": lambda text: text.replace('"seal"', '"seel"'),
    "the checksum": lambda text: text.replace('"crc32:', '"crc32:0'),
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
    assert read_sealed(prepared / "inputs.json")["images"] == {"train": 200, "validation": 100}


def test_a_stranger_s_line_in_the_spool_is_passed_over_and_told(
    prepared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (prepared / "spool.jsonl").open("a") as file:
        file.write('{"a":1}\n')
    resume("tiny", prepared.parent, progress=False)
    assert re.search(r"spool.jsonl: line \d+: it was changed, or comes from elsewhere", caplog.text)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:3], lines[3].replace(b"1", b"2", 1), *lines[4:]],
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines, b'{"a":1}\n'],
    ],
    ids=["changed", "gone", "a stranger's"],
)
def test_sync_does_not_say_everything_of_a_damaged_spool(prepared: Path, change: Any) -> None:
    assert tracking.sync(prepared) == 0
    spool = prepared / "spool.jsonl"
    spool.write_bytes(b"".join(change(spool.read_bytes().splitlines(keepends=True))))
    with pytest.raises(SweepError, match=r"spool.jsonl: 1 line"):
        tracking.sync(prepared)


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


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "3", '{"best": 3}', '{"best": "../../x"}', '{"best": []}'])
def test_the_mark_of_the_best_checkpoint_may_be_anything(prepared: Path, text: str, tmp_path: Path) -> None:
    (prepared / "trials" / "00000" / "best.json").write_text(text)
    Sweep.open("tiny", prepared.parent).export(tmp_path / "out")


@pytest.mark.parametrize("epoch", [float("inf"), float("nan"), -1, "1", None, True, 10**400, [1]])
def test_a_checkpoint_sealed_anew_over_a_lie_is_none(prepared: Path, epoch: Any) -> None:
    folder = prepared / "trials" / "00000" / "epoch-0001"
    values = {**json.loads((folder / "checkpoint.json").read_text())["values"], "epoch": epoch}
    digest = checkpoint._sha256((folder / "tensors.safetensors").read_bytes(), values)
    record = {"format": checkpoint.FORMAT, "sha256": digest, "values": values}
    (folder / "checkpoint.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="epoch is"):
        checkpoint.read_checkpoint(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda values, _: values.clear(),
        lambda values, _: values.pop("epoch"),
        lambda values, _: values.pop("normalisation"),
        lambda values, _: values["normalisation"].update(std=["x"]),
        lambda values, _: values["normalisation"].update(mean=[0.5, 0.5]),
        lambda values, _: values["normalisation"].update(std=[float("nan")]),
        lambda _, tensors: tensors.clear(),
        lambda _, tensors: tensors.update({name: value[:1] for name, value in tensors.items() if value.ndim}),
        lambda _, tensors: tensors.update({name: value.double() for name, value in tensors.items()}),
    ],
)
def test_a_checkpoint_sealed_anew_is_not_exported(prepared: Path, change: Any, tmp_path: Path) -> None:
    folder = prepared / "trials" / "00000" / "epoch-0001"
    tensors, values = checkpoint.read_checkpoint(folder)
    change(values, tensors)
    checkpoint.write(folder, tensors, values)
    if values.get("normalisation") and "epoch" not in values:  # it is only told
        Sweep.open("tiny", prepared.parent).export(tmp_path / "out")
        return
    with pytest.raises((CheckpointError, ExportError), match=r"checkpoint .*epoch-0001: "):
        Sweep.open("tiny", prepared.parent).export(tmp_path / "out")


@pytest.fixture(params=["pipe", "device", "link to a device", "huge"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that is none, or has more in it than anybody wants to read."""
    file = tmp_path / "net.json"
    if request.param == "pipe":
        os.mkfifo(file)
    elif request.param == "link to a device":
        file.symlink_to("/dev/zero")
    elif request.param == "huge":
        with file.open("wb") as sparse:
            sparse.truncate(2**40)
    else:
        return Path("/dev/zero")
    return file


def test_a_file_without_an_end_is_refused_before_it_is_read(endless: Path) -> None:
    with pytest.raises(OSError, match=r"No plain file|bytes"):
        read_plain(endless, 2**20)
    for call in (read_weights, inputs._digest):
        with pytest.raises(DataError, match=r"No plain file|bytes"):
            call(str(endless))
    if endless.suffix == ".json":
        with pytest.raises(ConfigError, match=r"search.start\[0\].*(No plain file|bytes)"):
            tiny(endless.parent, f"search.start=[{endless}]")


@pytest.mark.parametrize("name", ["proof.json", "architecture.json", "model.safetensors"])
def test_an_export_with_a_pipe_in_it_is_nothing_to_start_from(exported_digits: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(exported_digits, tmp_path / "out")
    (tmp_path / "out" / name).unlink()
    os.mkfifo(tmp_path / "out" / name)
    with pytest.raises((DataError, TrainingError), match=r"No plain file"):
        _ = network_for(str(tmp_path / "out"), (1, 8, 8), 10), read_weights(str(tmp_path / "out"))
    with pytest.raises(DataError, match=r"No plain file"):
        inputs._digest(str(tmp_path / "out"))


@pytest.mark.parametrize("mean", [[10**400], [float("nan")], [float("inf")], ["0.5"], [True], [], None, 3, [[1]]])
def test_weights_of_an_export_with_a_forged_mean_are_refused(exported_digits: Path, tmp_path: Path, mean: Any) -> None:
    shutil.copytree(exported_digits, tmp_path / "out")
    proof = json.loads((tmp_path / "out" / "proof.json").read_text())
    proof["normalisation"]["std"] = mean
    (tmp_path / "out" / "proof.json").write_text(json.dumps(proof))
    if mean == []:  # it is refused where it is used
        assert read_weights(str(tmp_path / "out"))[1][1] == ()
        return
    with pytest.raises(DataError, match=r"proof\.json"):
        read_weights(str(tmp_path / "out"))


@pytest.mark.parametrize("source", ["~nosuchuser/x", "x" * 5_000, "a\0b", "", "/dev/null", "/"])
def test_weights_that_are_nowhere(source: str) -> None:
    with pytest.raises(DataError, match=r"recipe\.weights"):
        read_weights(source)
    with pytest.raises(TrainingError, match=r"recipe\.weights"):
        network_for(source, (1, 8, 8), 10)


@pytest.mark.parametrize("legacy", [False, True])
@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_file_of_weights_is_a_data_error(tmp_path_factory: Any, data: st.DataObject, legacy: bool) -> None:
    path = tmp_path_factory.mktemp("weights") / "w.pt"
    torch.save({"a.weight": torch.ones(3, 3)}, path, _use_new_zipfile_serialization=not legacy)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(DataError):
        read_weights(str(path))


@pytest.mark.parametrize("tensor", [torch.ones(2, 2).to_sparse(), torch.empty(2, device="meta")])
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path: Path, tensor: torch.Tensor) -> None:
    torch.save({"a.weight": tensor}, tmp_path / "w.pt")
    with pytest.raises(DataError, match=r"recipe\.weights"):
        read_weights(str(tmp_path / "w.pt"))


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


def test_memory_that_is_out_is_no_damage_of_a_checkpoint(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = Sweep.open("tiny", prepared.parent)
    (record,) = sweep.trials()
    design, data = record.design, load_data(sweep.config)
    training = Training(design.architecture, design.recipe, data, seed=0, epochs=1)
    training.run_epoch()
    training.save(tmp_path / "one")

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("full")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "empty_like", full)  # as a device does
        with pytest.raises(torch.OutOfMemoryError):
            training.restore(tmp_path / "one")
    tensors, values = checkpoint.read_checkpoint(tmp_path / "one")
    tensors = {name: value.double() if name.startswith("optimizer") else value for name, value in tensors.items()}
    checkpoint.write(tmp_path / "one", tensors, values)
    with pytest.raises(CheckpointError, match="do not fit: optimizer"):
        training.restore(tmp_path / "one")
