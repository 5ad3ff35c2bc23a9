"""What a notebook shows of a sweep, a trial and a network: a line or a table, and never markup of others."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search import Sweep, SweepConfig, launch
from convscape.search.records import Design, TrialRecord, summaries
from convscape.spaces import Architecture, load_architecture, parse_notation, to_notation
from convscape.tests.strategies import architectures
from convscape.tests.tiny_sweep import tiny
from convscape.trainers import Recipe
from hypothesis import given

if TYPE_CHECKING:
    from pathlib import Path


class Seen(HTMLParser):
    """The tags and the text of a piece of HTML; fails where tags do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not attrs
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Sweep:
    return launch(tiny(tmp_path_factory.mktemp("sweeps"), "search.trials=2", "search.epochs=1"), progress=False)


@given(architectures())
def test_a_network_is_its_notation_and_a_table(network: Architecture) -> None:
    assert repr(network) == f"Architecture({to_notation(network)!r})"
    seen = Seen(network._repr_html_())
    assert seen.text.startswith(to_notation(network))
    assert seen.tags.count("tr") == 1 + len(network.layers)


def test_a_large_network_is_no_wall() -> None:
    assert len(repr(load_architecture("resnet152"))) < 2_000
    deep = parse_notation("INPUT[8x8x1] -> [CONV3-4 -> RELU]*200 -> FC-10")
    seen = Seen(deep._repr_html_())
    assert seen.tags.count("tr") == 61
    assert seen.text.endswith("… and 342 more")


def test_a_trial_is_a_line_and_a_table() -> None:
    design = Design.of(parse_notation("INPUT[8x8x1] -> FC-10"), Recipe())
    record = TrialRecord(number=3, design=design, state="completed", accuracies={1: 0.5, 2: 0.75})
    (row,) = summaries([record], {}, ["accuracy"])
    assert repr(row) == (
        "<TrialSummary of trial 3, accuracy 0.7500, epochs 2, parameters 650, MACs 640, state completed, "
        "INPUT[8x8x1] -> FC-10>"
    )
    final = replace(row, mean_accuracy=0.7, std_accuracy=0.01, seeds=2)
    assert "mean 0.7000±0.0100 of 2" in repr(final)
    seen = Seen(replace(final, notation="<script>alert(1)</script>")._repr_html_())
    assert "script" not in seen.tags
    assert "<script>" in seen.text


def test_a_sweep_is_a_line_and_a_table(sweep: Sweep) -> None:
    assert eval(repr(sweep)).summaries() == sweep.summaries()  # noqa: S307
    seen = Seen(sweep._repr_html_())
    assert seen.tags.count("tr") == 3
    assert "2 completed" in seen.text
    assert sweep.best.notation in seen.text


def test_a_sweep_that_cannot_be_read_is_shown_all_the_same(tmp_path: Path) -> None:
    config = SweepConfig.model_validate({"name": "none", "data": {"name": "digits"}, "folder": tmp_path})
    assert "no trials yet" in Seen(Sweep(config)._repr_html_()).text
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "study.jsonl").write_text("<b>\n")
    seen = Seen(Sweep(config)._repr_html_())
    assert "study.jsonl:1" in seen.text
    assert "b" not in seen.tags


def test_what_people_look_at_first_comes_first_in_the_leaderboard(sweep: Sweep) -> None:
    frame = sweep.leaderboard()
    assert list(frame.columns[:12]) == [
        "trial", "accuracy", "mean_accuracy", "std_accuracy", "epochs", "parameters", "macs", "state", "notation",
        "learning_rate", "weight_decay", "batch_size",
    ]  # fmt: skip
    assert {"run_id", "latency", "optimizer", "flip"} <= set(frame.columns)
    assert frame["trial"].tolist() == [row.trial for row in sweep.summaries()]
    assert frame["learning_rate"].notna().all()
