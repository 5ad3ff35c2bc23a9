from .columns import (
    CURVE_COLUMNS as CURVE_COLUMNS,
    IMPORTANCE_COLUMNS as IMPORTANCE_COLUMNS,
    PAIR_COLUMNS as PAIR_COLUMNS,
    PATH_COLUMNS as PATH_COLUMNS,
    RUNG_COLUMNS as RUNG_COLUMNS,
    TRIAL_COLUMNS as TRIAL_COLUMNS,
    settings_in as settings_in,
)
from .curves import curves_frame as curves_frame
from .importance import importance_frame as importance_frame
from .pairs import pairs_frame as pairs_frame
from .path import path_frame as path_frame
from .rungs import rungs_frame as rungs_frame
from .sweep_frames import SweepFrames as SweepFrames, sweep_frames as sweep_frames
from .trials import trials_frame as trials_frame
