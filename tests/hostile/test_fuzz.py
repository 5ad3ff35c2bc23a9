"""Thousands of changed files of each kind: what comes out is an error of ours, soon, or a value that can be used.

Of files with checksums it is what the whole file gives, or something is told. FUZZ says how many of each kind
(`make fuzz`: 100,000), FUZZ_SEED where they begin. A failure names the seed that makes it again, of a file that is
equal: those of a sweep differ in their times. Seeds that once failed are in KEPT and come first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from convscape.dashboards.text import status_text
from convscape.search import Sweep
from convscape.search.config import parse_sweep_file
from convscape.search.driver.progress import read_progress
from convscape.search.files import every_entry, open_seal, telling
from convscape.spaces import Architecture, ConvscapeError, parse_notation, to_notation
from convscape.tests.hostile.folders import of_an_earlier_version
from convscape.tests.hostile.mutations import changed_bytes, changed_values
from convscape.tests.hostile.refusals import HANG
from convscape.tests.tiny_sweep import TINY, results
from convscape.trainers.checkpoint import read_checkpoint
from convscape.trainers.data.decoding import formats, read_head, read_image
from convscape.trainers.transfer import network_for, read_weights
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT, SEED = int(os.environ.get("FUZZ", "2000")), int(os.environ.get("FUZZ_SEED", "0"))
KEPT = {
    "test_studies_without_seals": (926, 1096, 20185),
    "test_files_of_a_sweep[config.json]": (25080,),
    "test_files_of_a_sweep[inputs.json]": (82596,),
}
"""Seeds that failed once, by the name of the test."""
SECONDS, WAITED, BYTES = HANG, 60.0, 500 * 2**20
"""What one file may take to be refused or read: seconds of the processor, seconds by the clock, memory."""
LOOKED_AT = 25
"""Files after which the memory is looked at that they took at the most."""
NOTATIONS = (
    "INPUT[28x28x1] -> [[CONV3-32 -> BN -> RELU]*2 -> POOL2]*3 -> GAP -> FLATTEN -> DROPOUT0.2 -> FC-10",
    "INPUT[32x32x3] -> LRN5 -> RESIDUAL[CONV7-64 s2 p3 | CONV1-64 s2] -> PARALLEL[CONV1-8 | CONV3-8] -> GAP -> FC-9",
)
SWEEP = (Path(__file__).parents[2] / "examples" / "fashion-mnist.yaml").read_bytes()
SETTINGS = (
    "search.trials=20", "search.start=[vgg16, {network: resnet18, recipe: {optimizer: adam}}]", "space.kernel=[3, 5]",
    "space={stages: 2, filters: {low: 8, high: 64, log: true}}", "budget={macs: 1e6}", "search={trials: 3, epochs: 2}",
    "data.root=images", "recipe.weights=[null, torchvision:resnet18]", "search.seconds=1h", "resources.cpus=2",
)  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Callable[[Callable[[Random], Any]], None]:
    """A function that reads COUNT changed files: anything but an error of ours, or one that takes too much, fails."""
    name = request.node.name

    def tried(read: Callable[[Random], Any]) -> None:
        before = 0
        for at, number in enumerate([*KEPT.get(name, ()), *range(SEED, SEED + COUNT)]):
            if at % LOOKED_AT == 0:  # to look takes longer than many a file
                before = _peak(reset=True)
            begun, clock = time.process_time(), time.perf_counter()
            try:
                read(Random(number))  # noqa: S311 - no secret
            except ConvscapeError:
                pass
            except Exception as error:
                raise AssertionError(f"FUZZ_SEED={number} FUZZ=1: {error!r:.300}") from error
            assert time.process_time() - begun < SECONDS, f"FUZZ_SEED={number} took too long"
            assert time.perf_counter() - clock < WAITED, f"FUZZ_SEED={number} waited too long"
            if at % LOOKED_AT == LOOKED_AT - 1:
                assert _peak() - before < BYTES, f"FUZZ_SEED={number}, or one shortly before it, took too much memory"

    return tried


def _peak(*, reset: bool = False) -> int:
    """Bytes of memory that this process had at the most since the last `reset`; 0 where the system does not say."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def test_notation(tried: Any) -> None:
    assert all(map(parse_notation, NOTATIONS))

    def read(random: Random) -> None:
        text = changed_bytes(random.choice(NOTATIONS).encode(), random).decode(errors="replace")
        found = parse_notation(text)
        assert parse_notation(to_notation(found)) == found

    tried(read)


def test_json_of_networks(tried: Any) -> None:
    plain = [parse_notation(notation).to_json() for notation in NOTATIONS]

    def read(random: Random) -> None:
        if random.random() < 0.5:
            source: Any = changed_values(random.choice(plain), random)
        else:
            source = changed_bytes(json.dumps(random.choice(plain)).encode(), random).decode(errors="replace")
        found = Architecture.from_json(source)
        assert Architecture.from_json(json.dumps(found.to_json())) == found

    tried(read)


def test_sweep_files(tried: Any) -> None:
    tried(lambda random: parse_sweep_file(changed_bytes(SWEEP, random).decode(errors="replace")))


def test_settings_of_the_command_line(tried: Any) -> None:
    def read(random: Random) -> None:
        given = changed_bytes(random.choice(SETTINGS).encode(), random).decode(errors="replace")
        parse_sweep_file(TINY, "tiny.yaml", [given])

    tried(read)


@pytest.fixture
def copied(swept: Path, tmp_path: Path) -> Path:
    shutil.copytree(swept, tmp_path / "sweeps")
    return tmp_path / "sweeps" / "tiny"


READ: dict[str, Callable[[Path, Sweep], Any]] = {
    "study.jsonl": lambda _, sweep: results(sweep),
    "heartbeat.json": lambda folder, _: read_progress(folder),
    "uploaded.jsonl": lambda _, sweep: sweep.run_ids(),
    "spool.jsonl": lambda folder, _: [*every_entry(folder / "spool.jsonl")],
    "config.json": lambda _, sweep: sweep.config,
    "inputs.json": lambda _, sweep: sweep.images,
}
"""What of each file of a sweep's folder must be as the whole file has it, or an error, or told."""


@pytest.mark.parametrize("name", READ)
@pytest.mark.filterwarnings("ignore")
def test_files_of_a_sweep(tried: Any, copied: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    path = copied / name
    whole = path.read_bytes()
    expected = READ[name](copied, Sweep.open("tiny", copied.parent))

    def read(random: Random) -> None:
        caplog.clear()
        telling._told.clear()
        path.write_bytes(changed_bytes(whole, random))
        sweep = Sweep.open("tiny", copied.parent)
        found = READ[name](copied, sweep)
        if random.random() < 0.2:
            status_text(sweep)
        if name in ("spool.jsonl", "uploaded.jsonl"):  # the last lines may be gone: a kill or a full disk
            assert caplog.text or len(found) < len(expected) or found == expected
        else:
            assert caplog.text or found == expected

    tried(read)


def test_studies_without_seals(tried: Any, copied: Path) -> None:
    path = copied / "study.jsonl"
    of_an_earlier_version(copied)
    events = [open_seal(line)[0] for line in path.read_bytes().splitlines()]

    def read(random: Random) -> None:
        changed = list(events)
        at = random.randrange(len(events))
        changed[at] = changed_values(events[at], random)
        path.write_text("".join(json.dumps(event) + "\n" for event in changed))
        sweep = Sweep.open("tiny", copied.parent)
        sweep.summaries(sweep.trials())

    tried(read)


def test_checkpoints(tried: Any, copied: Path) -> None:
    folder = copied / "trials" / "00000" / "epoch-0001"
    files = [folder / "checkpoint.json", folder / "tensors.safetensors"]
    whole = [file.read_bytes() for file in files]

    def read(random: Random) -> None:
        for file, content in zip(files, whole, strict=True):
            file.write_bytes(changed_bytes(content, random) if random.random() < 0.6 else content)
        read_checkpoint(folder)

    tried(read)


def test_exports_to_start_from(tried: Any, exported_digits: Path, tmp_path: Path) -> None:
    shutil.copytree(exported_digits, tmp_path / "out")
    files = [tmp_path / "out" / name for name in ("proof.json", "architecture.json", "model.safetensors")]
    whole = [file.read_bytes() for file in files]

    def read(random: Random) -> None:
        for file, content in zip(files, whole, strict=True):
            file.write_bytes(changed_bytes(content, random) if random.random() < 0.6 else content)
        network_for(str(tmp_path / "out"), (1, 8, 8), 10)
        read_weights(str(tmp_path / "out"))

    tried(read)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_weights(tried: Any, tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "w.pt"
    state = {"a.weight": torch.ones(3, 3), "a.bias": torch.zeros(3), "b.bn.running_var": torch.ones(2)}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()

    def read(random: Random) -> None:
        path.write_bytes(changed_bytes(whole, random))
        read_weights(str(path))

    tried(read)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "tiff", "webp", "heif"])
@pytest.mark.filterwarnings("ignore")
def test_images(tried: Any, tmp_path: Path, kind: str) -> None:
    assert kind != "heif" or "HEIF" in formats()  # PIL writes it, too, from now on
    path = tmp_path / f"image.{kind}"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, kind)
    whole = path.read_bytes()

    def read(random: Random) -> None:
        path.write_bytes(changed_bytes(whole, random))
        read_head(path)
        found = read_image(path, random.choice([None, (8, 8)]))
        assert isinstance(found, str) or (found.shape[0] in (1, 3) and found.pixels.dtype == np.uint8)

    tried(read)
