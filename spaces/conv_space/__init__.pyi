from .counting import Size as Size
from .settings import DEFAULTS as DEFAULTS, KEYS as KEYS, OF_A_STAGE as OF_A_STAGE
from .space import ConvSpace as ConvSpace
from .textbook import WIDTHS as WIDTHS, advice as advice, stages_for as stages_for
