"""A sampler under guard: what a sampler's code gets wrong is kept apart from what the space gets wrong."""

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
    """Passes on to another sampler, for one proposal, and keeps what that raises or proposes against Optuna's rules.

    `after_trial` is not passed on: by then it may be another sampler's turn, or another process.

    Args:
        sampler: does the sampling.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler
        self.fault: Exception | None = None
        """The first error that the sampler raised or made; None where there is none."""
        self.reason = ""
        """The fault in a line, "" where there is none."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Asks the sampler; what that raises is kept, not raised, since Optuna would be left with half a trial.

        Raises:
            ConvscapeError: the study's file is at fault, not the sampler.
        """
        try:
            self._sampler.before_trial(study, trial)
        except ConvscapeError:
            raise
        except Exception as problem:  # noqa: BLE001 - somebody's own code
            self._keep(problem)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Asks the sampler; an error is kept as the fault, and raised."""
        return self._watched(lambda: dict(self._sampler.infer_relative_search_space(study, trial)))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Asks the sampler; an error, or a value outside `search_space`, is kept as the fault, and raised."""

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
        """Asks the sampler; an error, or a value outside the distribution, is kept as the fault, and raised."""

        def sampled() -> Any:
            found = self._sampler.sample_independent(study, trial, param_name, param_distribution)
            if not param_distribution._contains(param_distribution.to_internal_repr(found)):  # noqa: SLF001
                raise ValueError(f"{param_name} was sampled as {found!r:.80}, which is outside {param_distribution}")
            return found

        return self._watched(sampled)

    def check(self) -> None:
        """Raises the sampler's fault, where there is one.

        It is called after the design was sampled: a fault of `before_trial` shows only here where the space asked
        nothing.

        Raises:
            Exception: whatever the sampler raised.
        """
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
    """An exception that a sampler raised, in a line: what it says, and a line of the sampler's own file.

    Lines of the code that called the sampler are left out. The exception's traceback is as it was afterwards.
    """
    below = problem.__traceback__
    while below and Path(below.tb_frame.f_code.co_filename).parent == Path(__file__).parent:
        below = below.tb_next
    caught = problem.__traceback__
    try:
        return describe_exception(problem.with_traceback(below))
    finally:
        problem.__traceback__ = caught
