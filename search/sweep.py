"""A sweep on disk: its config, its trials, its best network and its export. Reading changes nothing."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..spaces import SweepError, html_table, nearest, printable
from .bucket import bring, bring_checkpoints, stop_elsewhere, sweeps_in
from .config import LONGEST, NAME, SweepConfig, load_data, remember, remembered
from .files import (
    CONFIG,
    INPUTS,
    PLAIN,
    PROGRESS,
    STOP,
    bucket_url,
    former_sweeps,
    held_elsewhere,
    how_to_put_back,
    is_locked,
    option_for,
    read_changed,
    read_or_tell,
    read_sealed,
    refuse_links,
    tell_once,
    trial_folder,
    url_of,
)
from .records import failures, standings, state_counts
from .tracking import UploadProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from ..trainers import Classifier, Network
    from ..trainers.export import Exported, Format
    from ..trainers.insight import Inspection, Sample
    from .figures import Plots
    from .frames import SweepFrames
    from .handover import Published, Winner
    from .records import TrialRecord, TrialSummary
    from .study import SettingImportance
    from .verdicts import Answer

LEADING = ("trial", "accuracy", "mean_accuracy", "std_accuracy", "epochs", "parameters", "macs", "state", "notation")
"""Fields of a trial's summary that come first in a leaderboard."""
LEADING_OF_RECIPES = ("learning_rate", "weight_decay", "batch_size")
"""Settings of a recipe that come after them."""
SHOWN = 10
"""Trials that a notebook's table of a sweep shows, at most."""


class Sweep:
    """A sweep in its folder on disk: its trials, leaderboard, best trial and export. Reading changes nothing.

    A sweep may be read while another process runs it. Each method reads all trials anew from disk, which takes seconds
    where there are thousands: code that looks several times calls `trials()` once and passes the result on.

    Args:
        config: the sweep's config. `Sweep.open` reads it from the folder of a sweep that was launched.

    >>> sweep = Sweep.open("digits", "sweeps")  # doctest: +SKIP
    >>> sweep.leaderboard().head()              # doctest: +SKIP
    """

    def __init__(self, config: SweepConfig) -> None:
        self.config = config
        self.name = config.name
        self.folder = config.sweep_folder

    def __repr__(self) -> str:
        return f"Sweep.open({self.name!r}, {self.config.url or str(self.config.folder)!r})"

    def _repr_html_(self) -> str:
        """The sweep for a notebook: how many trials there are, and the best of them as a table."""
        try:
            trials = self.trials()
        except SweepError as error:  # a notebook shows what it can
            return f"<p>{escape(printable(f'sweep {self.name}: {error.message}'))}</p>"
        found = self.summaries(trials)
        counts = ", ".join(f"{count:,} {state}" for state, count in self.counts(trials).items() if count)
        rows = [[getattr(row, name) for name in LEADING] for row in found[:SHOWN]]
        shown = [[f"{value:.4f}" if isinstance(value, float) else value for value in row] for row in rows]
        more = f"<p>… and {len(found) - SHOWN:,} more</p>" if len(found) > SHOWN else ""
        head = f"<p>sweep <b>{escape(self.name)}</b>: {counts or 'no trials yet'}</p>"
        return head + (html_table(LEADING, shown) + more if found else "")

    @staticmethod
    def open(name: str, folder: str | Path = "sweeps", *, trust_code: bool = False) -> Sweep:
        """The sweep called `name` among the sweeps in `folder`.

        Of a sweep in object storage what is new is brought into its folder on this machine, but for checkpoints: these
        come when they are asked for.

        Code that it names runs, when its images are loaded or it is resumed, where it was launched by this user and has
        not changed since.

        Args:
            name: the sweep's name, which is also the name of its own folder.
            folder: the folder that holds sweeps, or its URL, as `folder` in the sweep file.
            trust_code: let that code run all the same, now and from now on.

        Raises:
            SweepError: there is no such sweep (the message names the nearest one, or all there are), or its config.json
                is damaged or of another version. One that was edited is taken, and that is told. Or the object storage
                does not answer, or holds what no sweep wrote.
            ConfigError: a URL that cannot be a folder of sweeps.
        """
        if not re.fullmatch(NAME, name):
            raise SweepError(
                f"{name!r:.80} is no name of a sweep", "Give the folder that sweeps live in with --folder."
            )
        if url := bucket_url(folder) or url_of(Path(folder)):
            folder = bring(url, name)
        path = Path(folder) / name / CONFIG
        refuse_links(path.parent, deep=False)
        try:
            values, changed = read_changed(path)
        except (FileNotFoundError, NotADirectoryError):
            known = sweeps_in(url) if url else [each.parent.name for each in Path(folder).glob(f"[!.]*/{CONFIG}")]
            if former_sweeps(path.parent):
                raise SweepError(
                    f"sweep '{name}' is put aside in {Path(folder).resolve()}, by a `--replace` that was killed",
                    f"Put it back: {how_to_put_back(path.parent)}",
                ) from None
            hint = (
                nearest(name, sorted(known)) if known else "None is there yet: `convscape launch SWEEP.yaml` makes one."
            )
            raise SweepError(f"no sweep '{name}' in {url or Path(folder).resolve()}", hint) from None
        except PermissionError as error:
            raise SweepError(f"{path} cannot be read: {error.strerror}", "Make it readable.") from None
        except OSError as error:
            raise SweepError(
                f"{path} cannot be read: {error.strerror}", "It was changed from outside: restore it from a copy."
            ) from None
        except ValueError as error:
            raise SweepError(
                f"{path} is no config in JSON: {error!s:.100}", "It was changed from outside: restore it from a copy."
            ) from None
        if changed:
            tell_once(path, " was changed since the sweep was launched or resumed, by hand or by a failing disk.")
        if isinstance(values.get("search"), dict):
            for key in ("refit", "cross_validate"):  # a sweep of an earlier version has no last training, and one split
                values["search"].setdefault(key, False)
            if isinstance(seconds := values["search"].get("seconds"), int | float):
                values["search"]["seconds"] = min(seconds, LONGEST)  # nor had it a bound
        try:
            config = SweepConfig.model_validate({**values, "folder": str(Path(folder)), "name": name})
        except (ValueError, TypeError) as error:
            reason = _first_reason(error)
            raise SweepError(
                f"{path} is not a sweep's config: {reason:.200}", "It is of another version, or was changed."
            ) from None
        if trust_code:
            remember(path.parent, config.named_code, "everything")
            return Sweep(config.trusting("everything"))
        return Sweep(config.trusting(*remembered(path.parent, config.named_code)))

    @property
    def running(self) -> bool:
        """Whether some process runs the sweep now; one on another machine by what was last brought from there."""
        return is_locked(self.folder) or held_elsewhere(self.folder)

    def refresh(self) -> None:
        """Brings what is new of a sweep in object storage. Nothing else needs it: the folder is read anew each time.

        Raises:
            SweepError: the storage does not answer, or holds what no sweep wrote.
        """
        if self.config.url:
            bring(self.config.url, self.name)

    def stop(self) -> bool:
        """Has the process that runs the sweep save it and end, after the running epochs, as Ctrl-C there does.

        Returns:
            Whether any process runs it.

        Raises:
            OSError: the sweep's folder cannot be written.
        """
        if self.config.url and not is_locked(self.folder) and self.running:
            stop_elsewhere(self.config.url, self.name)
            return True
        if self.running:
            os.close(os.open(self.folder / STOP, os.O_WRONLY | os.O_CREAT | PLAIN, 0o666))
            return True
        return False

    @property
    def images(self) -> tuple[int, int]:
        """How many images the sweep trains and validates on; zeros where nothing says so, as in an early sweep."""
        train, validation, _ = self._images
        return train, validation

    @property
    def validated_in_finals(self) -> int:
        """How many images the runs of a finalist may validate on, together: all but the test where they have splits of
        their own, else the validation images; 0 where nothing says so.
        """
        train, validation, folds = self._images
        return validation + folds * train

    @property
    def _images(self) -> tuple[int, int, bool]:
        """Images to train and validate on, and whether finalists have splits of their own.

        Raises:
            SweepError: inputs.json is damaged.
        """
        path = self.folder / INPUTS
        try:
            images = read_sealed(path).get("images", {"train": 0, "validation": 0})
            return int(images["train"]), int(images["validation"]), bool(images.get("folds"))
        except FileNotFoundError:
            return 0, 0, False
        except (OSError, ValueError, LookupError, TypeError, OverflowError) as error:
            raise SweepError(
                f"{path} is not what Convscape wrote: {error!s:.100}",
                "It was changed from outside: restore it from a copy.",
            ) from None

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI: the store the sweep's results began to go to, also when its folder was moved since.

        Before any result was written down it is the URI of the config.
        """
        return UploadProgress(self.folder).refresh().uri or self.config.tracking_uri

    def trials(self) -> list[TrialRecord]:
        """Every trial of the sweep, in the order of their numbers.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        from .study import read_trials

        trials, trained = read_trials(self.folder), self._trained_now()
        for trial in trials:
            if trial.paused and trial.number in trained:  # the study does not say: a worker may be lost at any moment
                trial.state = "running"
        return trials

    def _trained_now(self) -> set[int]:
        """Numbers of the trials that are being trained, as the process that runs the sweep wrote last."""
        if not self.running:
            return set()
        try:
            said = read_or_tell(self.folder / PROGRESS) or {}
            return {int(trial["number"]) for trial in said.get("trials", ())}
        except (ValueError, LookupError, TypeError, OverflowError):  # `status` tells that no sweep wrote it
            return set()

    def answer(self, trials: Sequence[TrialRecord] | None = None) -> Answer | None:
        """What a sweep that asks a design question says so far, or at its end; None of a search.

        Args:
            trials: what `trials()` gave before; read from disk when not given.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        from .study import read_experiment
        from .verdicts import answer_of

        experiment = read_experiment(self.folder) if self.config.question else None
        return None if experiment is None else answer_of(experiment, self.trials() if trials is None else trials)

    def summaries(self, trials: Sequence[TrialRecord] | None = None) -> list[TrialSummary]:
        """One summary for each trial that was trained, best first.

        Args:
            trials: what `trials()` gave before; read from disk when not given.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        from .records import summaries

        trials = self.trials() if trials is None else trials
        return summaries(trials, self.run_ids(), self.config.search.objectives)

    def counts(self, trials: Sequence[TrialRecord] | None = None) -> dict[str, int]:
        """How many trials ended in each state, and how many are "unfinished". Runs that repeat a finalist do not count.

        Args:
            trials: what `trials()` gave before; read from disk when not given.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        counted = [trial for trial in (self.trials() if trials is None else trials) if not trial.repetition]
        counts = state_counts(counted)
        return {**counts, "unfinished": len(counted) - sum(counts.values())}

    def run_ids(self) -> dict[int | None, str]:
        """MLflow's run ids by trial number, of runs that are there already; under None that of the sweep's own run."""
        return UploadProgress(self.folder).refresh().runs

    @property
    def best(self) -> TrialSummary:
        """The trial with the highest validation accuracy; of finalists, the one with the highest mean over its seeds.

        Finalists that were trained again come before all other trials, those with a failed run last among them.

        Raises:
            SweepError: no trial has a result, or the study on disk is damaged.
        """
        return self.best_of(self.trials())

    def best_of(self, trials: Sequence[TrialRecord]) -> TrialSummary:
        """The best of trials that were read before: the highest validation accuracy, of finalists the highest mean.

        Args:
            trials: all trials of the sweep, as `trials()` gave them.

        Raises:
            SweepError: no trial has a result; names the reasons of trials that failed.
        """
        summaries = self.summaries(trials)
        if not summaries:
            raise self.no_result(trials)
        return summaries[0]

    def importances(self, trials: Sequence[TrialRecord] | None = None) -> list[SettingImportance]:
        """How much each setting decided which trials were among the best, the most decisive first, unknown ones last.

        Args:
            trials: what `trials()` gave before; read from disk when not given.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        from .study import importances

        return importances(self.trials() if trials is None else trials)

    def no_result(self, trials: Sequence[TrialRecord]) -> SweepError:
        """The error that says why the sweep has no result, and how to come to one.

        Args:
            trials: all of the sweep, none of which has a result.
        """
        reasons = "".join(f"\n  {failure}" for failure in failures(trials)[:3])
        if reasons and all(trial.failed or not trial.trained for trial in trials):
            question = self.config.question
            start = f"ask {question.ask}" if question and self.name.endswith(f"-{question.ask}") else "launch"
            return SweepError(
                f"sweep {self.name} has no result, all trials failed:{reasons}",
                f"Mend that, then start over: `convscape {start} SWEEP.yaml --replace`.",
            )
        return SweepError(
            f"sweep {self.name} has no result: no trial has ended an epoch"
            + (f"; those that failed:{reasons}" if reasons else ""),
            self._how_to_a_result(),
        )

    def _how_to_a_result(self) -> str:
        if self.running:
            watch = f"convscape status {self.name}{folder_option(self.config)} --watch"
            return f"It runs: try again after the first epoch. Watch it: `{watch}`."
        seconds = self.config.search.seconds
        longer = f" --set search.seconds={max(600, 10 * seconds):.0f}" if seconds else ""
        why = f"search.seconds is {seconds:g} s, too short for one. " if seconds else ""
        return f"{why}Go on with `convscape resume {self.name}{folder_option(self.config)}{longer}`."

    def leaderboard(self) -> pd.DataFrame:
        """A pandas frame of the trials that were trained, best first: a row for each trial.

        The columns are the fields of `TrialSummary` (accuracies from 0 to 1, latency in seconds, memory in bytes) and
        the settings of the trial's recipe, the dozen that people look at first in front.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        import pandas as pd

        trials = self.trials()
        recipes = {record.number: record.design.recipe.to_json() for record in trials}
        frame = pd.DataFrame([{**asdict(row), **recipes[row.trial]} for row in self.summaries(trials)])
        first = [name for name in (*LEADING, *LEADING_OF_RECIPES) if name in frame.columns]
        return frame.reindex(columns=[*first, *(name for name in frame.columns if name not in first)])

    def frames(self, trials: Sequence[TrialRecord] | None = None) -> SweepFrames:
        """All that the sweep learnt as pandas frames: trials, curves, rungs, importance of settings, path to the best.

        Args:
            trials: what `trials()` gave before; read from disk when not given.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        from .frames import sweep_frames

        records = self.trials() if trials is None else trials
        return sweep_frames(
            records,
            sweep=self.name,
            run_ids=self.run_ids(),
            objectives=self.config.search.objectives,
            answer=self.answer(records),
        )

    def curves(self) -> pd.DataFrame:
        """A pandas frame of the learning curves: a row for each epoch of each trial that was trained.

        The columns are sweep, trial, epoch, accuracy (0 to 1), time (seconds since 1970, when the epoch ended), then
        the other metrics of the epoch, such as train_loss.

        Raises:
            SweepError: the study on disk is damaged; says where.
        """
        from .frames import curves_frame

        return curves_frame(self.trials(), sweep=self.name)

    @property
    def plot(self) -> Plots:
        """Plotly figures of the sweep, such as `sweep.plot.importance()`, which a notebook shows as they are."""
        from .figures import Plots

        return Plots(self.frames)

    def export(
        self,
        to: str | Path,
        trial: int | None = None,
        *,
        formats: Sequence[Format] = ("pt2", "onnx"),
        seeds: int = 0,
        insight: bool = True,
        slides: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Exported:
        """Writes a trained network as files that run without this project, with the accuracy on the test images.

        The test part of the data is looked at here and nowhere else. Each time is counted in the sweep's folder: the
        accuracy is an honest estimate the first time, and choosing between several exports by it makes it optimistic.

        Of the winner the last training is handed over,
        or else the first run after the search. Of a trial that came to its end it is what the last epoch left, when the
        rate had come down, and not the epoch that validated best, which is the luckiest, too. Of one that did not, it
        is the best checkpoint.

        Args:
            to: the folder to write; an earlier export there is replaced.
            trial: number of the trial to export, the best trial when not given.
            formats: forms to write beside the PyTorch file, "pt2" and "onnx"; what disagrees with the trained network
                is left out, as `Exported.refused` says.
            seeds: from how many seeds the network is trained again first, on most of the validation images, too; the
                first seed's is handed over, and the others' test accuracies show the spread. 0 for none.
            insight: also write pictures of what the network learnt.
            slides: write fully connected layers as convolutions, so that the network slides over larger images.
            tell: takes a line on what goes on.

        Raises:
            SweepError: no such trial, none has a result, or that the test was looked at cannot be written down.
            DataError: the images are missing, damaged or too few.
            ExportError: the files do not agree with the trained network, or `to` holds something else.
            ArchitectureError: the network cannot slide, and is to.
        """
        from .handover import export_winner

        refuse_links(self.folder)
        winner, to = self._winner(trial), Path(to)
        return export_winner(winner, to, formats=formats, seeds=seeds, insight=insight, slides=slides, tell=tell)

    def publish(self, folder: str | Path, *, register: str | None = None, alias: str | None = None) -> Published:
        """Adds an export of this sweep to its run in MLflow, and registers it as a model where a name is given.

        Args:
            folder: the export's.
            register: name of the registered model, of which it becomes the newest version.
            alias: that is to lead to that version, such as "champion".

        Raises:
            SweepError: it is to be registered, and MLflow does not answer or refuses it. The export stays as it is.
            ConfigError: MLflow does not take the name or the alias.
            ExportError: `folder` is no export of this sweep.
        """
        from .handover import publish

        folder = Path(folder)
        words = {"--export": folder, "--register": register, "--alias": alias}
        options = "".join(f" {word} {shlex.quote(str(value))}" for word, value in words.items() if value is not None)
        return publish(
            folder,
            sweep=self.name,
            uri=self.tracking_uri,
            run_id=self.run_ids().get(None),
            register=register,
            alias=alias,
            again=f"convscape sync {self.name}{folder_option(self.config)}{options}",
        )

    def check_export(self, folder: str | Path) -> int:
        """The number of the run that an export is of.

        Args:
            folder: the export's.

        Raises:
            ExportError: it is no export of this sweep.
        """
        from .handover import run_of

        return run_of(Path(folder), self.name)

    def _winner(self, trial: int | None) -> Winner:
        """The trial that is handed over, and what is said of it."""
        from ..trainers import read_checkpoint
        from .handover import Winner

        trials = self.trials()
        number = _handed_over(self.best_of(trials)) if trial is None else trial
        record, checkpoint = self._trained(number, trials)
        design = record.number if record.repeats is None else record.repeats
        standing = standings(trials).get(design)
        epoch = int(read_checkpoint(checkpoint)[1].get("epoch") or 0)
        told = record.accuracies.get(epoch)  # None where the sweep was killed before that epoch was told
        return Winner(
            config=self.config,
            record=record,
            checkpoint=checkpoint,
            epoch=epoch,
            accuracies=standing.accuracies if standing else () if told is None else (told,),
            counts=self.counts(trials),
            run_id=self.run_ids().get(number),
            best=trial is None,
            running=self.running,
        )

    def inspect(
        self, to: str | Path, trial: int | None = None, sample: Callable[[Classifier], Sample] | None = None
    ) -> Inspection:
        """Looks into a trained network, and writes what is seen as a page with pictures: index.html and PNG files.

        It is looked at with the validation images, never with the test images. A last training learnt from most of
        those: of them only the others are shown, and the page says so.

        Args:
            to: the folder to write; an earlier inspection there is replaced.
            trial: number of the trial to look into; the winner, as `export` hands it over, when not given.
            sample: gives other images to look at the network with, once that is known.

        Raises:
            SweepError: no such trial, or none has a result.
            CheckpointError: the trial's checkpoint is damaged.
            DataError: the images are missing, damaged or too few.
            ExportError: `to` holds something else, or cannot be written.
        """
        from ..trainers.insight import inspect_to

        refuse_links(self.folder)
        record, _ = self._wanted(trial)
        classifier = self.classifier(record.number)
        looked = self._validated(record) if sample is None else sample(classifier)
        name = f"{self.name}, trial {record.number if record.repeats is None else record.repeats}"
        return inspect_to(classifier, looked, Path(to), name=name)

    def _validated(self, record: TrialRecord) -> Sample:
        """Images that a trial was validated on, and that it did not learn from."""
        from ..trainers.insight import sample_of_part

        dataset = load_data(self.config)
        whole = len(dataset.validation)
        dataset = dataset.for_refit() if record.refit else dataset.fold(record.fold)
        note = ""
        if record.refit:
            note = (
                f"This network's last training learnt from the other {whole - len(dataset.validation):,} of {whole:,} "
                f"validation images, too. `--trial {record.repeats}` looks at the design before that, with all."
            )
        return sample_of_part(dataset.validation, "validation images", note=note)

    def network(self, trial: TrialSummary | int | None = None) -> Network:
        """A trained network as a torch module in evaluation mode: prepared images (N, C, H, W) -> scores (N, classes).

        Images are prepared by `classifier`, which also has the mean and deviation to do it with. The weights are those
        that `export` writes.

        Args:
            trial: a row of `summaries()` or `best`, or a trial's number; the winner when not given.

        Raises:
            SweepError: no such trial, or none has a result.
            CheckpointError: the trial's checkpoint is damaged.
        """
        from ..trainers import trained_network

        record, checkpoint = self._wanted(trial)
        return trained_network(record.design.architecture, checkpoint)[0]

    def classifier(self, trial: TrialSummary | int | None = None) -> Classifier:
        """A trained network that classifies picture files, with the names of its classes.

        Args:
            trial: a row of `summaries()` or `best`, or a trial's number; the winner when not given.

        Raises:
            SweepError: no such trial, or none has a result.
            CheckpointError: the trial's checkpoint is damaged.
            DataError: the sweep is of an earlier version, and its images, which have the classes' names, are missing.
        """
        from ..trainers import Classifier, trained_network
        from ..trainers.data import usual_resize

        record, checkpoint = self._wanted(trial)
        network, normalisation = trained_network(record.design.architecture, checkpoint)
        classes = self._classes()
        if len(classes) != record.design.architecture.classes:
            raise SweepError(
                f"{self.folder / INPUTS} names {len(classes)} classes, and the network has "
                f"{record.design.architecture.classes}",
                "It was changed from outside: restore it from a copy.",
            )
        data = self.config.data
        return Classifier(
            network=network,
            classes=classes,
            architecture=record.design.architecture,
            resize=data.resize or usual_resize(data.name),
            **normalisation,
        )

    def _wanted(self, trial: TrialSummary | int | None) -> tuple[TrialRecord, Path]:
        """The trial that is meant, or the run that stands for the winner, and the checkpoint to take."""
        trials = self.trials()
        if trial is None:
            return self._trained(_handed_over(self.best_of(trials)), trials)
        return self._trained(trial if isinstance(trial, int) else _handed_over(trial), trials)

    def _trained(self, number: int, trials: Sequence[TrialRecord]) -> tuple[TrialRecord, Path]:
        """A trial and the checkpoint that is handed over of it.

        Raises:
            SweepError: there is no such trial, or it has no checkpoint.
        """
        from ..trainers import Checkpoints

        record = next((record for record in trials if record.number == number), None)
        if record is not None and self.config.url:
            bring_checkpoints(self.config.url, self.folder, [number])
        kept = Checkpoints(trial_folder(self.folder, number))
        came_to_its_end = record is not None and (record.repetition or record.completed)
        epoch = 0 if record is None else record.epochs if came_to_its_end else record.best_epoch
        checkpoint = kept.at(epoch) if kept.at(epoch).exists() else kept.best()
        if record is None or checkpoint is None:
            known = ", ".join(str(row.trial) for row in self.summaries(trials)[:5])
            remedy = f"The best are {known}." if known else f"No trial has a result: `convscape compare {self.name}`."
            raise SweepError(f"sweep {self.name} has no trained trial {number}", remedy)
        return record, checkpoint

    def _classes(self) -> tuple[str, ...]:
        """Names of the classes, as inputs.json has them; by the images themselves in a sweep of an earlier version."""
        try:
            classes = read_sealed(self.folder / INPUTS).get("classes")
        except (OSError, ValueError):
            classes = None
        return tuple(map(str, classes)) if isinstance(classes, list) else load_data(self.config).classes


def _handed_over(best: TrialSummary) -> int:
    """Number of the trial whose weights stand for the winner: its last training or first run after the search."""
    return best.trial if best.run is None else best.run


def folder_option(config: SweepConfig) -> str:
    """The option ` --folder PATH`, quoted for a shell, by which a `convscape` command finds the sweep.

    It is "" for the usual folder, `sweeps`.

    Args:
        config: the sweep's config.
    """
    return option_for(config.folder)


def _first_reason(error: ValueError | TypeError) -> str:
    """What is wrong in a config.json: of pydantic's errors the first, with its key."""
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[-1].strip()
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
