from .heartbeat import (
    ProgressCallback as ProgressCallback,
    SweepProgress as SweepProgress,
    read_progress as read_progress,
)
from .launching import launch as launch, resume as resume
from .preflight import preflight as preflight
from .terminal import aged as aged, clock as clock, line as line
