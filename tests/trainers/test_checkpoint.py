from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from convscape.spaces.errors import CheckpointError
from convscape.trainers import checkpoint_files
from convscape.trainers.checkpoint import read_checkpoint, write
from convscape.trainers.checkpoints import Checkpoints
from hypothesis import example, given, settings, strategies as st

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(3)}


class Saved:
    """What `Checkpoints` needs of a training."""

    epoch = 0

    def save(self, folder, notes):
        write(folder, TENSORS, {"epoch": self.epoch, **notes})


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_what_is_written_is_read(tmp_path):
    write(tmp_path / "deep" / "one", TENSORS, {"epoch": 3, "rate": 0.5})
    tensors, values = read_checkpoint(tmp_path / "deep" / "one")
    assert values == {"epoch": 3, "rate": 0.5}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_layout_in_memory_does_not_matter(tmp_path):
    weight = torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    write(tmp_path / "one", {"weight": weight}, {})
    assert torch.equal(read_checkpoint(tmp_path / "one")[0]["weight"], weight)


def test_a_failed_write_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    write(tmp_path / "one", TENSORS, {"epoch": 1})
    with pytest.raises(TypeError):
        write(tmp_path / "one", TENSORS, {"epoch": object()})
    assert read_checkpoint(tmp_path / "one")[1] == {"epoch": 1}
    assert names(tmp_path) == ["one"]


@pytest.mark.parametrize("file", [checkpoint_files.TENSORS, checkpoint_files.VALUES])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_file_cut_short_is_noticed(tmp_path, file, keep):
    write(tmp_path / "one", TENSORS, {})
    content = (tmp_path / "one" / file).read_bytes()
    (tmp_path / "one" / file).write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(CheckpointError, match=r"one"):
        read_checkpoint(tmp_path / "one")


def read_or_refused(content: bytes, values: bytes) -> None:
    """A folder with these files gives a checkpoint or CheckpointError."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / checkpoint_files.TENSORS).write_bytes(content)
        (Path(name) / checkpoint_files.VALUES).write_bytes(values)
        with suppress(CheckpointError):
            tensors, read_values = read_checkpoint(Path(name))
            assert isinstance(read_values, dict)
            assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())


def record(content: bytes, **changes) -> bytes:
    values = changes.get("values", {})
    right = hashlib.sha256(content + json.dumps(values).encode()).hexdigest()
    return json.dumps({"format": checkpoint_files.FORMAT, "sha256": right, "values": values} | changes).encode()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.binary(), st.binary() | plain.map(lambda value: json.dumps(value).encode()))
@example(b"", b"[" * 100_000)
@example(b"", b"\xff")
def test_any_files_are_a_checkpoint_or_refused(content, values):
    read_or_refused(content, values)


@given(st.binary(), st.fixed_dictionaries({}, optional={"format": plain, "sha256": plain, "values": plain}))
def test_any_record_is_a_checkpoint_or_refused(content, changes):
    read_or_refused(content, record(content, **changes))


BITS = {"F32": 32, "F16": 16, "BF16": 16, "I64": 64, "BOOL": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "C64": 64, "X": 8}
"""Kinds of values in the format, also those PyTorch lacks, and one that is none."""


@st.composite
def tensor_files(draw):
    """A file in the format of safetensors, usually with a header that agrees with its length."""
    kind, shape = draw(st.sampled_from(list(BITS))), draw(st.lists(st.integers(0, 3) | st.just(2**62), max_size=3))
    length = min(math.prod(shape) * BITS[kind] // 8, 300)
    offsets = [0, length] if draw(st.booleans()) else draw(st.lists(st.integers(0, 32), max_size=3))
    header = {"a": {"dtype": kind, "shape": shape, "data_offsets": offsets}} | draw(
        st.dictionaries(st.sampled_from(["__metadata__", "b"]), plain, max_size=1)
    )
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(length)


@given(tensor_files())
@settings(max_examples=200)
def test_any_tensors_are_read_or_refused(content):
    read_or_refused(content, record(content))


def test_one_altered_bit_is_noticed(tmp_path):
    write(tmp_path / "one", TENSORS, {})
    file = tmp_path / "one" / checkpoint_files.TENSORS
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="SHA-256"):
        read_checkpoint(tmp_path / "one")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkpoint with values such as a training has."""
    folder = tmp_path_factory.mktemp("whole") / "one"
    values = {"epoch": 13, "parts": 1, "events": ["epoch 2: 1e-05 \u2026"], "recipe": {"rate": 0.05, "decay": 5e-05}}
    write(folder, TENSORS, values | {"normalisation": {"mean": (0.0, -0.5), "std": [1.0, 2.25]}})
    return folder


@pytest.mark.parametrize(
    ("was", "becomes"),
    [('"epoch": 13', '"epoch": 12'), ('"parts"', '"parks"'), ("5e-05", "5e-06"), ("0.0,", "0.5,"), ("2.25", "2.26")],
)
def test_an_altered_value_is_noticed(whole, tmp_path, was, becomes):
    altered = shutil.copytree(whole, tmp_path / "one") / checkpoint_files.VALUES
    text = altered.read_text()
    assert read_checkpoint(whole)[1]["epoch"] == 13
    assert text.count(was) == 1
    altered.write_text(text.replace(was, becomes))
    with pytest.raises(CheckpointError, match=r"checkpoint\.json is damaged, their SHA-256"):
        read_checkpoint(tmp_path / "one")


@given(st.data())
@settings(max_examples=300)
def test_one_altered_byte_of_the_values_changes_nothing_or_is_noticed(whole, data):
    content = bytearray((whole / checkpoint_files.VALUES).read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.sampled_from(b'0123456789eE.-+ \n\t"{}[],:x') | st.integers(0, 255))
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(whole, name, dirs_exist_ok=True)
        (Path(name) / checkpoint_files.VALUES).write_bytes(content)
        with suppress(CheckpointError):
            assert repr(read_checkpoint(Path(name))[1]) == repr(read_checkpoint(whole)[1])


def test_an_absent_one_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        read_checkpoint(tmp_path / "nowhere")


def test_the_newest_two_and_the_best_are_kept(tmp_path):
    kept = Checkpoints(tmp_path / "trial")
    assert kept.latest() is None
    assert kept.best() is None
    saved = Saved()
    for saved.epoch in range(1, 7):
        kept.save(saved, best=saved.epoch in (1, 3))
    assert names(tmp_path / "trial") == ["epoch-0003", "epoch-0005", "epoch-0006"]
    assert kept.latest().name == "epoch-0006"
    assert kept.best() == kept.at(3) == tmp_path / "trial" / "epoch-0003"


def test_notes_are_kept_with_the_checkpoint(tmp_path):
    kept, saved = Checkpoints(tmp_path), Saved()
    for saved.epoch in (1, 2):
        kept.save(saved, best=False, notes={"of": saved.epoch})
    assert [(epoch, kept.read(epoch)[1]["of"]) for epoch in kept.epochs()] == [(2, 2), (1, 1)]


def test_who_goes_back_leaves_nothing_of_later_epochs_behind(tmp_path):
    """Else they would push out what is saved now, as newer."""
    kept, saved = Checkpoints(tmp_path), Saved()
    for saved.epoch in (7, 8, 9, 1, 2):
        kept.save(saved, best=saved.epoch == 8)
    assert names(tmp_path) == ["epoch-0001", "epoch-0002", "epoch-0008"]


def test_a_damaged_one_is_passed_over(tmp_path):
    kept, saved = Checkpoints(tmp_path), Saved()
    for saved.epoch in (1, 2):
        kept.save(saved, best=saved.epoch == 2)
    (tmp_path / "epoch-0002" / checkpoint_files.TENSORS).write_bytes(b"")
    assert kept.latest().name == "epoch-0001"
    assert kept.best() is None


def test_what_a_kill_left_behind_is_ignored(tmp_path):
    (tmp_path / ".epoch-0009-abc").mkdir(parents=True)
    (tmp_path / "epoch-0008").mkdir()
    kept, saved = Checkpoints(tmp_path), Saved()
    saved.epoch = 7
    kept.save(saved, best=True)
    assert kept.latest().name == "epoch-0007"


def test_ten_thousand_epochs_are_still_in_order(tmp_path):
    kept, saved = Checkpoints(tmp_path), Saved()
    for saved.epoch in (9_999, 10_000):
        kept.save(saved, best=False)
    assert kept.latest().name == "epoch-10000"
