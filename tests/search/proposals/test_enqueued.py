"""Designs named in the sweep file: what they mean, that each is trained once, and that baselines run to the end."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import sweep_file
from convscape.search.config.data import load_data
from convscape.search.config.schema import SweepConfig
from convscape.search.driver.preflight import check_designs
from convscape.search.files import CONFIG, STUDY
from convscape.search.proposals import DesignSpace, proposals
from convscape.search.proposals.enqueued import initial_designs
from convscape.search.proposals.scripted_trials import NearestTrial
from convscape.search.study import read_params, read_trials
from convscape.search.study.study import Study
from convscape.search.sweep import Sweep
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.errors import ConfigError
from convscape.spaces.lookup import load_architecture
from convscape.testing.simulation import FIXED_RECIPE, SMALL_SPACE, config, drive, fates, finish, good, opened, reports
from convscape.trainers.recipe import Recipe
from hypothesis import example, given, settings, strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.records import Enqueued
    from convscape.search.records.trial import TrialRecord
    from convscape.spaces.architecture import Architecture
    from convscape.spaces.contract import Space

INPUT = (1, 8, 8)
LINE = "INPUT[8x8x1] -> CONV3-4 -> RELU -> POOL2 -> FC-10"
WIDE = "INPUT[8x8x1] -> CONV3-8 -> RELU -> POOL2 -> FC-10"
DEEP = "INPUT[8x8x1] -> [CONV3-8 -> RELU]*2 -> POOL2 -> FC-10"
NAMED = {"start": [LINE, "lenet5"], "baselines": [DEEP]}


def named_in(config: SweepConfig, input: tuple[int, int, int], classes: int) -> list[Enqueued]:
    return initial_designs(config, DesignSpace.of(config, input, classes))


def designs(text: str, *overrides: str, classes: int = 10) -> list[Enqueued]:
    return named_in(sweep_file.parse_sweep_file(text, "s.yaml", overrides), INPUT, classes)


def named(entries: str, recipe: str = "{}", classes: int = 10) -> list[Enqueued]:
    text = f"name: s\ndata: {{name: digits}}\nrecipe: {recipe}\nsearch: {{start: {entries}}}\n"
    return designs(text, classes=classes)


def notations(enqueued: list[Enqueued]) -> list[str]:
    return [each.design.notation for each in enqueued]


class TestWhatAnEntryMeans:
    def test_windows_need_to_fit_the_sweep_s_images_alone(self) -> None:
        (enqueued,) = named('["INPUT[4x4x1] -> CONV7-4 valid -> GAP"]', classes=4)
        assert enqueued.design.architecture.input == INPUT
        with pytest.raises(ConfigError, match=r"search\.start\[0\]: .*layer 0 \(Conv 9x9"):
            named('["INPUT[32x32x1] -> CONV9-4 valid -> GAP"]', classes=4)

    def test_a_classic_is_scaled_to_the_images_and_classes(self) -> None:
        (enqueued,) = designs("name: s\ndata: {name: digits}\nsearch: {start: [lenet5]}\n", classes=7)
        assert enqueued.design.architecture == load_architecture("lenet5", INPUT, 7)
        assert enqueued.role == "start"

    def test_a_line_of_notation_keeps_its_layers_and_gets_the_images_as_input(self) -> None:
        assert notations(named(f"['{LINE}', '{LINE.replace('8x8x1', '28x28x3')}']")) == [LINE, LINE]

    def test_a_file_and_one_design_without_a_list(self, tmp_path: Path) -> None:
        file = tmp_path / "architecture.json"
        file.write_text(json.dumps(load_architecture(LINE).to_json()))
        assert notations(named(str(file))) == [LINE]

    def test_baselines_come_before_starts(self) -> None:
        text = f"name: s\ndata: {{name: digits}}\nsearch: {{start: ['{LINE}'], baselines: ['{WIDE}']}}\n"
        assert [(each.role, each.design.notation) for each in designs(text)] == [("baseline", WIDE), ("start", LINE)]

    def test_the_recipe_is_what_is_said_then_what_is_fixed_then_the_nearest_to_the_default(self) -> None:
        space = (
            "{learning_rate: {low: 0.1, high: 1.0}, weight_decay: [0.1, 0.01], batch_size: [256, 32], momentum: 0.5}"
        )
        (enqueued,) = named("{network: lenet5, recipe: {flip: true}}", space)
        assert enqueued.design.recipe == Recipe(
            learning_rate=0.1,
            weight_decay=0.01,
            batch_size=32,
            momentum=0.5,
            flip=True,
            label_smoothing=0.1,
            schedule="wsd",
            crop=1,
        )

    def test_a_recipe_may_lie_outside_the_space(self) -> None:
        (enqueued,) = named("{network: lenet5, recipe: {learning_rate: 3.0}}", "{learning_rate: 0.1}")
        assert enqueued.design.recipe.learning_rate == 3.0

    @pytest.mark.parametrize("how", ["{network: lenet5, recipe: {optimizer: adamw}}", "lenet5"])
    def test_adamw_starts_from_a_smaller_learning_rate(self, how: str) -> None:
        fixed = "sgd" if "adamw" in how else "adamw"
        space = f"{{optimizer: {fixed}, learning_rate: {{low: 1e-6, high: 1.0, log: true}}}}"
        assert named(how, space)[0].design.recipe.learning_rate == 0.001

    def test_a_whole_range_and_steps_are_kept_to(self) -> None:
        (enqueued,) = named(
            "lenet5", "{batch_size: {low: 10, high: 100, step: 30}, warmup: {low: 0.2, high: 9, step: 0.5}}"
        )
        assert (enqueued.design.recipe.batch_size, enqueued.design.recipe.warmup) == (100, 0.7)

    @given(st.integers(-9, 99), st.integers(0, 99), st.integers(1, 60), st.integers(-20, 150) | st.floats(-20, 150))
    def test_the_nearest_is_a_step_of_the_range(self, low: int, width: int, step: int, wish: float) -> None:
        trial = NearestTrial({"x": wish})
        allowed = range(low, low + width + 1, step)
        found = trial.suggest_int("x", low, low + width, step=step)
        assert found in allowed
        assert abs(found - wish) == min(abs(each - wish) for each in allowed)
        tenths = trial.suggest_float("x", low / 10, (low + width) / 10, step=step / 10)
        assert tenths <= (low + width) / 10
        assert any(tenths == pytest.approx(each / 10) for each in allowed)

    def test_over_budget_it_is_made_narrower_where_that_is_asked_for(self) -> None:
        text = (
            "name: s\ndata: {name: digits}\nsearch: {start: [lenet5]}\nbudget: {parameters: 9000, over_budget: shrink}"
        )
        assert designs(text)[0].design.parameters <= 9_000

    def test_what_is_written_is_what_is_read_again(self) -> None:
        written = config(search={**NAMED, "start": ["lenet5", {"sweep": "a", "best": 2, "folder": "b"}]})
        assert type(written).model_validate(json.loads(json.dumps(written.to_json()))) == written
        assert written.to_json()["search"]["start"] == ["lenet5", {"sweep": "a", "best": 2, "folder": "b"}]


class TestMistakes:
    @pytest.mark.parametrize(
        ("entry", "says", "remedy"),
        [
            ("lenet4", "'lenet4' is no classic", "Did you mean 'lenet5'?"),
            ("'INPUT[8x8x1] -> CONVV3-4'", "column", ""),
            ("none.json", "none.json: cannot be read", ""),
            ("is no classic.json", "cannot be read", "Name an exported architecture.json"),
            ("{network: lenet5, recipe: {learning_rat: 1}}", "recipe.learning_rat", "Did you mean 'learning_rate'?"),
            ("{network: lenet5, recipe: {batch_size: 1}}", "batch_size (=1)", ""),
            ("{network: lenet5, recipes: {}}", "search.start[1].recipes: unknown key", "Did you mean 'recipe'?"),
            ("{sweep: former, bets: 3}", "search.start[1].bets: unknown key", "Did you mean 'best'?"),
            ("{sweep: former, best: 0}", "search.start[1].best: 0", ""),
            ("{recipe: {}}", "not a design", "{sweep: NAME, best: 3}"),
            ("3", "3: not a design", ""),
            ("null", "None: not a design", ""),
        ],
    )
    def test_one_names_its_place_and_its_line(self, entry: str, says: str, remedy: str) -> None:
        text = f"name: s\ndata: {{name: digits}}\nsearch:\n  start:\n    - lenet5\n    - {entry}\n"
        with pytest.raises(ConfigError) as caught:
            sweep_file.parse_sweep_file(text, "s.yaml")
        assert caught.value.message.startswith("s.yaml:6: search.start[1]")
        assert says in caught.value.message
        assert remedy in caught.value.remedy

    def test_one_without_a_list_is_found_too(self) -> None:
        with pytest.raises(ConfigError, match=r"^s.yaml:4: search.start\[0\]: 3: not a design"):
            sweep_file.parse_sweep_file("name: s\ndata: {name: digits}\nsearch:\n  start: 3\n", "s.yaml")

    def test_one_of_an_override_says_so(self) -> None:
        with pytest.raises(ConfigError, match=r"^--set: search.baselines\[0\]: 'vgg0' is no classic"):
            sweep_file.parse_sweep_file("name: s\ndata: {name: digits}\n", "s.yaml", ["search.baselines=[vgg0]"])

    @pytest.mark.parametrize(
        ("entry", "says"),
        [
            ("INPUT[28x28x1] -> CONV11-4 valid -> FC-10", "11"),
            ("INPUT[8x8x1] -> CONV3-4 -> FC-12", "12"),
            ("none of these.json", "cannot be read"),
        ],
    )
    def test_a_network_that_cannot_be_built_for_the_images_is_refused_at_the_start(self, entry: str, says: str) -> None:
        settings = config(search={"start": ["lenet5", entry]})
        with pytest.raises(ConfigError, match=r"^search\.start\[1\]: ") as caught:
            check_designs(settings, DesignSpace.for_images(settings, load_data(settings)))
        assert says in caught.value.message
        assert caught.value.key == "search.start[1]"

    def test_more_starts_than_trials(self) -> None:
        with pytest.raises(ConfigError, match=r"search\.start: 2 designs, and `search\.trials` is 1") as caught:
            named_in(config(search={**NAMED, "trials": 1}), INPUT, 10)
        assert "at least 2" in caught.value.remedy


@pytest.fixture(params=["halving", "none"])
def promotion(request: pytest.FixtureRequest) -> str:
    return request.param


def test_named_designs_are_trained_first_and_once(tmp_path: Path, promotion: str) -> None:
    engine = opened(tmp_path, config(search={**NAMED, "trials": 6, "promotion": promotion}))
    records = finish(engine, good)
    assert [record.role for record in records[:4]] == ["baseline", "start", "start", "sampled"]
    assert {record.role for record in records[3:]} == {"sampled"}
    assert [record.design.notation for record in records[:2]] == [DEEP, LINE]
    assert engine.proposals.trained == 6, "starts count, baselines do not"
    assert sum(record.state in ("completed", "stopped") for record in records) == 7
    assert fates(read_trials(tmp_path)) == fates(records)
    assert [record.role for record in read_trials(tmp_path)] == [record.role for record in records]
    assert len(set(reports(engine).epochs)) == len(reports(engine).epochs), "an epoch was trained twice"


def test_a_baseline_reaches_the_end_however_bad_it_is_and_takes_no_place_in_a_rung(tmp_path: Path) -> None:
    baselines = {"baselines": [DEEP, WIDE], "trials": 8}
    worst = finish(
        opened(tmp_path, config(search=baselines)), lambda job, epoch: 0.0 if job.number < 2 else good(job, epoch)
    )
    best = tmp_path / "best"
    best.mkdir()
    others = finish(
        opened(best, config(search=baselines)), lambda job, epoch: 1.0 if job.number < 2 else good(job, epoch)
    )
    for records in (worst, others):
        assert [(record.state, record.epochs) for record in records[:2]] == [("completed", 4)] * 2
    assert [record.epochs for record in worst[2:]] == [record.epochs for record in others[2:]]


def test_some_trial_reaches_the_end_although_a_baseline_has(tmp_path: Path) -> None:
    records = finish(opened(tmp_path, config(search={"baselines": [DEEP], "trials": 1})), good)
    assert [(record.role, record.epochs) for record in records] == [("baseline", 4), ("sampled", 4)]


def test_a_start_waits_at_its_rung_as_any_other(tmp_path: Path) -> None:
    records = finish(
        opened(tmp_path, config(search={"start": [LINE], "trials": 8})),
        lambda job, epoch: 0.0 if job.number == 0 else good(job, epoch),
    )
    assert (records[0].state, records[0].epochs) == ("stopped", 1)


def test_a_baseline_that_the_time_budget_cuts_short_says_so(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"baselines": [DEEP], "trials": 1}), deadline=float("inf"))
    next(drive(engine, good))
    engine.time_budget.deadline = 0.0
    engine.close()
    assert (engine.records[0].state, engine.records[0].reason) == ("stopped", "cut short after epoch 1; time budget")


def test_one_over_budget_is_recorded_and_does_not_count(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"start": ["vgg11", LINE], "trials": 3}, budget={"macs": 50_000}))
    records = finish(engine, good)
    assert [record.state == "infeasible" for record in records[:2]] == [True, False]
    assert "over the budget of 50,000" in records[0].reason
    assert engine.proposals.trained == 3


def test_a_design_named_twice_or_proposed_later_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 15)
    one = {**SMALL_SPACE, "stages": 1, "kernel": 3, "filters": 4, "downsampling": "max", "head": "fc"}
    text = "INPUT[8x8x1] -> CONV3-4 -> BN -> RELU -> POOL2 -> FLATTEN -> FC-10"
    entry = {"network": text, "recipe": FIXED_RECIPE}
    engine = opened(tmp_path, config(one, search={"start": [entry, entry], "baselines": [entry], "trials": 5}))
    records = finish(engine, good)
    assert [record.state for record in records[:3]] == ["completed", "duplicate", "duplicate"]
    assert {record.reason for record in records[1:3]} == {"same as trial 0"}
    same = [record for record in records if record.design.key == records[0].design.key]
    assert len(same) > 3, "the sampler never proposed it: the test shows nothing"
    assert [record.state for record in same[1:]] == ["duplicate"] * (len(same) - 1)


def test_a_space_of_baselines_alone_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 15)
    fixed = {**SMALL_SPACE, "stages": 1, "kernel": 3, "filters": 4, "downsampling": "max", "head": "fc"}
    plain = config(fixed, search={"trials": 2})
    every = {record.design.key: record.design for record in finish(opened(tmp_path, plain), good)}
    entries = [{"network": each.notation, "recipe": each.recipe.to_json()} for each in every.values()]
    again = tmp_path / "again"
    again.mkdir()
    settings = config(fixed, search={"baselines": [*entries, entries[0]], "trials": 2})
    engine = opened(again, settings)
    records = finish(engine, good)
    assert {record.state for record in records[: len(entries)]} == {"completed"}
    assert engine.proposals.trained == 0
    content = (again / STUDY).read_bytes()
    (again / STUDY).write_bytes(content[: len(content) * 9 // 10])
    assert fates(finish(opened(again, settings), good)) == fates(records)


class Unbroken:
    """A sweep that nothing interrupted; a class for its short repr."""

    def __init__(self, folder: Path, settings: SweepConfig, spare: Path) -> None:
        self.settings, self.spare = settings, spare
        self.fates = fates(finish(opened(folder, settings)))
        self.content = (folder / STUDY).read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, former: SweepConfig) -> Unbroken:
    entries = [*NAMED["start"], LINE, "vgg11", {"sweep": "former", "folder": str(former.folder), "best": 2}]
    settings = config(search={"start": entries, "baselines": [DEEP, WIDE], "trials": 10}, budget={"macs": 300_000})
    return Unbroken(tmp_path_factory.mktemp("unbroken"), settings, tmp_path_factory.mktemp("spare"))


def resumed(unbroken: Unbroken, size: int) -> list[TrialRecord]:
    (unbroken.spare / STUDY).write_bytes(unbroken.content[:size])
    return finish(opened(unbroken.spare, unbroken.settings))


def test_a_sweep_killed_after_any_line_while_named_designs_are_asked_ends_as_if_it_had_not_been(
    unbroken: Unbroken,
) -> None:
    size = asked = 0
    for line in unbroken.content.splitlines(keepends=True):
        size += len(line)
        asked += "design" in json.loads(line).get("user_attr", {})
        if asked <= 10:
            assert fates(resumed(unbroken, size)) == unbroken.fates


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0, 1))
@example(share=0.953125)  # while the end was being written, some trials stopped and some not yet
def test_a_sweep_killed_at_any_byte_ends_as_if_it_had_not_been(unbroken: Unbroken, share: float) -> None:
    assert fates(resumed(unbroken, round(share * len(unbroken.content)))) == unbroken.fates


def test_a_resume_needs_neither_the_files_nor_the_former_sweep(tmp_path: Path) -> None:
    file = tmp_path / "architecture.json"
    file.write_text(json.dumps(load_architecture(LINE).to_json()))
    settings = config(search={"start": [DEEP, str(file)], "trials": 3})
    next(drive(opened(tmp_path, settings), good))
    file.unlink()
    assert [record.design.notation for record in finish(opened(tmp_path, settings), good)][:2] == [DEEP, LINE]


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> SweepConfig:
    """A sweep to take the best of, made without training."""
    folder = tmp_path_factory.mktemp("former")
    settings = config(name="former", folder=str(folder), search={"seed": 5})
    settings.sweep_folder.mkdir()
    (settings.sweep_folder / CONFIG).write_text(json.dumps(settings.to_json()))
    finish(opened(settings.sweep_folder, settings), good)
    return settings


def after(former: SweepConfig, best: int = 3, **sections: Any) -> SweepConfig:
    entry = {"sweep": "former", "folder": str(former.folder), "best": best}
    return config(**{"search": {"start": [entry]}, **sections})


class TestAFormerSweep:
    def test_its_best_are_taken_with_their_recipes(self, former: SweepConfig) -> None:
        enqueued = named_in(after(former), INPUT, 10)
        best = Sweep(former).summaries()[:3]
        records = {record.number: record for record in Sweep(former).trials()}
        assert [each.design for each in enqueued] == [records[trial.trial].design for trial in best]

    def test_the_sampler_learns_from_them_where_the_space_is_the_same(
        self, former: SweepConfig, tmp_path: Path
    ) -> None:
        enqueued = named_in(after(former), INPUT, 10)
        engine = opened(
            tmp_path,
            after(
                former, search={"start": [{"sweep": "former", "folder": str(former.folder), "best": 3}], "trials": 3}
            ),
        )
        records = finish(engine, good)
        assert [record.design for record in records] == [each.design for each in enqueued]
        assert all(each.params for each in enqueued)
        assert list(read_params(tmp_path).values()) == [each.params for each in enqueued]

    def test_of_what_this_space_does_not_propose_it_learns_nothing(self, former: SweepConfig, tmp_path: Path) -> None:
        other = after(former, space={**SMALL_SPACE, "kernel": 7})
        assert [each.params for each in named_in(other, INPUT, 10)] == [{}] * 3
        fixed_otherwise = after(former, recipe={**FIXED_RECIPE, "learning_rate": 0.3})
        assert [each.params for each in named_in(fixed_otherwise, INPUT, 10)] == [{}] * 3
        records = finish(opened(tmp_path, other), good)
        assert len(records) >= 14
        assert not any(list(read_params(tmp_path).values())[:3])

    @pytest.mark.filterwarnings("ignore:of the space's own:UserWarning")
    def test_a_warning_of_the_space_says_nothing_of_the_settings_and_the_space_is_made_once(
        self, former: SweepConfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Space] = []

        class Warns(ConvSpace):
            def sample(self, *arguments: Any) -> Architecture:
                warnings.warn("of the space's own", stacklevel=2)
                return super().sample(*arguments)

        def network_space(settings: SweepConfig) -> Space:
            made.append(Warns(**settings.space))
            return made[-1]

        asked = after(former)
        monkeypatch.setattr(SweepConfig, "network_space", network_space)
        assert all(each.params for each in named_in(asked, INPUT, 10))
        assert len(made) == 1

    @pytest.mark.parametrize(("image", "classes"), [((1, 28, 28), 10), ((1, 8, 8), 7)])
    def test_other_images_are_refused(self, former: SweepConfig, image: tuple[int, int, int], classes: int) -> None:
        with pytest.raises(ConfigError, match=r"search.start\[0\]: sweep former is of images of 1x8x8 in 10 classes"):
            named_in(after(former), image, classes)

    def test_one_that_is_not_there_names_the_nearest(self, former: SweepConfig) -> None:
        with pytest.raises(ConfigError, match=r"search.baselines\[0\]: no sweep 'fromer'") as caught:
            named_in(config(folder=str(former.folder), search={"baselines": [{"sweep": "fromer"}]}), INPUT, 10)
        assert caught.value.remedy == "Did you mean 'former'?"

    def test_it_may_not_be_the_sweep_itself(self, former: SweepConfig) -> None:
        itself = config(name="former", folder=str(former.folder), search={"start": [{"sweep": "former"}]})
        with pytest.raises(ConfigError, match="former is this sweep itself"):
            named_in(itself, INPUT, 10)

    @pytest.mark.parametrize("entry", [{"sweep": "a\0"}, {"sweep": "a", "folder": "~nobody-of-this-name/x"}])
    def test_what_is_no_folder_is_refused(self, entry: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=r"search.start\[0\]: no folder of a sweep"):
            named_in(config(search={"start": [entry]}), INPUT, 10)

    def test_one_without_a_result_is_refused(self, tmp_path: Path) -> None:
        empty = config(name="former", folder=str(tmp_path))
        empty.sweep_folder.mkdir()
        (empty.sweep_folder / CONFIG).write_text(json.dumps(empty.to_json()))
        with pytest.raises(ConfigError, match="sweep former has no result"):
            named_in(after(empty), INPUT, 10)


def test_starts_without_settings_do_not_use_up_the_sampler_s_random_proposals(tmp_path: Path) -> None:
    """TPE would count them among its ten, and then model what it has not seen."""
    many = [{"network": LINE, "recipe": {"learning_rate": 0.01 * n}} for n in range(1, 13)]
    settings = config(search={"start": many, "trials": 30, "promotion": "none", "epochs": 1})
    assert len(finish(opened(tmp_path, settings), good)) >= 30
    assert Study(tmp_path, sampler="tpe", seed=0)._seeded(0)._n_startup_trials == 10 + 12  # pyright: ignore
