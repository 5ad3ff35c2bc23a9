"""Takes up a sweep from its study: each trial where it stood when the process that ran it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..records import leads_the_textbook, objective_values
from .job import Decision

if TYPE_CHECKING:
    from ..config import SearchConfig
    from ..proposals import Proposals
    from ..questions import PairedProposals
    from ..records import TrialRecord
    from .finals import Finals
    from .halving import Promotion
    from .ledger import Ledger
    from .length import Length


@dataclass(slots=True)
class Restored:
    """The trials of a resumed sweep that did not end and do not wait at a rung, by what is to become of them."""

    to_resume: list[int] = field(default_factory=list)
    """Numbers of the trials that train on."""
    to_conclude: list[TrialRecord] = field(default_factory=list)
    """Trials that were killed between their last result and their end."""
    in_finals: bool = False
    """Whether finals were begun and go on, so that nothing new is searched."""


def restore(
    search: SearchConfig,
    length: Length,
    ledger: Ledger,
    promotion: Promotion,
    finals: Finals,
    proposals: Proposals | PairedProposals,
    records: dict[int, TrialRecord],
) -> Restored:
    """Reads every trial of a sweep that was begun, and brings promotion, finals and proposals up to date with them.

    Args:
        search: the settings of the sweep file.
        length: epochs of a trial of full length.
        ledger: gives the trials on disk.
        promotion: the trials' values at rungs are recorded there.
        finals: trials that ended are counted there.
        proposals: designs that are known are counted there.
        records: the trials are added here, by number.

    Returns:
        The trials that did not end and do not wait at a rung.
    """
    restored = Restored()
    for record in ledger.restore():
        records[record.number] = record
        if record.paused and not record.accuracies:
            if proposals.admit(record):
                ledger.begin(record)
                restored.to_resume.append(record.number)
            continue
        proposals.take_up(record)
        takes_no_place = record.failed or (record.cut_off and not promotion.keeps_stopped)  # from one that can go on
        if record.trained and not takes_no_place:
            _restore_trial(record, search, length, promotion, finals, restored)
    restored.in_finals = finals.take_up(records.values())
    for number in promotion.unsettled():  # killed between a result and what it led to, where none may wait
        leads = leads_the_textbook(records[number], records.values())
        if promotion.verdict(number) is Decision.STOP and not leads:
            restored.to_conclude.append(records[number])
        else:
            restored.to_resume.append(number)
    for record in records.values():  # killed between a result and its promotion
        goes_on = record.number in restored.to_resume or record in restored.to_conclude
        waits = record.paused and record.accuracies and not goes_on
        if waits and record.judged and leads_the_textbook(record, records.values()):
            promotion.promote(record.number)
            restored.to_resume.append(record.number)
    return restored


def _restore_trial(
    record: TrialRecord, search: SearchConfig, length: Length, promotion: Promotion, finals: Finals, restored: Restored
) -> None:
    for epoch, accuracy in record.accuracies.items() if record.judged else ():
        promotion.record(record.number, epoch, objective_values(record, search.objectives, accuracy))
    if record.ended:
        finals.ended(record)
        promotion.promote(record.number)  # what ended waits no more
    elif record.epochs >= length.of(record):
        restored.to_conclude.append(record)
    elif record.promoted_from == record.epochs:  # by what was known then; what is known now may say otherwise
        promotion.promote(record.number)
        restored.to_resume.append(record.number)
    elif not record.judged or not promotion.is_rung(record.number, record.epochs):
        restored.to_resume.append(record.number)
