__version__: str

from .dashboards import compare as compare
from .search import Sweep as Sweep, SweepConfig as SweepConfig, launch as launch, resume as resume
from .spaces import (
    Architecture as Architecture,
    ConvscapeError as ConvscapeError,
    ConvSpace as ConvSpace,
    load_architecture as load_architecture,
)
