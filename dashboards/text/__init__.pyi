from .answers import (
    answer_json as answer_json,
    answer_lines as answer_lines,
    answer_of_sweep as answer_of_sweep,
    answer_text as answer_text,
    experiment_text as experiment_text,
)
from .comparison import (
    ComparedSweep as ComparedSweep,
    comparison_json as comparison_json,
    comparison_text as comparison_text,
)
from .doctor import doctor_json as doctor_json, doctor_text as doctor_text
from .exports import export_json as export_json, export_lines as export_lines
from .finals import phases as phases
from .in_mlflow import pages as pages, ui_command as ui_command
from .inspections import inspection_json as inspection_json, inspection_lines as inspection_lines
from .leaderboard import (
    accuracy_lines as accuracy_lines,
    ending as ending,
    front as front,
    leaderboard_table as leaderboard_table,
    recipe as recipe,
    standing_lines as standing_lines,
)
from .mattered import mattered_json as mattered_json
from .networks import (
    design_json as design_json,
    design_line as design_line,
    design_text as design_text,
    forecast_line as forecast_line,
    network_json as network_json,
    network_text as network_text,
)
from .sliding import sliding_json as sliding_json, sliding_text as sliding_text
from .status import (
    SweepStatus as SweepStatus,
    spent as spent,
    state as state,
    status_json as status_json,
    status_text as status_text,
    status_view as status_view,
    why_failed as why_failed,
)
from .sweeps import SweepLine as SweepLine, sweep_lines as sweep_lines, sweeps_table as sweeps_table
from .trials import trial_json as trial_json, trial_text as trial_text
