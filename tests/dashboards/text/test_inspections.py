"""What an inspection says on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from convscape.dashboards.text import inspection_json, inspection_lines
from convscape.trainers.insight import Drawing, Inspection, Omission

SEEN = Inspection(
    name="leaves, trial 7",
    folder=Path("inspected/leaves"),
    images="20 of 90 validation images",
    note="The last training learnt from the others.",
    drawings=(
        Drawing(
            file="dead.png", title="Dead", shows="Bars.", alarming="Long ones.", found="3 of 64 are dead.", png=b"1"
        ),
        Drawing(file="map.png", title="Map", shows="Points.", alarming="A cloud.", found="", png=b"2"),
    ),
    omissions=(Omission("Guided backpropagation", "This network has gelu."),),
    skipped=("a.jpg: is empty",),
)


def test_it_says_where_the_page_is_what_was_found_and_what_was_left_out() -> None:
    assert inspection_lines(SEEN).splitlines() == [
        "Inside leaves, trial 7, looked at with 20 of 90 validation images: 2 pictures.",
        "Open inspected/leaves/index.html",
        "  The last training learnt from the others.",
        "  1 could not be read, the first: a.jpg: is empty.",
        "  dead.png: 3 of 64 are dead.",
        "  Left out: Guided backpropagation. This network has gelu.",
    ]


def test_json_has_the_files_and_the_words_of_each_picture() -> None:
    told = json.loads(json.dumps(inspection_json(SEEN)))
    assert told["files"] == ["index.html", "dead.png", "map.png", "inspection.json"]
    assert told["pictures"][0]["found"] == "3 of 64 are dead."
    assert told["omitted"] == [{"title": "Guided backpropagation", "why": "This network has gelu."}]
