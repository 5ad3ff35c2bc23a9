from .catalog import MINE as MINE, MINE_ABOUT as MINE_ABOUT, QUESTIONS as QUESTIONS, Question as Question
from .choosing import proposals_of as proposals_of
from .paired_proposals import PairedProposals as PairedProposals
from .planning import (
    DECIDED as DECIDED,
    as_question as as_question,
    experiment_of as experiment_of,
    unused_settings as unused_settings,
    with_trainings as with_trainings,
)
from .variants import question_of as question_of
