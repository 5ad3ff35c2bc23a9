"""Studies that were changed, cut or lost: noticed, named by file and line, or a kill's torn line that is dropped."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from convscape.search import Sweep, resume
from convscape.search.files import (
    open_seal,
    read_sealed,
    seal,
    unseal,
)
from convscape.search.study.journal_storage import StudyFile
from convscape.spaces import (
    SweepError,
)
from convscape.tests.hostile.folders import of_an_earlier_version, opened
from convscape.tests.hostile.refusals import refusal
from convscape.tests.tiny_sweep import results
from hypothesis import given, strategies as st
from optuna.storages.journal import JournalFileBackend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quiet")


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


def test_seals_that_are_gone_from_the_first_lines_are_noticed(prepared: Path) -> None:
    study = prepared / "study.jsonl"
    lines = study.read_bytes().splitlines(keepends=True)
    for first in (1, len(lines)):
        plain = [json.dumps(open_seal(line)[0]).encode() + b"\n" for line in lines[:first]]
        study.write_bytes(b"".join([*plain, *lines[first:]]))
        with pytest.raises(SweepError, match=r"study.jsonl:1: it was changed, or comes from elsewhere"):
            opened(prepared)


def test_a_torn_last_line_is_a_kill(prepared: Path) -> None:
    whole = results(Sweep.open("tiny", prepared.parent))
    study = prepared / "study.jsonl"
    study.write_bytes(study.read_bytes()[:-9])
    resume("tiny", prepared.parent, progress=False)
    assert results(Sweep.open("tiny", prepared.parent)) == whole


def test_a_study_of_an_earlier_version_opens_and_goes_on_sealed(prepared: Path) -> None:
    study = prepared / "study.jsonl"
    of_an_earlier_version(prepared)
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
    of_an_earlier_version(folder)
    said = refusal(lambda: opened(folder) and Sweep.open("tiny", folder.parent).summaries())
    assert said is None or "study.jsonl" in said
