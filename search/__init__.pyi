from .config import SweepConfig as SweepConfig
from .driver import launch as launch, resume as resume
from .sweep import Sweep as Sweep, folder_option as folder_option
