"""The summary of a sweep: complete, shown as text whatever names are, and short enough for MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.dashboards.reports.summary import WHOLE, fitted, summary_markdown
from convscape.search.driver import launch
from convscape.search.files import INPUTS, read_sealed, write_sealed
from convscape.spaces import format_layer_table
from convscape.trainers.export.markdown import block, code, plain
from tiny_sweep import tiny

if TYPE_CHECKING:
    from convscape.search import Sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Sweep:
    folder = tmp_path_factory.mktemp("a `b` <i>")
    return launch(tiny(folder, "search.finalists=2", "search.seeds=3", "search.refit=false"), progress=False)


def test_it_says_what_was_asked_found_spent_and_is_next(sweep: Sweep) -> None:
    records = sweep.trials()
    said, best = summary_markdown(sweep, records), sweep.best_of(records)
    assert "- data: digits: 200 images to train on, 100 to validate on, 359 to test on; 1x8x8, 10 classes" in said
    assert "- search: 4 trials, up to 2 epochs" in said
    assert f"\n```\n{best.notation}\n" in said
    assert best.std_accuracy is not None
    assert f"- from other seeds: {best.mean_accuracy:.4f}±{best.std_accuracy:.4f} of 2 runs, mean and deviation" in said
    assert f"- how sure: {best.mean_accuracy:.4f}±" in said
    assert "95 %, by seeds and" in said
    assert f"trials: {sweep.counts(records)['completed']} completed" in said
    assert f"in all: {sum(record.epochs for record in records)} epochs, " in said
    assert "\nfinals " in said
    for command in ("export", "compare", "dashboard", "resume"):
        assert f"convscape {command} tiny --folder '" in said
    winner = next(record for record in records if record.number == best.trial)
    assert format_layer_table(winner.design.architecture).rstrip() in said


def test_a_folder_s_name_is_shown_as_text(sweep: Sweep) -> None:
    said = summary_markdown(sweep, sweep.trials())
    outside = [line for line in said.splitlines() if str(sweep.config.folder) in line]
    assert outside
    assert all(line.startswith("- `` convscape ") and " ``: " in line for line in outside)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "[x](javascript:y)", "a\n# b", "`` ` ``", "\x1b[2J"])
def test_anybody_s_text_is_shown_and_does_nothing(hostile: str) -> None:
    assert not set("<>[]`\n\x1b") & set(plain(hostile))
    shown = code(hostile)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]
    assert fence not in shown.strip("`").strip()
    assert "\n" not in shown
    assert block(f"{hostile}\n```\n````")[0] == block(f"{hostile}\n```\n````")[-1] == "`````"


def test_where_nothing_says_how_many_images_there_were_their_name_stands(sweep: Sweep) -> None:
    kept = read_sealed(sweep.folder / INPUTS)
    try:
        write_sealed(sweep.folder / INPUTS, {**kept, "images": {"train": 200, "validation": 100}})
        assert "- data: digits: 200 images to train on, 100 to validate on; 1x8x8" in summary_markdown(
            sweep, sweep.trials()
        ), "of a sweep before the test was counted"
        (sweep.folder / INPUTS).unlink()
        assert "- data: digits\n" in summary_markdown(sweep, sweep.trials())
    finally:
        write_sealed(sweep.folder / INPUTS, kept)


def test_a_sweep_without_a_result_says_why(sweep: Sweep) -> None:
    said = summary_markdown(sweep, [])
    assert "sweep tiny has no result: no trial has ended an epoch" in said
    assert "### Asked" in said
    assert "trials: none yet" in said


@pytest.mark.parametrize("most", [150, 200, 230, 231, 300, 8000])
def test_what_is_too_long_is_cut_at_a_line_and_a_block_is_closed(most: int) -> None:
    lines = ["winner", "", *block("\n".join([*("layer" for _ in range(20)), "```", "odd"])), "", "cost"]
    said = fitted(lines, most)
    assert len(said) <= most
    if said != "\n".join(lines):
        *kept, _, last = said.splitlines()
        assert last == f"… {WHOLE}"
        if kept[-1] == "````":
            kept = kept[:-1] if kept != lines[: len(kept)] else kept
        assert kept == lines[: len(kept)]
        assert said.splitlines().count("````") in (0, 2)
