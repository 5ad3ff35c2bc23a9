from .conditional import check_conditional as check_conditional
from .design_space import DesignSpace as DesignSpace
from .enqueued import initial_designs as initial_designs
from .feasibility import check_budget as check_budget
from .proposals import EndTrial as EndTrial, Proposals as Proposals, is_exhausted as is_exhausted
from .textbook import textbook_designs as textbook_designs
