from .counting import Size as Size
from .settings import DEFAULTS as DEFAULTS
from .space import ConvSpace as ConvSpace
from .textbook import WIDTHS as WIDTHS, advice as advice, stages_for as stages_for
