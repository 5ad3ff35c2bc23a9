from .counting import Size as Size
from .settings import DEFAULTS as DEFAULTS
from .space import ConvSpace as ConvSpace
