"""A sampler under guard: what its code gets wrong is kept apart from what the space gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

from ...spaces import ConvscapeError, describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class GuardedSampler(BaseSampler):
    """Does as `sampler`, for one proposal. Whatever that raises, or proposes against all rules, is its `fault`.

    `after_trial` is not passed on: by then it may be another's turn, or another process.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler
        self.fault: Exception | None = None
        self.reason = ""
        """The fault in a line."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Raises nothing: Optuna would be left with half a trial."""
        try:
            self._sampler.before_trial(study, trial)
        except ConvscapeError:
            raise
        except Exception as problem:  # noqa: BLE001 - somebody's own code
            self._keep(problem)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._watched(lambda: dict(self._sampler.infer_relative_search_space(study, trial)))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        def sampled() -> dict[str, Any]:
            found = dict(self._sampler.sample_relative(study, trial, search_space))
            for name, value in found.items():
                if name not in search_space:
                    raise ValueError(f"{name} was sampled, but is not in the search space it was sampled from")
                search_space[name].to_internal_repr(value)  # raises for what it cannot be
            return found

        return self._watched(sampled)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        def sampled() -> Any:
            found = self._sampler.sample_independent(study, trial, param_name, param_distribution)
            if not param_distribution._contains(param_distribution.to_internal_repr(found)):  # noqa: SLF001
                raise ValueError(f"{param_name} was sampled as {found!r:.80}, which is outside {param_distribution}")
            return found

        return self._watched(sampled)

    def check(self) -> None:
        """Raises the fault, where there is one: nothing may have been asked of the sampler since."""
        if self.fault:
            raise self.fault

    def _watched(self, call: Callable[[], Any]) -> Any:
        try:
            self.check()
            return call()
        except ConvscapeError:  # the study's file is at fault
            raise
        except Exception as problem:
            self._keep(problem)
            raise

    def _keep(self, problem: Exception) -> None:
        if self.fault is None:
            self.fault, self.reason = problem, describe_sampler_error(problem)


def describe_sampler_error(problem: Exception) -> str:
    """What a sampler raised in a line, with a line of its own file and none of those that called it."""
    below = problem.__traceback__
    while below and Path(below.tb_frame.f_code.co_filename).parent == Path(__file__).parent:
        below = below.tb_next
    caught = problem.__traceback__
    try:
        return describe_exception(problem.with_traceback(below))
    finally:
        problem.__traceback__ = caught
