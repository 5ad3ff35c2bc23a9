"""What the page is made of: key figures, networks, pictures, values that JSON can hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.dashboards.page import page_content, pictures_of
from convscape.dashboards.page.key_figures import key_figures
from convscape.dashboards.page.networks import page_networks
from convscape.dashboards.page.pictures import MOST_BYTES
from convscape.spaces import cost_table, parse_notation
from convscape.trainers.insight import INSPECTION

from .made_up import record, source, states

if TYPE_CHECKING:
    from pathlib import Path


def figures(made: Any) -> dict[str, tuple[str, str]]:
    return {each["label"]: (each["value"], each["note"]) for each in key_figures(made)}


def test_key_figures_have_n_and_spread() -> None:
    records = [record(number) for number in range(4)]
    records += [record(4 + at, role="repeat", repeats=3, accuracies={1: 0.6, 2: 0.8 + at / 10}) for at in range(2)]
    told = figures(source(records))
    assert told["winner over seeds"] == ("0.8500", "trial 3, 2 other seeds, deviation 0.0707")
    assert told["best accuracy"] == ("0.6800", "trial 3, ±0.0900 by 100 images, one run")  # Wilson, n = 100
    assert told["trials"] == ("4", "4 to full length")
    assert told["epochs"][0] == "16"


def test_the_best_accuracy_need_not_be_the_winner_s() -> None:
    records = [record(0), record(1)]
    records[0].accuracies[3] = 0.95
    records.append(record(2, role="repeat", repeats=1, accuracies={3: 0.9}))
    told = figures(source(records))
    assert told["best accuracy"][0] == "0.9500"
    assert told["winner over seeds"] == ("0.9000", "trial 1, 1 other seeds")
    assert told["parameters"][1] == "of the winner, trial 1"
    records[2].state = "failed"
    assert "winner over seeds" not in figures(source(records))


def test_a_sweep_without_a_result_has_no_accuracy() -> None:
    told = figures(states()["all failed"])
    assert "best accuracy" not in told
    assert told["trials"] == ("3", "3 failed")


@pytest.mark.parametrize("state", states())
def test_every_content_is_strict_json(state: str) -> None:
    content = page_content([states()[state]])
    assert json.loads(json.dumps(content, allow_nan=False))["count"] == len(states()[state].frames.trials)
    assert all(len(values) == content["count"] for values in content["rows"].values())


def test_networks_are_their_layer_tables() -> None:
    notations = ["INPUT[8x8x1] -> CONV3-4 -> GAP -> FC-10", "nonsense", "INPUT[8x8x1] -> CONV3-4 -> GAP -> FC-10"]
    told = page_networks(notations)
    assert told["network"] == [0, None, 0]
    (network,) = told["networks"]
    table = cost_table(parse_notation(notations[0]))
    assert [told["layers"][at][1] for at in network] == [row.name for row in table.rows]
    assert sum(told["layers"][at][3] for at in network) == table.totals.parameters
    assert [told["layers"][at][2] for at in network][:2] == [(8, 8, 1), (8, 8, 4)]


def test_several_sweeps_have_their_own_importance_and_one_table() -> None:
    pair = [source([record(number) for number in range(3)], name=name) for name in ("a", "b")]
    content = page_content(pair)
    assert content["title"] == "a and b"
    assert content["rows"]["sweep"] == ["a"] * 3 + ["b"] * 3
    ids = [plot["id"] for plot in content["plots"]]
    assert len(ids) == len(set(ids))
    assert {"importance-0", "importance-1"} <= set(ids)


def inspected(folder: Path, digest: str, size: int = 100) -> Path:
    folder.mkdir()
    names = []
    for at in range(2):
        (folder / f"{at}.png").write_bytes(b"\x89PNG" + bytes(size))
        names.append({"file": f"{at}.png", "title": f"picture {at}", "shows": "it shows", "alarming": "", "found": "x"})
    told = {"format": INSPECTION.formats[0], "architecture": digest, "pictures": names}
    INSPECTION.write_manifest(folder, told, [f"{at}.png" for at in range(2)])
    return folder


def test_pictures_are_those_of_the_winner_s_network(tmp_path: Path) -> None:
    folder = inspected(tmp_path / "seen", "abc")
    assert [picture.title for picture in pictures_of("abc", [tmp_path / "nix", folder])] == ["picture 0", "picture 1"]
    assert pictures_of("other", [folder]) == []
    shown = page_content([replace(source([record(0)]))], pictures=pictures_of("abc", [folder]))["pictures"]
    assert shown[0]["src"].startswith("data:image/png;base64,")


def test_pictures_that_are_too_large_or_none_are_left_out(tmp_path: Path) -> None:
    large = inspected(tmp_path / "large", "abc", MOST_BYTES // 2 + 10)
    assert len(pictures_of("abc", [large])) == 1
    changed = inspected(tmp_path / "changed", "abc")
    (changed / "0.png").write_text("<svg onload=alert(1)>")
    assert [picture.title for picture in pictures_of("abc", [changed])] == ["picture 1"]
    (changed / INSPECTION.manifest).write_text("{")
    assert pictures_of("abc", [changed]) == []
