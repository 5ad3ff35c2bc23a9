"""Samplers: all keep to one contract; what cannot be used is refused, and a sampler's fault loses nothing."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import optuna
import pytest
from convscape.search.config.schema import SweepConfig
from convscape.search.config.sweep_file import parse_sweep_file
from convscape.search.driver import launching
from convscape.search.files import STUDY
from convscape.search.proposals import DesignSpace, conditional
from convscape.search.proposals.conditional import check_conditional
from convscape.search.records.trial import Design
from convscape.search.study.samplers import Samplers, ranked
from convscape.search.study.study import MOST_FAULTS, Study, quiet_optuna
from convscape.spaces.errors import ConfigError, SweepError
from convscape.testing import SamplerContract
from convscape.testing.sampler import UNCONDITIONAL_SPACE
from convscape.testing.simulation import FIXED_RECIPE, SMALL_SPACE, config, drive, finish, opened
from hypothesis import given, strategies as st
from optuna.trial import TrialState, create_trial
from tiny_sweep import send_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optuna.trial import FrozenTrial


class TestTpe(SamplerContract):
    sampler: ClassVar = {"class": "tpe", "n_startup_trials": 6}
    rounds = 12


class TestTpeInASpaceWithConditions(TestTpe):
    space = SMALL_SPACE

    def fails(self, design: Design) -> bool:
        return "POOL" in design.notation


class TestRandom(SamplerContract):
    sampler = "random"
    learns = False


class TestQuasiRandom(SamplerContract):
    sampler = "qmc"
    learns = False

    def test_it_covers_a_range_evenly(self, tmp_path: Path) -> None:
        """Of a Sobol' sequence's first eight points each eighth of any range has one."""
        study = self.opened(tmp_path)
        list(self.search(tmp_path, 1))
        for reopened in range(2):  # half of them after a resume
            study = self.opened(tmp_path)
            study.restore()
            for _ in range(4 + reopened):
                study.ask(self.sample)
        rates = [trial.params["dropout"] for trial in study._study.get_trials()]
        eighths = [int(rate / 0.5 * 8) for rate in rates[1:9]]  # the first is random: it shows which settings there are
        assert sorted(eighths) == list(range(8))


class TestGaussianProcess(SamplerContract):
    sampler: ClassVar = {"class": "gp", "n_startup_trials": 8}
    rounds = 5
    learning_rounds = 15

    @pytest.mark.slow
    @pytest.mark.parametrize("named", [False, True])
    def test_what_it_hears_it_learns_from(self, tmp_path: Path, *, named: bool) -> None:
        super().test_what_it_hears_it_learns_from(tmp_path, named=named)

    @pytest.mark.slow
    @pytest.mark.parametrize("reopened", [1, 5])
    def test_a_resumed_sweep_proposes_as_an_unbroken_one(self, tmp_path: Path, reopened: int) -> None:
        super().test_a_resumed_sweep_proposes_as_an_unbroken_one(tmp_path, reopened)

    @pytest.mark.slow
    def test_one_seed_one_sequence(self, tmp_path: Path) -> None:
        super().test_one_seed_one_sequence(tmp_path)


class TestCmaEs(SamplerContract):
    sampler = "cmaes"
    rounds = 40

    def test_nothing_it_keeps_is_a_pickle(self, tmp_path: Path) -> None:
        list(self.search(tmp_path, self.rounds))
        events = [json.loads(line) for line in (tmp_path / STUDY).read_text().splitlines()]
        kept = [event["system_attr"] for event in events if "system_attr" in event]
        assert {key.rpartition(":")[0] for values in kept for key in values} >= {"cmaes", "cmaes:ended"}
        for values in kept:
            for value in values.values():
                numbers = value if isinstance(value, list) else [value]
                assert all(isinstance(number, int | float) for number in numbers), values


class TestNsga2(SamplerContract):
    sampler: ClassVar = {"class": "nsga2", "population_size": 8}
    rounds = 30


class TestNsga2InASpaceWithConditions(TestNsga2):
    space = SMALL_SPACE
    learns = False
    """What only some designs have is drawn at random."""


class TestOneOfOptuna(SamplerContract):
    sampler = "optuna.samplers.BruteForceSampler"
    space: ClassVar = {**UNCONDITIONAL_SPACE, "dropout": [0.0, 0.25, 0.5]}
    learns = False

    def sample(self, trial: optuna.Trial) -> Design:
        config = SweepConfig.model_validate(
            {"name": "s", "data": {"name": "digits"}, "space": self.space, "recipe": FIXED_RECIPE}
        )
        network = config.network_space().sample(trial, (1, 8, 8), 10)  # pyright: ignore[reportArgumentType]
        return Design.of(network, config.recipe_space().sample(trial))  # pyright: ignore[reportArgumentType]

    def test_it_proposes_nothing_twice(self, tmp_path: Path) -> None:
        records = list(self.search(tmp_path, 40, reopened=7))
        assert len({record.design.key for record in records}) == 80


MODULE = """
import optuna

class Mine(optuna.samplers.RandomSampler):
    def __init__(self, seed=None, faulty=(), where="independent", value=None):
        super().__init__(seed)
        self.faulty, self.where, self.value = faulty, where, value

    def _may_fail(self, where, trial):
        if where == self.where and trial.number in self.faulty:
            raise KeyError(f"no {where} for {trial.number}")

    def before_trial(self, study, trial):
        self._may_fail("before", trial)

    def infer_relative_search_space(self, study, trial):
        self._may_fail("infer", trial)
        return {}

    def sample_relative(self, study, trial, search_space):
        self._may_fail("relative", trial)
        return {"unheard": 3} if self.where == "unheard" and trial.number in self.faulty else {}

    def sample_independent(self, study, trial, name, distribution):
        self._may_fail("independent", trial)
        if self.where == "value" and trial.number in self.faulty:
            return self.value
        return super().sample_independent(study, trial, name, distribution)

    def after_trial(self, study, trial, state, values):
        raise AssertionError("a sampler is for one proposal")

class Demanding(Mine):
    def __init__(self, needed):
        pass

def function():
    pass
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of samplers, from which modules are imported."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "samplers_own.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield folder
    sys.modules.pop("samplers_own", None)


class TestOnesOwn(SamplerContract):
    sampler: ClassVar = {"class": "samplers_own.Mine"}
    learns = False

    @pytest.fixture(autouse=True)
    def _module(self, module: Path) -> None:
        """There is one."""


WHERE = ["before", "infer", "relative", "independent", "unheard", "value"]


@pytest.mark.parametrize("where", WHERE)
def test_a_trial_the_sampler_fails_on_fails_with_the_reason_and_the_sweep_goes_on(
    tmp_path: Path, module: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    sampler: ClassVar = {"class": "samplers_own.Mine", "faulty": [0, 3, 4], "where": where}
    records = finish(opened(tmp_path, config(search={"sampler": sampler, "trials": 6})))
    assert {0, 3, 4}.isdisjoint(record.number for record in records)
    assert sum(record.state in ("completed", "stopped", "failed") for record in records) == 6
    said = [record.message for record in caplog.records if "failed to propose" in record.message]
    assert [line.split(":")[1].split()[-1] for line in said] == ["0", "3", "4"]
    expected = {"unheard": "unheard was sampled", "value": "was sampled as None"}.get(where, f"no {where} for 0")
    assert expected in said[0] or where == "value"
    assert where in ("unheard", "value") or "samplers_own.py, line" in said[0]
    trials = Study(tmp_path, sampler="random", seed=0)._study.get_trials()
    assert {trial.number for trial in trials if trial.state == TrialState.FAIL} == {0, 3, 4}
    assert expected in trials[0].system_attrs["reason"] or where == "value"


@pytest.mark.parametrize("where", WHERE)
def test_a_sampler_that_always_fails_ends_the_sweep_which_can_be_resumed_once_it_is_mended(
    tmp_path: Path, module: Path, where: str
) -> None:
    sampler: ClassVar = {"class": "samplers_own.Mine", "faulty": list(range(3, 900)), "where": where}
    engine = opened(tmp_path, config(search={"sampler": sampler, "trials": 6}))
    with pytest.raises(
        SweepError, match=rf"samplers_own.Mine failed {MOST_FAULTS} times in a row; the last: "
    ) as caught:
        list(drive(engine))
    assert f"convscape resume {tmp_path.name}" in caught.value.remedy
    records = finish(opened(tmp_path, config(search={"sampler": "samplers_own.Mine", "trials": 6})))
    assert [record.number for record in records][:4] == [0, 1, 2, 3 + MOST_FAULTS]
    assert sum(record.state in ("completed", "stopped", "failed") for record in records) == 6


def test_only_failures_in_a_row_end_the_sweep(tmp_path: Path, module: Path) -> None:
    sampler = {"class": "samplers_own.Mine", "faulty": list(range(0, 4 * MOST_FAULTS, 2))}
    records = finish(opened(tmp_path, config(search={"sampler": sampler, "trials": MOST_FAULTS + 2})))
    assert len(records) > MOST_FAULTS
    assert all(record.number % 2 or record.number >= 4 * MOST_FAULTS for record in records)


def test_a_named_design_needs_no_sampler(tmp_path: Path, module: Path) -> None:
    sampler: ClassVar = {"class": "samplers_own.Mine", "faulty": [0, 1], "where": "before"}
    settings = config(search={"sampler": sampler, "trials": 3, "start": ["lenet5"]})
    records = finish(opened(tmp_path, settings))
    assert [(record.number, record.role) for record in records][:2] == [(0, "start"), (2, "sampled")]


def test_a_launch_finds_ones_own_sampler_in_the_sweeps_folder_and_a_resume_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_nothing(monkeypatch)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "samplers_launched.py").write_text(MODULE)
    (tmp_path / "sweep.yaml").write_text(f"""
name: mine
folder: {tmp_path}/sweeps
data: {{name: digits, train: 64, validation: 32}}
space: {{stages: 1, convolutions: 1, filters: [2, 4, 6, 8], padding: same}}
search: {{trials: 2, epochs: 1, sampler: {{class: samplers_launched.Mine, faulty: [1]}}}}
resources: {{runner: inline, precision: float32}}
""")
    sweep = launching.launch(tmp_path / "sweep.yaml", overrides=FINALS_OFF, progress=False)
    assert [trial.number for trial in sweep.trials()] == [0, 2]
    sys.modules.pop("samplers_launched")
    sys.path.remove(str(tmp_path))
    file = sweep.folder / "config.json"
    values = json.loads(file.read_text())
    values["search"]["trials"] = 3
    file.write_text(json.dumps(values))
    again = launching.resume("mine", tmp_path / "sweeps", progress=False)
    assert [trial.number for trial in again.trials()][:3] == [0, 2, 3]
    sys.modules.pop("samplers_launched")


FINALS_OFF = ["search.finalists=0"]


@pytest.mark.parametrize(
    ("sampler", "key", "says", "remedy"),
    [
        ("cmae", "", "'cmae' is no sampler", "Did you mean 'cmaes'?"),
        ("whatever", "", "'whatever' is no sampler", "tpe, random, qmc, gp, cmaes, nsga2"),
        ("no_such.Sampler", "", "there is no module no_such", "Looked for in"),
        ("samplers_own.Nine", "", "samplers_own has no class Nine", "Did you mean 'Mine'?"),
        ("samplers_own.function", "", "samplers_own.function is no class", "Name a class"),
        ("optuna.Trial", "", "optuna.Trial is no sampler", "BaseSampler"),
        ("samplers_own.Demanding", "", "missing 1 required positional argument: 'needed'", "Its settings: needed"),
        ("optuna.samplers.CmaEsSampler", "", "as a pickle", "Use cmaes"),
        ("{class: tpe, n_startup: 3}", ".n_startup", "unknown key", "n_startup_trials"),
        ("{class: optuna.samplers.RandomSampler, size: 3}", ".size", "unknown key", "takes no settings"),
        ("{class: tpe, seed: 3}", ".seed", "comes from the sweep's", "search.seed"),
        ("{class: nsga2, population_size: 1}", "", "greater than or equal to 2", "population_size"),
        ("{class: cmaes, population_size: 2}", "", "population_size: 2 is below 3", "sigma"),
        ("{n_startup_trials: 3}", "", "a name, an import path, or", ""),
        ("[tpe]", "", "a name, an import path, or", ""),
        ("{class: 3}", "", "a name, an import path, or", ""),
    ],
)
def test_a_sampler_that_cannot_be_is_refused_with_its_line(
    module: Path, sampler: str, key: str, says: str, remedy: str
) -> None:
    text = f"name: s\ndata: {{name: digits}}\nsearch:\n  trials: 3\n  sampler: {sampler}\n"
    with pytest.raises(ConfigError) as caught:
        parse_sweep_file(text, trust="everything")
    assert caught.value.message.startswith(f"sweep.yaml:5: search.sampler{key}: ")
    assert caught.value.key == f"search.sampler{key}"
    assert says in caught.value.message
    assert remedy in caught.value.remedy


def test_one_objective_samplers_refuse_several() -> None:
    with pytest.raises(ConfigError, match=r"search.sampler: cmaes takes one objective, not 2"):
        parse_sweep_file("name: s\ndata: {name: digits}\nsearch: {sampler: cmaes, objectives: [accuracy, macs]}\n")


def settled(space: dict[str, Any], sampler: str, **recipe: Any) -> None:
    refuse_conditional(
        config({**UNCONDITIONAL_SPACE, **space}, {**FIXED_RECIPE, **recipe}, search={"sampler": sampler})
    )


def refuse_conditional(settings: SweepConfig) -> None:
    check_conditional(settings, DesignSpace.of(settings, (1, 8, 8), 10))


@pytest.mark.parametrize("sampler", ["qmc", "gp", "optuna.samplers.GPSampler", "cmaes"])
@pytest.mark.parametrize(
    ("space", "says", "fix"),
    [
        ({"stages": [1, 2]}, "is open only where space.stages is 2", "space.stages"),
        ({"hidden": [0, 8], "head": ["fc", "global_average"]}, "open only where space.head is fc", "space.head"),
        ({"hidden": [0, 8], "hidden_layers": [1, 2]}, "hidden_layers is open only where", "space.hidden"),
        ({"large_filters": ["single", "stack"]}, "is open only where space.stage1.kernel is 5", "space.stage1.kernel"),
    ],
)  # fmt: skip
def test_flat_samplers_name_the_setting_that_only_some_designs_have(
    sampler: str, space: dict[str, Any], says: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settled(space, sampler)
    assert caught.value.key == "search.sampler"
    assert f"{sampler} needs the same settings of every design, and " in caught.value.message
    assert says in caught.value.message
    assert caught.value.remedy == f"Fix {fix} to one value, or use tpe, nsga2 or random, which take such spaces."


def test_what_hangs_on_one_value_is_found_however_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditional, "DRAWN", 1)
    rare = {**UNCONDITIONAL_SPACE, "hidden": list(range(12)), "hidden_layers": [1, 2]}
    for seed in range(10):
        with pytest.raises(ConfigError, match=r"needs the same settings of every design"):
            refuse_conditional(config(rare, search={"sampler": "gp", "seed": seed}))


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2", "optuna.samplers.RandomSampler"])
def test_others_take_any_space(sampler: str) -> None:
    settled({"stages": [1, 2], "hidden": [0, 16], "hidden_layers": [1, 2]}, sampler)


@pytest.mark.parametrize("sampler", ["qmc", "gp", "cmaes"])
def test_flat_samplers_take_a_flat_space(sampler: str) -> None:
    settled({}, sampler, learning_rate={"low": 0.01, "high": 0.3, "log": True}, batch_size=[32, 64, 128])


def test_cmaes_names_what_has_no_order() -> None:
    with pytest.raises(ConfigError, match="numbers, or choices of two") as caught:
        settled({"downsampling": ["max", "average", "strided"]}, "cmaes")
    assert "space.stage1.downsampling and space.stage2.downsampling are neither" in caught.value.message


def test_a_space_of_ones_own_is_looked_into_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flat_own.py").write_text("""
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Conv, Flatten, Linear

class Mine:
    def check(self, input):
        pass

    def sample(self, trial, input, classes):
        filters = trial.suggest_int("width", 1, 8)
        if filters > 6:
            filters *= trial.suggest_categorical("factor", [1, 2])
        return Architecture(input, (Conv(filters), Flatten(), Linear(classes)), classes)
""")
    settings = config({"class": "flat_own.Mine"}, search={"sampler": "gp"}, code=[str(tmp_path)]).trusting("folders")
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ConfigError, match=r"factor is open only where width is 7 or 8") as caught:
        refuse_conditional(settings)
    assert caught.value.remedy.startswith("Fix width to one value")
    sys.modules.pop("flat_own")


def test_a_setting_that_turns_up_later_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    study, settings = Study(tmp_path, sampler="qmc", seed=0), config(UNCONDITIONAL_SPACE)
    space, recipes = settings.network_space(), settings.recipe_space()

    def sample(trial: optuna.Trial) -> Design:
        if trial.number > 2:
            trial.suggest_int("rare", 1, 3)
        return Design.of(space.sample(trial, (1, 8, 8), 10), recipes.sample(trial))  # pyright: ignore[reportArgumentType]

    with caplog.at_level(logging.WARNING):
        for _ in range(6):
            study.end(study.ask(sample), "infeasible", "too large")
    said = [record.message for record in caplog.records]
    assert said == ["search.sampler: qmc draws rare at random: only some designs have it, or have it with these values"]


ENDS = st.tuples(
    st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL]),
    st.integers(0, 9), st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(0, 3), st.booleans(),
)  # fmt: skip


def told(ends: list[tuple[TrialState, int, float, int, bool]]) -> list[FrozenTrial]:
    study = optuna.create_study(direction="maximize")
    for state, step, value, setting, violated in ends:
        study.add_trial(
            create_trial(
                state=state,
                value=value if state == TrialState.COMPLETE else None,
                intermediate_values={step: value} if step else {},
                params={"x": setting},
                distributions={"x": optuna.distributions.IntDistribution(0, 3)},
                system_attrs={"constraints:failed": 1.0} if violated else {},
            )
        )
    return study.get_trials()


def standing(trial: FrozenTrial) -> tuple[float, float] | None:
    """Where a trial stands, by itself."""
    step = max(trial.intermediate_values, default=0)
    if trial.constraints:
        return -1, 0
    if trial.state == TrialState.COMPLETE:
        return step, trial.values[0]
    return (step, trial.intermediate_values[step]) if step else None


@given(st.lists(ENDS, max_size=30))
def test_ranked_trials_are_complete_and_the_longer_trained_come_first(ends: list) -> None:
    trials = told(ends)
    before = [(trial.state, trial.values, dict(trial.system_attrs)) for trial in trials]
    seen = ranked(trials)
    assert [(trial.state, trial.values, dict(trial.system_attrs)) for trial in trials] == before, "the study's own"
    assert [trial.number for trial in seen] == [trial.number for trial in trials]
    placed: list[tuple[tuple[float, float], float]] = []
    for trial, shown in zip(trials, seen, strict=True):
        ended = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        if not ended or standing(trial) is None:
            assert shown is trial
            continue
        assert (shown.state, shown.constraints) == (TrialState.COMPLETE, {})
        placed.append((standing(trial), shown.values[0]))
    for place, value in placed:
        assert all((place < other) == (value < others) for other, others in placed)


@pytest.mark.parametrize(
    ("sampler", "count"), [("tpe", 200), ("gp", 200), ("nsga2", 300), ("cmaes", 300), ("qmc", 300)]
)
def test_those_that_take_trials_as_a_set_see_the_most_telling_and_others_all(sampler: str, count: int) -> None:
    trials = told([(TrialState.COMPLETE, 1, 0.1 * (number % 4 + 1), number % 4, False) for number in range(300)])
    assert len(Samplers(sampler).as_sampler_sees(trials)) == count


def test_of_several_objectives_values_stay_and_what_has_none_gets_the_middle() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for number in range(3):
        study.add_trial(create_trial(values=[number / 10, number * 100.0]))
    study.add_trial(create_trial(state=TrialState.PRUNED, system_attrs={"constraints:failed": 1.0}))
    study.add_trial(create_trial(state=TrialState.PRUNED))
    *seen, unknown = ranked(study.get_trials())
    assert unknown.state == TrialState.PRUNED
    assert [trial.values for trial in seen] == [[0.0, 0.0], [0.1, 100.0], [0.2, 200.0], [0.1, 100.0]]
    assert [sum(trial.constraints.values()) for trial in seen] == [0, 0, 0, 1]


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "nsga2", pytest.param("gp", marks=pytest.mark.slow)])
def test_several_objectives(tmp_path: Path, sampler: str) -> None:
    class Two(SamplerContract):
        def opened(self, folder: Path, seed: int = 3) -> Study:
            setting = {"class": sampler, **({"n_startup_trials": 6} if sampler == "gp" else {})}
            return Study(folder, sampler=setting, seed=seed, objectives=("accuracy", "parameters"))

    Two.sampler = sampler
    rounds = 6 if sampler == "gp" else 30
    records = list(Two().search(tmp_path, rounds))
    assert [record.number for record in records] == list(range(2 * rounds))


def test_a_sampler_that_proposes_what_is_known_is_passed_over_now_and_then(tmp_path: Path, module: Path) -> None:
    (module / "samplers_dull.py").write_text("""
import optuna

class Dull(optuna.samplers.RandomSampler):
    def __init__(self, seed=None):
        super().__init__(0)
""")
    records = finish(opened(tmp_path, config(search={"sampler": "samplers_dull.Dull", "trials": 5})))
    assert sum(record.state != "duplicate" for record in records) == 5
    assert np.mean([record.state == "duplicate" for record in records]) > 0.5
    sys.modules.pop("samplers_dull")


def test_a_grid_that_is_exhausted_says_so_once() -> None:
    quiet_optuna()
    handler = next(each for each in logging.getLogger("optuna").handlers if type(each) is logging.StreamHandler)
    before = handler.filters
    handler.filters, said = [], io.StringIO()
    former = handler.setStream(said)
    try:
        quiet_optuna()
        sampler = optuna.samplers.GridSampler({"x": [1, 2]})
        study = optuna.create_study(sampler=sampler)
        for _ in range(5):
            study.optimize(lambda trial: trial.suggest_int("x", 1, 2), n_trials=2)
    finally:
        handler.setStream(former)
        handler.filters = before
    assert said.getvalue().count("re-evaluating") == 1
