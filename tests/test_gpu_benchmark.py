"""benchmarks/gpu.py: the logic of its parts, and one run on the CPU with nothing but torch, numpy and safetensors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING

import convscape
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from convscape.benchmarks.gpu import crew, schedule
from convscape.benchmarks.gpu.benchmark import Benchmark
from convscape.benchmarks.gpu.command import DeviceError, main, open_device
from convscape.benchmarks.gpu.crew import Crew, Task
from convscape.benchmarks.gpu.floor import Card, Floor, floor_of, step_bytes, step_flops
from convscape.benchmarks.gpu.gaps import NoKernelError, summed_up
from convscape.benchmarks.gpu.loop import PREFETCHED, Loop, workers_for
from convscape.benchmarks.gpu.networks import NETWORKS
from convscape.benchmarks.gpu.ours import Ours
from convscape.benchmarks.gpu.plan import plan
from convscape.benchmarks.gpu.recording import no_compiler
from convscape.benchmarks.gpu.report import Report
from convscape.benchmarks.gpu.schedule import LeftOutError, Part, run_parts
from convscape.benchmarks.gpu.stacked import StackedStep
from convscape.benchmarks.gpu.steps import DECAY, MOMENTUM
from convscape.benchmarks.gpu.timing import Measured, Turns, by_turns, late
from convscape.benchmarks.gpu.verdicts import (
    defaults,
    ratio,
    sharing_lines,
    stacked_lines,
    step_lines,
    table,
    to_explain,
    trials_at_a_time,
)
from convscape.spaces import parse_notation
from convscape.trainers import build_network

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(convscape.__file__).parent
CPU = torch.device("cpu")


def test_the_floor_is_what_is_counted_by_hand() -> None:
    network = parse_notation("INPUT[8x8x3] -> CONV3-4 -> RELU -> POOL2 -> FC-10")
    convolution, linear = 8 * 8 * 4 * 3 * 9, 4 * 4 * 4 * 10
    # Forward and gradient of the weights of both, gradient of the inputs of the last alone; 2 FLOPs a MAC, 5 images.
    assert step_flops(network, 5) == 2 * 5 * (2 * convolution + 3 * linear)

    weights = 4 * (4 * 3 * 9 + 4 + 64 * 10 + 10)
    # Kept: the image, the convolution's map that the ReLU overwrites, the pooled map and int64 for each of its cells.
    maps, indices = 3 * 64 + 4 * 64 + 64, 8 * 64
    assert step_bytes(network, 5, "float32") == 2 * (5 * (4 * maps + indices) + 3 * weights)
    assert step_bytes(network, 5, "bfloat16") == 2 * (5 * (2 * maps + indices) + 3 * weights)


def test_the_floor_is_the_larger_of_arithmetic_and_memory() -> None:
    network = NETWORKS[0].architecture
    flops, moved = step_flops(network, 128), step_bytes(network, 128, "float32")
    card = Card({"float32": 1e12, "TF32": 4e12, "bfloat16": 8e12}, 1e9)
    floor = floor_of(network, 128, "float32", card)
    assert floor == Floor(flops / 4e12, moved / 1e9)  # cuDNN's convolutions may use TF32
    assert floor.seconds == floor.memory
    assert floor.bound == "memory"
    slow = Card({"float32": 1e6, "TF32": 1e6, "bfloat16": 1e6}, 1e12)
    assert floor_of(network, 128, "bfloat16", slow).bound == "arithmetic"


def test_the_networks_grow_and_fit_their_images() -> None:
    for size in ("32", "64"):
        macs = [network.macs for network in NETWORKS if network.name.endswith(f" {size}")]
        assert len(macs) == 3
        assert macs == sorted(macs)
    assert [network.batch for network in NETWORKS] == [128] * 6 + [64]
    data = NETWORKS[0].dataset(2)
    assert len(data.train) == 256
    assert data.input == (3, 32, 32)


class Clock:
    """Time that passes when a part says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(schedule.time, "monotonic", lambda: self.now)

    def part(self, name: str, seconds: float, error: BaseException | None = None) -> Part:
        def run(allowed: float) -> None:
            assert allowed == seconds
            self.now += seconds
            if error is not None:
                raise error

        return Part(name, seconds, run)


def test_parts_run_in_order_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, report = Clock(monkeypatch), Report()
    parts = [clock.part("first", 4), clock.part("long", 9), clock.part("short", 3), clock.part("last", 2)]
    assert run_parts(parts, report, 8, CPU)
    assert report.left_out == ["long: time: takes 9 s, 4 s were left", "last: time: takes 2 s, 1 s were left"]
    assert clock.now == 107
    assert not report.failed


def test_the_time_begins_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, report = Clock(monkeypatch), Report()
    assert run_parts([clock.part("first", 4)], report, 8, CPU, began=clock.now - 5)
    assert report.left_out == ["first: time: takes 4 s, 3 s were left"]


def test_a_part_that_fails_ends_no_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock, report = Clock(monkeypatch), Report()
    parts = [
        clock.part("broken", 1, RuntimeError("no kernel\nimage is available")),
        clock.part("absent", 1, LeftOutError("it needs a GPU")),
        clock.part("sound", 1),
    ]
    assert run_parts(parts, report, 10, CPU)
    assert clock.now == 103
    assert report.failed == ["broken: RuntimeError: no kernel"]
    assert report.left_out == ["absent: it needs a GPU"]
    assert "FAILED   broken: RuntimeError: no kernel" in capsys.readouterr().out


def test_what_finds_no_memory_is_left_out() -> None:
    report = Report()
    report.fail("tried", RuntimeError("process 1 of 2: OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"))
    report.fail("bare", RuntimeError("CUDA error: misaligned address"))
    assert [line.partition(":")[0] for line in report.left_out] == ["tried"]
    assert report.failed == ["bare: RuntimeError: CUDA error: misaligned address"]


def test_what_an_interrupt_leaves_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, report = Clock(monkeypatch), Report()
    parts = [clock.part("done", 1), clock.part("running", 1, KeyboardInterrupt()), clock.part("next", 1)]
    assert not run_parts(parts, report, 10, CPU)
    assert report.left_out == ["running: interrupted", "next: interrupted"]


def test_a_part_that_does_not_end_is_ended() -> None:
    report, ran = Report(), []

    def hang(_: float) -> None:
        try:
            time.sleep(30)
        except Exception:  # noqa: BLE001 - as PyTorch's compiler catches whatever comes
            time.sleep(30)

    parts = [Part("endless", 0.0, hang), Part("next", 0.0, ran.append)]
    assert run_parts(parts, report, 0.2, CPU, overtime=0.0)
    assert len(report.left_out) == 2
    assert report.left_out[0] == "endless: time: ended after 0 s, it takes longer here"


def test_after_a_gpu_is_lost_nothing_more_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, report = Clock(monkeypatch), Report()

    def lost(_: torch.device) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(schedule, "empty_cache", lost)
    assert run_parts([clock.part("graphs", 1), clock.part("compile", 1)], report, 10, CPU)
    assert report.left_out == ["compile: the GPU answers this process no more since graphs"]


def test_ways_take_turns_and_one_that_fails_is_left_out() -> None:
    called: list[str] = []

    def way(name: str, fails_at: int = 99) -> Callable[[], float]:
        def run() -> float:
            called.append(name)
            if called.count(name) == fails_at:
                raise ValueError(name)
            return float(called.count(name))

        return run

    turns = by_turns({"a": way("a"), "b": way("b", fails_at=2), "c": way("c")}, 0.0, fewest=3)
    assert called == ["a", "b", "c", "a", "b", "c", "a", "c", "a", "c"]
    assert turns.measured == {"a": Measured((2.0, 3.0, 4.0)), "c": Measured((2.0, 3.0, 4.0))}
    assert list(turns.errors) == ["b"]


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    turns = Turns({"a": Measured((2.0, 9.0, 8.0)), "b": Measured((1.0, 3.0, 4.0))}, {})
    assert ratio(turns, "a", "b") == 2.0
    assert ratio(turns, "a", "c") is None
    assert turns.measured["a"].spread == (2.0, 9.0)


def kernel(name: str, start: float, duration: float, cat: str = "kernel") -> dict[str, object]:
    return {"cat": cat, "name": name, "ts": start, "dur": duration, "ph": "X"}


EVENTS = [
    {"ph": "M", "name": "process_name"},
    kernel("Optimizer.step#SGD.step", 0, 1000, "gpu_user_annotation"),
    kernel("cudaLaunchKernel", 0, 900, "cuda_runtime"),
    kernel("Memcpy HtoD (Pinned -> Device)", 0, 50, "gpu_memcpy"),
    kernel("void cudnn::ops::nchwToNhwcKernel<float>", 100, 100),
    kernel("sm90_xmma_fprop_implicit_gemm", 200, 200),
    kernel("sm90_xmma_fprop_implicit_gemm", 300, 200),  # half of it while the one before still runs
    kernel("void at::native::elementwise_kernel<direct_copy_kernel_cuda>", 600, 50),
]


def test_a_profile_is_summed_up() -> None:
    gaps = summed_up(EVENTS, 1e-3)
    assert gaps.idle == pytest.approx(1 - (50 + 100 + 300 + 50) / 1000)
    assert gaps.copies == pytest.approx(0.05)
    assert gaps.layout == pytest.approx(0.1)
    assert gaps.casts == pytest.approx(0.05)
    assert [name for name, _ in gaps.top[:2]] == [
        "sm90_xmma_fprop_implicit_gemm",
        "cudnn::ops::nchwToNhwcKernel<float>",
    ]
    assert gaps.top[0][1] == pytest.approx(0.4)
    assert gaps.lines()[0] == "no kernel 50%, copies 5%, layout 10%, casts 5%"
    assert summed_up(EVENTS, 1e-4).idle == 0  # busy for longer than the time without a profiler


def test_a_profile_without_kernels_is_no_profile() -> None:
    with pytest.raises(NoKernelError, match="recorded no kernel"):
        summed_up(EVENTS[:4], 1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "INPUT[8x8x3] -> CONV3-4 -> RELU -> POOL2 -> FC-5",
        "INPUT[8x8x3] -> [CONV3-4 -> BN -> RELU]*2 -> POOL2 -> CONV3-8 -> BN -> RELU -> GAP -> FC-5",
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_networks_trained_as_one_learn_what_each_would_learn_alone(text: str, shared: bool) -> None:
    """Weights, momentum's effect and batch norms' statistics, after three steps with three learning rates."""
    networks = [build_network(parse_notation(text), seed) for seed in range(3)]
    for network in networks:
        network.pool_first = True
    generator = torch.Generator().manual_seed(7)
    images = torch.randn(3, 16, 3, 8, 8, generator=generator)
    labels = torch.randint(0, 5, (3, 16), generator=generator)
    if shared:
        images, labels = images[:1].expand_as(images), labels[:1].expand_as(labels)
    rates = [0.1, 0.03, 0.01]
    stacked = StackedStep(networks, rates, images[0] if shared else images, labels[0] if shared else labels)
    alone = [
        torch.optim.SGD(network.parameters(), lr=rate, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY)
        for network, rate in zip(networks, rates, strict=True)
    ]
    assert stacked.trained == 48
    for _ in range(3):
        losses = []
        for network, optimizer, batch, wanted in zip(networks, alone, images, labels, strict=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(batch), wanted)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.testing.assert_close(stacked(), torch.stack(losses), rtol=1e-5, atol=0)
    for name, values in {**stacked.weights, **stacked.buffers}.items():
        for number, network in enumerate(networks):
            expected = network.state_dict()[name].double()
            # Of a bias before a batch norm the gradient is rounding alone: beside a weight of 1 it counts for nothing.
            assert (values[number].double() - expected).norm() <= 1e-5 * max(1.0, expected.norm().item()), name


def speeds(**found: float) -> dict[tuple[str, str, str], float]:
    return {(way.replace("_", " "), "small 32", "bfloat16"): speed for way, speed in found.items()}


def test_verdicts_are_made_of_the_figures() -> None:
    cell = [("small 32", "bfloat16")]
    (line,) = step_lines(speeds(ours=80, bare=100, floor=400, loop=20), cell)
    assert line.split("; ") == [
        "small 32 bfloat16: ours is 80% of the bare step (below 85%)",
        "the bare step is 25% of the floor (below 50%)",
        "ours is 4.0 times the DataLoader loop",
    ]
    (line,) = step_lines({**speeds(bare=100, floor=400), ("bare graphed", *cell[0]): 300}, cell)
    assert line.endswith("(below 50%); as a CUDA graph it is 75%")
    assert step_lines(speeds(ours=90, bare=100), cell) == ["small 32 bfloat16: ours is 90% of the bare step"]
    assert step_lines(speeds(ours=90), cell) == []


def test_what_is_slow_is_explained() -> None:
    assert to_explain(speeds(ours=80, bare=100, floor=400), *("small 32", "bfloat16")) == ["ours", "bare"]
    assert to_explain(speeds(ours=86, bare=100, floor=199), *("small 32", "bfloat16")) == []
    assert to_explain(speeds(ours=80), *("small 32", "bfloat16")) == []


def test_the_fewest_trials_that_come_near_the_best_are_recommended() -> None:
    cell = "small 32", "bfloat16"
    assert trials_at_a_time(speeds(shared_1=100, shared_2=180, shared_4=290, shared_8=300), *cell) == (4, 2.9)
    assert trials_at_a_time(speeds(shared_1=100, shared_2=104, shared_4=90), *cell) == (1, 1.04)
    assert trials_at_a_time(speeds(shared_1=100), *cell) is None


def test_sharing_says_from_which_size_on_it_does_not_pay() -> None:
    found = {
        (f"shared {count}", name, "float32"): speed
        for name, pair in {"small 32": (100.0, 250.0), "middle 32": (100.0, 130.0), "large 32": (100.0, 99.0)}.items()
        for count, speed in zip((1, 2), pair, strict=True)
    }
    lines = sharing_lines(found, NETWORKS[:3], "float32")
    assert lines[0].endswith("2 trials at a time come to 2.50 times one: sharing pays")
    assert lines[2].endswith("come to 0.99 times one at best: sharing does not pay")
    assert lines[3].startswith("sharing does not pay from large 32 (")
    assert sharing_lines(found, NETWORKS[:2], "float32")[-1] == (
        "sharing pays for all sizes that were measured, up to middle 32"
    )
    found["shared 2", "middle 32", "float32"] = 105.0
    assert sharing_lines(found, NETWORKS[:3], "float32")[-1].startswith("sharing does not pay from middle 32 (")
    found["shared 2", "small 32", "float32"] = 90.0
    found["shared 2", "large 32", "float32"] = 120.0  # larger ones decide
    assert sharing_lines(found, NETWORKS[:3], "float32")[-1].endswith("up to large 32")
    assert sharing_lines({}, NETWORKS, "float32") == []


def test_stacked_networks_are_compared_with_as_many_alone_and_in_processes() -> None:
    found = speeds(stacked_8=400, one_by_one_8=100, processes_8=200, stacked_2=150, one_by_one_2=100)
    assert stacked_lines(found, NETWORKS, "bfloat16", 8) == [
        "small 32 bfloat16, stacked 8: 4.00 times as fast as one by one, 2.00 times as fast as in processes"
    ]
    assert stacked_lines({}, NETWORKS, "bfloat16", 8) == []


def test_a_way_is_made_once_and_fails_alone() -> None:
    made: list[int] = []

    def make() -> Callable[[], float]:
        made.append(1)
        return lambda: float(len(made))

    def fail() -> Callable[[], float]:
        raise RuntimeError("no memory")

    turns = by_turns({"made": late(make), "failed": late(fail)}, 0.0, fewest=3)
    assert turns.measured == {"made": Measured((1.0, 1.0, 1.0))}
    assert list(turns.errors) == ["failed"]


def test_trials_that_share_a_device_have_shorter_epochs() -> None:
    assert [crew.steps_of_each(400, count) for count in (1, 2, 8)] == [400, 200, 50]
    assert [crew.steps_of_each(30, count) for count in (1, 2)] == [30, 20]
    assert crew.steps_of_each(2, 2) == 2


def test_what_pays_is_recommended() -> None:
    gains = {
        ("bfloat16", "small 32"): 1.02,
        ("graphs", "small 32"): 2.0,
        ("compile", "small 32"): 1.9,
        ("trials at a time", "small 32"): 3.0,
        ("stacked", "small 32"): 4.0,
        ("bfloat16", "large 32"): 1.8,
        ("compile", "large 32"): 1.2,
        ("graphs", "middle 64"): 1.0,
    }
    rows = defaults(speeds(shared_1=100, shared_2=290, shared_4=300), gains, NETWORKS, "bfloat16")
    assert rows == [
        {
            "network": "small 32",
            "bfloat16": "off (1.02x)",
            "graphs": "on (2.00x)",
            "compile": "off (1.90x)",  # which records graphs, too, and is not faster than they are
            "trials at a time": "2 (2.90x)",
            "stacked": "4.00x",
            "most": "stacked 4.00x",
        },
        {
            "network": "large 32",
            "bfloat16": "on (1.80x)",
            "graphs": "not measured",
            "compile": "on (1.20x)",
            "trials at a time": "not measured",
            "stacked": "not measured",
            "most": "bfloat16 1.80x",
        },
        {
            "network": "middle 64",
            "bfloat16": "not measured",
            "graphs": "off (1.00x)",
            "compile": "not measured",
            "trials at a time": "not measured",
            "stacked": "not measured",
            "most": "nothing",
        },
    ]
    assert table(rows)[0].split("  ")[0] == "network"
    assert len(table(rows)) == 4


def test_the_loop_has_as_many_workers_as_find_room() -> None:
    assert workers_for(100, cpus=16, shared=2**30) == 8
    assert workers_for(100, cpus=3, shared=2**30) == 2
    assert workers_for(2**20, cpus=16, shared=2 * 2 * (PREFETCHED + 1) * 2**20) == 2
    assert workers_for(2**26, cpus=16, shared=2**26) == 0


def test_the_loop_learns_from_normalised_images() -> None:
    network = NETWORKS[0]
    loop = Loop(network, network.dataset(1), "float32", CPU, workers=0)
    image, label = loop._loader.dataset[3]
    pixels = torch.from_numpy(network.dataset(1).train.images[3]).float()
    torch.testing.assert_close(image, (pixels / 255 - 0.5) / 0.29)
    assert label == 3


def test_the_order_is_the_floor_the_step_ours_sharing_graphs_compile_stacked() -> None:
    bench = Benchmark(device=torch.device("cuda"), precision="bfloat16")
    names = [part.name for part in plan(bench)]
    firsts = [next(at for at, name in enumerate(names) if name.startswith(group)) for group in
              ("floor", "bare", "ours", "shared", "graphs", "compile", "stacked")]  # fmt: skip
    assert firsts == sorted(firsts)
    assert len(names) == len(set(names))
    cells = {f"{network.name} {precision}" for network in NETWORKS for precision in ("float32", "bfloat16")}
    for group in ("bare", "ours", "graphs", "why"):
        assert {name.removeprefix(f"{group} ") for name in names if name.startswith(group)} == cells
    half = Benchmark(device=torch.device("cuda"), precision="float32")  # a GPU that does not compute in bfloat16
    assert not [part.name for part in plan(half) if "bfloat16" in part.name]


def test_a_network_that_does_not_fit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Benchmark(device=CPU, precision="float32")
    bench.check_fit(NETWORKS[-1], "float32")
    monkeypatch.setattr("convscape.benchmarks.gpu.benchmark.device_memory", lambda *_: 2**30)
    bench.check_fit(NETWORKS[0], "float32")
    with pytest.raises(LeftOutError, match="memory: "):
        bench.check_fit(NETWORKS[-1], "float32")
    with pytest.raises(LeftOutError, match="memory: "):
        bench.check_fit(NETWORKS[1], "float32", batches=16)


def test_what_pays_is_said_of_one_precision() -> None:
    bench = Benchmark(device=CPU, precision="bfloat16")
    bench.gain("graphs", NETWORKS[0], "bfloat16", 2.0)
    bench.gain("graphs", NETWORKS[0], "float32", 1.5)
    bench.gain("compile", NETWORKS[0], "bfloat16", None)
    assert bench.report.gains == {("graphs", "small 32"): 2.0}


def test_training_that_tells_of_something_is_not_measured() -> None:
    network = NETWORKS[0]
    ours = Ours(network, network.dataset(2), "float32", CPU)
    assert ours.epoch() > 0
    ours._training.events.append("epoch 1: out of memory; batches of 128 now go through the network in 2 parts")
    with pytest.raises(RuntimeError, match="out of memory"):
        ours.epoch()


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    assert "there is none of c++" in no_compiler("cpu")
    monkeypatch.setenv("CC", sys.executable)
    assert no_compiler("cpu") == ""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match="finds no GPU here"):
        open_device(torch.device("cuda"))
    assert main("", ["--device", "cuda"]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["rows"] == []
    assert "--device cpu shows" in told["failed"][0]


@pytest.mark.parametrize(
    "wrong", [["--device", "tpu"], ["--seconds", "0"], ["--seconds", "soon"], ["--seconds", "nan"]]
)
def test_wrong_options_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main("", wrong)
    assert wrong[1] in capsys.readouterr().err


NOT_INSTALLED = """
import sys

ABSENT = (
    "convscape lazy_loader PIL torchvision ray optuna mlflow pandas pydantic sklearn scipy typer rich yaml pytest"
).split()

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *where):
        return None if name in ABSENT else self.finder.find_spec(name, *where)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
"""


def test_without_lazy_loader_a_name_is_no_module_of_that_name(tmp_path: Path) -> None:
    """`convscape.spaces.printable` is a function, and the file that it comes from."""
    (tmp_path / "sitecustomize.py").write_text(NOT_INSTALLED)
    code = f"""
import runpy
runpy.run_path({str(ROOT / "benchmarks" / "gpu.py")!r})["use_this_checkout"]()
import convscape.spaces.parsing, convscape.spaces.printable
from convscape.spaces import former_names, printable
print(printable("a\\x1bb"), callable(former_names), convscape.__file__, "cost_table" in dir(convscape.spaces))
"""
    told = subprocess.check_output(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, text=True
    )
    *_, callable_too, file, listed = told.split()
    assert callable_too == listed == "True"
    assert Path(file).resolve() == (ROOT / "__init__.py").resolve()


@pytest.mark.slow
def test_it_runs_with_torch_numpy_and_safetensors_alone(tmp_path: Path) -> None:
    """On the CPU, its processes included; convscape is found by itself, and lazy_loader is not needed."""
    (tmp_path / "sitecustomize.py").write_text(NOT_INSTALLED)
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--device", "cpu", "--quick", "--seconds", "500"]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["benchmark"] == "gpu"
    assert told["device"] == "cpu"
    assert told["failed"] == []
    assert {row["group"] for row in told["rows"]} == {"floor", "bare", "ours", "shared", "why", "tried", "stacked"}
    assert all(row["value"] >= 0 for row in told["rows"])
    assert any(line.startswith("graphs small 32") for line in told["left_out"])
    assert any("of the bare step" in line for line in told["verdicts"])
    assert told["defaults"][0]["network"] == "small 32"


def test_where_one_process_fails_the_others_are_told_to_rest() -> None:
    task = Task(network="small 32", precision="float32", way="bare", steps=1, seconds=0.0)
    ours, theirs = zip(*(Pipe() for _ in range(2)), strict=True)
    theirs[0].send("ready")
    theirs[1].send(crew._Failed("CUDA out of memory"))
    with pytest.raises(RuntimeError, match="process 2 of 2: CUDA out of memory"):
        Crew(0, "cpu")._speeds(list(ours), task)
    told = [theirs[0].recv() for _ in range(2) if theirs[0].poll(5)]
    assert told == [task, crew.REST]
    ours[0].send(crew.REST)  # and one that is told to does
    crew._do(task, theirs[0], CPU, 0)
    assert ours[0].recv() == "ready"
    assert not ours[0].poll()


@pytest.mark.slow
def test_processes_that_fail_or_end_are_told_of() -> None:
    """A task that cannot be done costs the crew nothing; a process that ends makes another crew needed."""
    good = Task(network="small 32", precision="float32", way="bare", steps=1, seconds=0.0, share=0.5)
    bad = Task(network="unheard of", precision="float32", way="bare", steps=1, seconds=0.0, share=0.5)
    workers = Crew(2, "cpu")
    try:
        with pytest.raises(RuntimeError, match="process 1 of 2: StopIteration"):
            workers.train(bad, 2)
        assert not workers.lost
        measured = workers.train(good, 2)
        assert measured.n == crew.ROUNDS
        assert min(measured.values) > 0
        workers._processes[1].kill()
        workers._processes[1].join()
        with pytest.raises(RuntimeError, match="process 2 of 2: it ended"):
            workers.train(good, 2)
        assert workers.lost
    finally:
        workers.close()
    assert not any(process.is_alive() for process in workers._processes)
