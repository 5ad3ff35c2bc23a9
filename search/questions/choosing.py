"""What gives a sweep its trainings: a search's proposals, or those of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..proposals import Proposals

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config import SweepConfig
    from ..proposals import DesignSpace, EndTrial
    from ..records import Design, TrialRecord
    from ..study import Study
    from .paired_proposals import PairedProposals


def proposals_of(
    config: SweepConfig,
    designs: DesignSpace,
    study: Study,
    records: dict[int, TrialRecord],
    end: EndTrial,
    too_slow: Callable[[Design], str],
) -> Proposals | PairedProposals:
    """What gives a sweep its trainings: an experiment where the sweep file asks a question, else a search.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try.
        study: proposes and keeps each trial.
        records: all trials by number; each new one is added.
        end: called for each trial that is not to be trained.
        too_slow: why a design is too slow for the time there is, as a sentence; "" where it is not.

    Raises:
        SpaceError: no network of the space fits the images, or no bases can be built in every variant.
        ConfigError: a design that the sweep file names cannot be used, or its question not be asked.
    """
    if config.question:
        from .paired_proposals import PairedProposals  # scipy comes with it

        return PairedProposals(config, designs, study, records, end)
    return Proposals(config, designs, study, records, end, too_slow)
