from .adequacy import adequacy as adequacy
from .asking import Plan as Plan, ask as ask, plan as plan
from .description import asked_rows as asked_rows, images_in_words as images_in_words
from .display import ProgressDisplay as ProgressDisplay, Surface as Surface
from .ending import has_ended as has_ended, how_to_go_on as how_to_go_on
from .forecast import Forecast as Forecast, forecast as forecast
from .in_bucket import send_results as send_results
from .interrupts import terminable as terminable
from .launching import launch as launch, resume as resume
from .phases import (
    CHECKING as CHECKING,
    LOADING as LOADING,
    MEASURING as MEASURING,
    READING as READING,
    Phase as Phase,
    format_duration as format_duration,
)
from .preflight import check_designs as check_designs, read_and_check as read_and_check
from .progress import (
    RunningTrial as RunningTrial,
    SweepProgress as SweepProgress,
    SweepState as SweepState,
    as_of_now as as_of_now,
    read_progress as read_progress,
    silence as silence,
)
from .progress_callback import ProgressCallback as ProgressCallback
from .runner import Runner as Runner, choose_runner as choose_runner
from .view import (
    progress_line as progress_line,
    progress_view as progress_view,
    view_text as view_text,
)
