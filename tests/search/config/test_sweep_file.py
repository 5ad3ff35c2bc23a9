"""sweep.yaml: every key, and every mistake with its file, line, key and remedy."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from convscape.search.config.recipe_space import DEFAULTS as RECIPE_DEFAULTS
from convscape.search.config.schema import SweepConfig
from convscape.search.config.sweep_file import parse_sweep_file, read_sweep_file
from convscape.search.proposals import DesignSpace
from convscape.spaces.conv_space.settings import DEFAULTS as SPACE_DEFAULTS
from convscape.spaces.errors import ConfigError
from hypothesis import example, given, strategies as st

LEAST = "name: try\ndata: {name: digits}\n"


def refused(text: str, *overrides: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_sweep_file(text, "sweep.yaml", overrides)
    return caught.value


def test_the_least_a_file_holds_and_its_defaults() -> None:
    config = parse_sweep_file(LEAST)
    assert (config.name, config.data.name, config.folder) == ("try", "digits", Path("sweeps"))
    assert config.space == SPACE_DEFAULTS
    assert config.recipe == RECIPE_DEFAULTS
    assert (config.search.trials, config.search.epochs, config.search.seed, config.search.seconds) == (
        50,
        "auto",
        0,
        None,
    )
    assert config.tracking.experiment == "convscape"
    assert config.tracking_uri == f"sqlite:///{Path('sweeps').resolve() / 'mlflow.db'}"


def test_every_key_can_be_written() -> None:
    everything: dict[str, Any] = {
        "name": "all", "folder": "elsewhere",
        "data": {"name": "folder", "root": "/data", "train": 100, "validation": 0.25, "size": [32, 48], "memory": 10**9,
                 "resize": "pad"},
        "space": SPACE_DEFAULTS, "recipe": RECIPE_DEFAULTS,
        "search": {
            "trials": 3, "seconds": 1.5, "epochs": 4, "seed": 7, "sampler": "random", "promotion": "none",
            "brackets": 2, "first_rung": 2, "reduction": 4,
            "objectives": ("accuracy", "macs"), "finalists": 2, "seeds": 5, "refit": False, "cross_validate": False,
            "start": ["lenet5", {"sweep": "former", "best": 3}],
            "baselines": [{"network": "vgg11", "recipe": {"learning_rate": 0.01}}],
        },
        "budget": {
            "parameters": 1000, "macs": 10_000, "inference_memory": 10**6, "training_memory": 10**8,
            "over_budget": "shrink",
        },
        "resources": {
            "workers": 2, "cpus": 0.5, "gpus": 0.25, "runner": "ray", "address": "auto", "precision": "bfloat16",
            "compile": True, "cuda_graphs": True, "epoch_seconds": 600.0,
        },
        "tracking": {"uri": "http://host:5000", "experiment": "mine"},
        "code": ["/lib/of/mine"],
    }  # fmt: skip
    config = parse_sweep_file(yaml.safe_dump(json.loads(json.dumps(everything))))
    written, everything = config.to_json(), json.loads(json.dumps(everything))
    for section, values in everything.items():
        if isinstance(values, dict):
            assert written[section].items() >= values.items()
            assert section in ("space", "recipe") or set(values) == set(type(getattr(config, section)).model_fields)
        else:
            assert written[section] == values
    assert config.tracking_uri == "http://host:5000"
    assert SweepConfig.model_validate(written) == config


@pytest.mark.parametrize(
    ("line", "key", "says", "remedy"),
    [
        ("search: {trails: 3}", "search.trails", "unknown key", "Did you mean 'trials'?"),
        ("serach: {trials: 3}", "serach", "unknown key", "Did you mean 'search'?"),
        ("int: {trials: 3}", "int", "unknown key", "name"),
        ("search: {float: 3}", "search.float", "unknown key", "trials"),
        ("question: {ask: padding, rate: 1}", "question.rate", "unknown key", "Did you mean 'rates'?"),
        ("question: {ask: padding, rates: [0.1, -1]}", "question.rates", "-1: ", ""),
        ("variants: {a: {}, b: {blok: plain}}", "variants.b.blok", "unknown key", "Did you mean 'block'?"),
        ("variants: {a: {}, b: {block: plane}}", "variants.b.block", "'plane'", ""),
        ("variants: {a: {}, b: {stage1: {kernal: 3}}}", "variants.b.stage1.kernal", "unknown key", "'kernel'"),
        ("space: {kernal: 3}", "space.kernal", "unknown key", "Did you mean 'kernel'?"),
        ("recipe: {learning_rat: 0.1}", "recipe.learning_rat", "unknown key", "Did you mean 'learning_rate'?"),
        ("search: {trials: 0}", "search.trials", "0: ", "Networks to train"),
        ("search: {trials: many}", "search.trials", "'many'", "Networks to train"),
        ("search: {trials: 1.5}", "search.trials", "1.5", ""),
        ("search: {epochs: -1}", "search.epochs", "-1", ""),
        ("search: {seconds: 0}", "search.seconds", "0", "Time budget"),
        ("search: {seed: -1}", "search.seed", "-1", ""),
        ("search: {sampler: magic}", "search.sampler", "'magic' is no sampler", ""),
        ("search: {reduction: 1}", "search.reduction", "1", ""),
        ("search: {epochs: 3, first_rung: 4}", "search.first_rung", "end after 3 epochs: use at most 3", "judged"),
        (
            "search: {epochs: 9, brackets: 4}",
            "search.brackets",
            "bracket 4 would first judge after 27 epochs",
            "Groups of trials",
        ),
        ("search: {epochs: 9, promotion: stopping, brackets: 17}", "search.brackets", "after 9: use at most 3", ""),
        ("search: {promotion: asha}", "search.promotion", "'halving'", "Which trials go on"),
        ("search: [1]", "search", "", ""),
        ("space: {stages: 13}", "space.stages", "13 is out of range", "from 0 to 12"),
        ("space: {kernel: [3, 3]}", "space.kernel", "listed twice", ""),
        ("space: {padding: full}", "space.padding", "'full' is not known", ""),
        ("space: {dropout: {low: 0, high: 2}}", "space.dropout.high", "2 is out of range", ""),
        ("space: 3", "space", "", ""),
        ("recipe: {batch_size: 1}", "recipe.batch_size", "1 is out of range", "from 2"),
        ("budget: {macs: 0}", "budget.macs", "0", "multiply-accumulates"),
        ("budget: {training_memory: 2 XB}", "budget.training_memory", "'2 XB'", ""),
        ("resources: {cpus: 0}", "resources.cpus", "0", "CPUs"),
        ("resources: {runner: slurm}", "resources.runner", "'ray'", ""),
        ("resources: {gpus: 3, runner: inline}", "resources.runner", "resources.gpus up to 1", "in this process"),
        ("resources: {runner: inline, gpus: auto}", "resources.runner", "use resources.gpus: 1", "in this process"),
        ("resources: {gpus: auto, cpus: 2}", "resources.gpus", "leave resources.cpus out", "GPUs a trial gets"),
        ("resources: {gpus: all}", "resources.gpus", "such as 0.25 or 1, or auto", ""),
        ("resources: {gpus: -1}", "resources.gpus", "a number from 0 to 1,024", ""),
        ("resources: {gpus: .inf}", "resources.gpus", "a number from 0 to 1,024", ""),
        ("resources: {gpus: 1.5}", "resources.gpus", "above one, GPUs are given whole", ""),
        ("resources: {runner: inline, gpus: 2}", "resources.runner", "or use `runner: ray`", ""),
        ("resources: {runner: inline, epoch_seconds: 60}", "resources.runner", "leave resources.epoch_seconds out", ""),
        ("tracking: {url: x}", "tracking.url", "unknown key", "Did you mean 'uri'?"),
        ("tracking: {experiment: ''}", "tracking.experiment", "leave it out for 'convscape'", "MLflow experiment"),
        ("tracking: {experiment: ' '}", "tracking.experiment", "leave it out for 'convscape'", ""),
        ("tracking: {uri: 'sqlite://mlflow.db'}", "tracking.uri", "before its path: sqlite:///mlflow.db", ""),
        ("tracking: {uri: 'sqlite:/data/x.db'}", "tracking.uri", "before its path: sqlite:////data/x.db", ""),
        ("tracking: {uri: 'sqlite:x.db'}", "tracking.uri", "before its path: sqlite:///x.db", ""),
    ],
)
def test_a_mistake_names_its_line_its_key_and_what_to_do(line: str, key: str, says: str, remedy: str) -> None:
    error = refused(f"{LEAST}# a comment\n{line}\n")
    assert error.key == key
    assert error.message.startswith(f"sweep.yaml:4: {key}: ")
    assert says in error.message
    assert remedy in error.remedy
    assert len(str(error).splitlines()) <= 3


def test_what_may_stand_without_brackets_or_settings_of_its_own() -> None:
    config = parse_sweep_file(LEAST + "question: {ask: mine, rates: 0.1}\nvariants: {as it is: , small: {filters: 8}}")
    assert config.question is not None
    assert config.question.rates == (0.1,)
    assert config.variants == {"as it is": {}, "small": {"filters": 8}}


def test_a_variant_may_have_fewer_stages_than_the_space_has_settings_for() -> None:
    space = "space: {stages: [2, 3], stage3: {filters: 48}}\nvariants: {two: {stages: 2}, three: {stages: 3}}"
    assert set(parse_sweep_file(LEAST + space).variants) == {"two", "three"}


def test_what_a_space_of_ones_own_says_of_a_variant_is_passed_on_whole(tmp_path: Path) -> None:
    code = "from convscape.spaces import SpaceError\nclass Mine:\n    def __init__(self, width=2):\n"
    code += "        if width % 2: raise SpaceError('width (=3): must be even')\n"
    code += "    def sample(self, trial, input, classes): ...\n    def check(self, input): ...\n"
    (tmp_path / "minespace.py").write_text(code)
    text = f"{LEAST}code: [{tmp_path}]\nspace: {{class: minespace.Mine}}\nvariants: {{a: {{}}, b: {{width: 3}}}}"
    with pytest.raises(ConfigError, match=r"variants\.b.*width \(=3\): must be even"):
        parse_sweep_file(text, trust="everything")


@pytest.mark.parametrize("gpus", [0, 0.5, 1])
def test_inline_takes_no_more_than_one_gpu(gpus: float) -> None:
    assert parse_sweep_file(LEAST + f"resources: {{runner: inline, gpus: {gpus}}}").resources.runner == "inline"


@pytest.mark.parametrize("share", ["0", "1.0", "-0.5", "1.5", "all"])
def test_an_amount_is_a_number_of_images_or_a_share(share: str) -> None:
    assert refused(f"name: a\ndata:\n  name: digits\n  train: {share}\n").message.startswith(
        "sweep.yaml:4: data.train: "
    )


def test_the_line_of_a_key_in_a_block() -> None:
    assert refused(LEAST + "search:\n  epochs: 3\n\n  trials: 0\n").message.startswith("sweep.yaml:6: search.trials: ")


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "a b", "a" * 65, "é"])
def test_a_name_must_do_as_a_folder(name: str) -> None:
    assert refused(f"name: {name!r}\ndata: {{name: digits}}\n").key == "name"


@pytest.mark.parametrize("root", ["https://example.com/images.zip", "s3://me:secret@bucket/images"])
def test_images_at_an_address_of_another_kind_are_refused_with_what_to_do(root: str) -> None:
    text = f"name: a\ndata:\n  name: folder\n  root: {root}\n"
    assert refused(text).message.startswith("sweep.yaml:4: data.root: ")
    assert refused(text).message.endswith(" cannot be where images lie")
    assert "secret" not in str(refused(text))
    assert refused("name: a\ndata: {name: folder}\n", f"data.root={root}").key == "data.root"


def test_what_is_missing_is_named_with_an_example() -> None:
    assert refused("data: {name: digits}").remedy == "Add it: name: my-sweep"
    assert refused("name: a").message == "sweep.yaml: data: missing"
    assert refused("name: a\ndata: {train: 5}").message == "sweep.yaml:2: data.name: missing"
    assert refused("").key in ("name", "data")


def test_a_key_written_twice_is_refused_with_both_lines() -> None:
    error = refused("name: a\ndata: {name: digits}\nsearch:\n  trials: 3\n  epochs: 2\n  trials: 4\n")
    assert error.message == "sweep.yaml:6: search.trials: written twice, first on line 4"


@pytest.mark.parametrize("text", ["[1, 2]", "just text", "3", "null: 1"])
def test_a_file_that_is_no_mapping_of_settings(text: str) -> None:
    refused(text)


def test_broken_yaml_is_pointed_at() -> None:
    assert refused("name: a\ndata: {name: digits\nsearch: 3\n").message.startswith("sweep.yaml:3: column ")


def test_a_character_that_yaml_does_not_allow() -> None:
    assert refused("name: a\ndata: \x00\n").message == "sweep.yaml:2: a character YAML does not allow: U+0000"


def test_yaml_that_makes_objects_is_refused() -> None:
    refused("name: !!python/object/apply:os.system ['true']\ndata: {name: digits}")


def test_numbers_as_people_write_them() -> None:
    config = parse_sweep_file(LEAST + "recipe: {weight_decay: 1e-3, learning_rate: 5E-2}\nbudget: {macs: 20_000_000}\n")
    assert config.recipe["weight_decay"] == 0.001
    assert config.recipe["learning_rate"] == 0.05
    assert config.budget.macs == 20_000_000
    assert parse_sweep_file(LEAST + "budget: {training_memory: 2 GB}\n").budget.training_memory == 2 * 10**9


@pytest.mark.parametrize(
    ("written", "drawn"),
    [("null", {None}), ("2.0", {2.0}), ("[null, 2.0]", {None, 2.0}), ("[0.5, 2, null]", {None, 0.5, 2})],
)
def test_clipping_can_be_searched_against_not_clipping(written: str, drawn: set[float | None]) -> None:
    config = parse_sweep_file(LEAST, "sweep.yaml", [f"recipe.gradient_clip={written}"])
    assert {design.recipe.gradient_clip for design in DesignSpace.of(config, (1, 8, 8), 10).draw(30, 0)} == drawn


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[null, null]", "listed twice"),
        ("[null, 0]", "out of range"),
        ("[null, soft]", "no number"),
        ("[]", "empty list"),
    ],
)
def test_what_is_no_limit_of_a_gradient_is_named(written: str, says: str) -> None:
    error = refused(LEAST, f"recipe.gradient_clip={written}")
    assert (error.key, says in error.message) == ("recipe.gradient_clip", True)


def test_overrides_win_and_reach_into_sections() -> None:
    config = parse_sweep_file(
        LEAST + "search: {trials: 9}\n",
        overrides=["search.trials=3", "search.seconds=1e1", "space.kernel=[3, 5]", "name=other", "data.root=a b=c"],
    )
    assert (config.search.trials, config.search.seconds, config.name) == (3, 10.0, "other")
    assert config.space["kernel"] == [3, 5]
    assert config.data.root == Path("a b=c").absolute()


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("search.trials=0", "--set: search.trials: 0"),
        ("search.trails=3", "--set: search.trails: unknown key"),
        ("space.kernel=99", "--set: space.kernel: 99 is out of range"),
        ("space.dropout={low: 0, high: 2}", "--set: space.dropout.high"),
        ("search.trials", "--set search.trials: not key=value"),
        ("=3", "--set =3: not key=value"),
        ("name.first=3", "name holds a value"),
        ("search.trials=2020-13-40", "--set: search.trials: '2020-13-40'"),
        ("search.trials=" + "[" * 5_000, "--set: search.trials"),
    ],
)
def test_a_mistake_in_an_override_says_so(override: str, says: str) -> None:
    error = refused(LEAST + "search: {epochs: 2}\n", override)
    assert says in error.message
    assert "sweep.yaml" not in error.message


def test_a_mistake_of_the_file_is_not_blamed_on_an_override() -> None:
    assert refused(LEAST + "search: {trials: 0}\n", "search.epochs=3").message.startswith("sweep.yaml:3: search.trials")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_sweep_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_sweep_file(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("latin-1", r"sweep\.yaml:3: not UTF-8 text: byte 0xE9\n  Save it as UTF-8"),
        ("utf-16", r"sweep\.yaml: it is UTF-16 text\n  Save it as UTF-8"),
        ("utf-16-le", "it is UTF-16 text"),
        ("utf-16-be", "it is UTF-16 text"),
    ],
)
def test_text_that_is_no_utf8_is_told_with_its_line(tmp_path: Path, encoding: str, says: str) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_bytes((LEAST + "# café\n").encode(encoding))
    with pytest.raises(ConfigError) as caught:
        read_sweep_file(file)
    assert re.search(says, str(caught.value))


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(LEAST, encoding="utf-8-sig")
    assert read_sweep_file(tmp_path / "sweep.yaml").name == "try"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
name: a b
data: {name: digits, train: all}
recipe: {learning_rat: 0.1, momentum: 2}
search:
  trials: many
  start: [lenet6, lenet7]
  baselines: [{sweep: x, bst: 3}]
space: {kernal: 3, filters: huge, stage1: {kernel: 99}}
serach: {trials: 3}
"""
    error = refused(text, "resources.cpus=0", "budget.macs=few")
    assert str(error).splitlines()[0] == "The first 10 of 14 mistakes:"
    assert [each.key for each in error.each] == [
        "name", "data.train", "recipe.learning_rat", "recipe.momentum", "search.trials", "search.start[0]",
        "search.start[1]", "search.baselines[0]", "space.kernal", "space.filters",
    ]  # fmt: skip
    many = "\n".join(f"  nothing{number}: 1" for number in range(30))
    assert str(refused(f"{LEAST}search:\n{many}")).startswith("The first 10 of at least 30 mistakes:")
    assert str(refused(f"{LEAST}space:\n{many}")).startswith("The first 10 of at least 30 mistakes:")
    few = refused("name: try\ndata: {name: digits}\nspace: {kernal: 3}\n", "search.trials=0", "recipe.crop=-1")
    assert str(few) == (
        "3 mistakes:\n"
        "sweep.yaml:3: space.kernal: unknown key\n  Did you mean 'kernel'?\n"
        "--set: search.trials: 0: input should be greater than or equal to 1\n"
        f"  {refused(LEAST, 'search.trials=0').remedy}\n"
        f"{refused(LEAST, 'recipe.crop=-1')}"
    )


def test_what_is_missing_hides_no_other_mistake() -> None:
    assert [each.key for each in refused("space: {kernal: 3}\n").each] == ["space.kernal", "name", "data"]


def test_settings_of_another_kind_of_space_are_named_with_their_reason() -> None:
    error = refused(LEAST + "space:\n  stages: 2\n  stage1: {kernel: 3}\n", "space.base=lenet6")
    assert [each.message for each in error.each] == [
        "sweep.yaml:4: space.stages: `base` excludes `stages`, `stage1`",
        "--set: space.base: 'lenet6' is not known",
    ]
    assert error.each[1].remedy == "Did you mean 'lenet5'?"


@pytest.mark.parametrize("value", ["3,5", "3, 5", "3 ,5"])
def test_a_list_without_brackets_is_told_how_to_write_one(value: str) -> None:
    remedy = refused(LEAST, f"space.kernel={value}").remedy
    assert remedy == f"For a choice: --set {shlex.quote(f'space.kernel=[{value}]')}"
    written = shlex.split(remedy)[-1]
    assert parse_sweep_file(LEAST, overrides=[written]).space["kernel"] == [3, 5]
    assert refused(LEAST + f"space:\n  kernel: {value}\n").remedy == f"For a choice: kernel: [{value}]"
    assert "For a choice" not in refused(LEAST + "search: {trials: '3,5'}\n").remedy


@pytest.mark.parametrize(
    ("line", "key", "choice"),
    [
        ("space: {kernel: 3,5}", "space.5", "kernel: [3, 5]"),
        ("space: {stages: 1, kernel: 3, 5, norm: none}", "space.5", "kernel: [3, 5]"),
        ("recipe: {learning_rate: 0.1, 0.01}", "recipe.0.01", "learning_rate: [0.1, 0.01]"),
    ],
)
def test_a_list_without_brackets_in_a_line_of_settings_is_told_how_to_write_one(
    line: str, key: str, choice: str
) -> None:
    error = refused(LEAST + line + "\n")
    assert str(error) == f"sweep.yaml:3: {key}: unknown key\n  For a choice: {choice}"
    section = line.partition(":")[0]
    parse_sweep_file(LEAST + f"{section}: {{{choice}}}\n")
    remedy = refused(LEAST, line.replace(": ", "=", 1)).remedy
    assert remedy == f"For a choice: --set {shlex.quote(f'{section}.{choice}'.replace(': ', '=', 1))}"


def test_each_value_of_a_longer_list_without_brackets_is_told_the_whole_list() -> None:
    error = refused(LEAST + "space: {filters: 8,16,32, kernal: 3}\n")
    assert [(each.key, each.remedy) for each in error.each] == [
        ("space.16", "For a choice: filters: [8, 16, 32]"),
        ("space.32", "For a choice: filters: [8, 16, 32]"),
        ("space.kernal", "Did you mean 'kernel'?"),
    ]


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("search: {trials: 3, 5}", "search.5", "Known: seconds, trials, "),
        ("space: {3: 4}", "space.3", "Meaning: Which networks"),
        ("space: {stages: [1], 3}", "space.3", "Meaning: Which networks"),
        ("3: 4", "3", "Known: name, folder, "),
    ],
)
def test_a_key_that_is_no_text_is_unknown(line: str, message: str, remedy: str) -> None:
    error = refused(LEAST + line + "\n")
    assert error.message == f"sweep.yaml:3: {message}: unknown key"
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize("section", ["space", "recipe"])
def test_a_number_for_a_section_is_told_as_it_is_written(section: str) -> None:
    assert refused(LEAST + f"{section}: 3\n").message.startswith(f"sweep.yaml:3: {section}: 3: ")
    assert refused(LEAST, f"{section}=3").message.startswith(f"--set: {section}: 3: ")


@pytest.mark.parametrize("name", ["12", "1.10", "010", "2024", "1e3", "true", "2024-01-01", "no", "1_000", "0x10"])
def test_a_text_is_taken_as_it_is_written(name: str) -> None:
    assert parse_sweep_file(LEAST, overrides=[f"name={name}"]).name == name
    assert parse_sweep_file(f"name: {name}\ndata: {{name: digits, root: {name}}}\n").name == name
    assert parse_sweep_file(LEAST, overrides=[f"data.root={name}"]).data.root == Path(name).absolute()
    assert parse_sweep_file(LEAST, overrides=[f"tracking.experiment= {name} "]).tracking.experiment == name


@pytest.mark.parametrize(
    ("written", "read"),
    [("010", 10), ("08", 8), ("0x1F", 31), ("0o10", 8), ("500_000", 500_000), ("+3", 3), ("1e3", 1000)],
)
def test_a_number_is_what_it_looks_like(written: str, read: int) -> None:
    assert parse_sweep_file(LEAST + f"search: {{trials: {written}}}\n").search.trials == read
    assert parse_sweep_file(LEAST, overrides=[f"search.trials={written}"]).search.trials == read


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("search: {seconds: 1:30}", "search.seconds: '1:30'"),
        ("search: {trials: 0b11}", "search.trials: '0b11'"),
        ("recipe: {flip: yes}", "recipe.flip: 'yes' is not known"),
        ("recipe: {flip: [on, off]}", "recipe.flip: 'on' is not known"),
        ("space: {kernel: 2024-01-01}", "space.kernel: '2024-01-01' is no whole number"),
    ],
)
def test_what_yaml_reads_otherwise_than_people_do_is_refused(line: str, says: str) -> None:
    assert says in refused(f"{LEAST}{line}\n").message


def test_truth_is_written_true() -> None:
    assert refused(LEAST + "recipe: {flip: yes}\n").remedy == "Write true or false."
    assert parse_sweep_file(LEAST + "search: {refit: no}\n").search.refit is False


keys = st.sampled_from([
    "name", "data", "space", "search", "kernel", "trials", "folder", "budget", "recipe", "low", "class", "base", "code",
])  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def is_config_or_error(text: str, *overrides: str) -> None:
    try:
        assert isinstance(parse_sweep_file(text, "sweep.yaml", overrides), SweepConfig)
    except ConfigError as error:
        assert len(str(error).splitlines()) <= 31, str(error)  # noqa: PT017 - either outcome is right


@given(st.text())
@example("? [a]\n: 1")
@example("a: &x [*x]")
@example("&a {name: *a}")
@example("<<: 3")
@example("{1: 2, 1: 3}")
@example("\x00")
@example("name: 0xzz\ndata: 2020-13-40")
@example("[" * 5_000)
def test_any_text_is_a_config_or_an_error(text: str) -> None:
    is_config_or_error(text)


@given(st.dictionaries(keys, values, max_size=6), st.lists(st.tuples(keys, keys, st.text(max_size=8)), max_size=2))
def test_any_document_is_a_config_or_an_error(document: dict, sets: list[tuple[str, str, str]]) -> None:
    text = yaml.safe_dump({"name": "a", "data": {"name": "digits"}, **document}, allow_unicode=True)
    is_config_or_error(text, *(f"{first}.{second}={value}" for first, second, value in sets))


def test_an_unknown_data_set_is_told_with_the_other_mistakes() -> None:
    error = refused("name: try\ndata: {name: foldr}\nsearch: {trialz: 3}\nbudget: {parameters: -3}\n")
    assert [each.message for each in error.each][:2] == [
        "sweep.yaml:2: data.name: 'foldr' is not known", "sweep.yaml:3: search.trialz: unknown key",
    ]  # fmt: skip
    assert error.each[0].remedy.startswith("Did you mean 'folder'?")
    assert len(error.each) == 3


def test_what_a_setting_means_is_one_line() -> None:
    error = refused("name: try\ndata: {name: digits, size: large}\n")
    assert error.remedy.startswith("Meaning: Height and width in pixels that images are brought to")
    assert "\n" not in error.remedy
