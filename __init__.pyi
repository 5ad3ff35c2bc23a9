__version__: str

from .dashboards import ask as ask, compare as compare, launch as launch, resume as resume
from .search import Sweep as Sweep, SweepConfig as SweepConfig
from .spaces import (
    Architecture as Architecture,
    ConvscapeError as ConvscapeError,
    ConvSpace as ConvSpace,
    load_architecture as load_architecture,
)
