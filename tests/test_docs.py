"""The pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from convscape import cli
from convscape.search.config import DataConfig, SweepConfig, recipe_space, schema, sweep_file
from convscape.search.figures import Plots
from convscape.search.frames import (
    CURVE_COLUMNS,
    IMPORTANCE_COLUMNS,
    PAIR_COLUMNS,
    PATH_COLUMNS,
    RUNG_COLUMNS,
    TRIAL_COLUMNS,
)
from convscape.search.questions import MINE, QUESTIONS
from convscape.spaces.classics import classic_space
from convscape.spaces.conv_space import settings
from convscape.spaces.errors import NotationError
from convscape.spaces.notation import to_notation
from convscape.spaces.parsing import IDENTITY, WORDS, parse_notation
from pydantic import BaseModel

ROOT = Path(__file__).parent.parent


def keys() -> set[str]:
    found = {f"space.{key}" for key in settings.KEYS} | {f"recipe.{key}" for key in recipe_space.KEYS}
    for name, field in schema.SweepConfig.model_fields.items():
        section = next(iter(get_args(field.annotation)), None) if name == "question" else field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            found |= {f"{name}.{key}" for key in section.model_fields}
        elif name not in ("space", "recipe"):
            found.add(name)
    return found


def test_the_page_of_the_sweep_file_has_every_key_and_no_other() -> None:
    page, others = (ROOT / "docs" / "sweep-file.md").read_text().split("## `space` around a classic")
    assert rows(page) == keys()
    assert rows(others) == {"space.class"} | {f"space.{key}" for key in classic_space.KEYS}


def test_the_page_of_the_sweep_file_says_the_defaults_as_they_are() -> None:
    page = (ROOT / "docs" / "sweep-file.md").read_text().split("## `space` around a classic")[0]
    said = dict(re.findall(r"^\| `([a-z_.]+)` \| `(.+?)` \|", page, re.MULTILINE))
    config = SweepConfig(name="try", data=DataConfig(name="digits")).to_json()
    known = {f"{part}.{key}": value for part in ("search", "space", "recipe") for key, value in config[part].items()}
    wrong = {key: known[key] for key, text in said.items() if key in known and yaml.safe_load(text) != known[key]}
    assert wrong == {}


def rows(page: str) -> set[str]:
    """The keys that a page's tables explain."""
    return set(re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE))


def test_the_sweep_files_of_the_guide_to_spaces_are_some() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "spaces.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        text = f"name: try\ndata: {{name: digits}}\n{block}"
        sweep_file.parse_sweep_file(text, str(ROOT / "examples" / "sweep.yaml"), trust="folders").network_space().check(
            (1, 8, 8)
        )


READING = (ROOT / "docs" / "reading-the-page.md").read_text()


@pytest.mark.parametrize(
    ("frame", "columns"),
    {
        "trials": TRIAL_COLUMNS,
        "curves": CURVE_COLUMNS,
        "rungs": RUNG_COLUMNS,
        "importance": IMPORTANCE_COLUMNS,
        "path": PATH_COLUMNS,
        "pairs": PAIR_COLUMNS,
    }.items(),
)
def test_the_guide_to_the_page_says_every_column_of_the_frames_in_their_words(
    frame: str, columns: dict[str, str]
) -> None:
    table = READING.split(f"### `{frame}`\n")[1].split("###")[0]
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE) == list(columns.items())


def test_the_guide_to_the_page_names_every_figure_of_a_notebook() -> None:
    figures = {name for name in vars(Plots) if not name.startswith("_")}
    assert set(re.findall(r"`(\w+)\(\w*\)`", READING)) == figures


def test_the_guide_to_questions_has_each() -> None:
    guide = (ROOT / "docs" / "questions.md").read_text()
    assert re.findall(r"^\| `([a-z-]+)` \|", guide, re.MULTILINE) == [*QUESTIONS, MINE]


@pytest.mark.parametrize("question", ["filters", "padding", "pooling"])
def test_a_kept_answer_says_first_what_it_rests_on_and_how_to_make_it_again(question: str) -> None:
    page = (ROOT / "docs" / "answers" / f"{question}.md").read_text()
    assert re.match(r"# .+\? n = \d+ pairs, \d seeds each, \d+ epochs, (\d+|none) left out\n", page)
    assert f"\nconvscape ask {question} examples/questions.yaml --set data.root=PATH" in page
    assert "## Beside what is published" in page


NOTATION = (ROOT / "docs" / "notation.md").read_text().replace("\\|", "|")
EXAMPLES = re.findall(r"(?:`|^)(INPUT\[\d[^`\n]*)", NOTATION, re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_notation_is_a_network_and_reads_back(example: str) -> None:
    network = parse_notation(example)
    assert parse_notation(to_notation(network)) == network


def test_the_page_of_the_notation_shows_every_word_and_option_and_an_example_in_every_row() -> None:
    rows = re.findall(r"^\| `.*", NOTATION, re.MULTILINE)
    assert [row for row in rows if not re.search(r"`INPUT\[\d[^`]*` \|$", row)] == []
    text = "\n".join(EXAMPLES)
    assert [word for word in (*WORDS, IDENTITY) if not re.search(rf"\b{word}(?![A-Z])", text)] == []
    for start in ("INPUT[8x8x1] -> CONV3-4", "INPUT[8x8x1] -> LRN5"):
        with pytest.raises(NotationError) as caught:
            parse_notation(f"{start} what")
        options = re.findall(r"(?<= )[a-z]+=?(?=\S*,)", caught.value.message.splitlines()[0])
        assert len(options) >= 3
        assert [option for option in options if not re.search(rf" {option}", text)] == []


@pytest.mark.parametrize(
    "page",
    [path.relative_to(ROOT) for path in ROOT.glob("*.md")]
    + [
        Path(f"docs/{name}.md")
        for name in ("cluster", "sweep-file", "spaces", "notation", "optuna", "reading-the-page", "winner")
    ]
    + [path.relative_to(ROOT) for path in (ROOT / "docs" / "decisions").glob("*.md")]
    + [Path("examples/cluster/README.md")],
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
        assert (ROOT / page.parent / target).exists(), target


def test_every_command_of_the_readme_is_one() -> None:
    names = {command.name or command.callback.__name__ for command in cli.app.registered_commands if command.callback}
    used = set(re.findall(r"convscape (\w+)", (ROOT / "README.md").read_text())) - {"finds"}
    assert used
    assert used <= names
