from .accuracy_by_time import accuracy_by_time as accuracy_by_time
from .costs import COSTS as COSTS
from .design_path import design_path as design_path
from .importance_chart import importance_chart as importance_chart
from .learning_curves import learning_curves as learning_curves
from .paired_differences import paired_differences as paired_differences
from .parallel_coordinates import parallel_coordinates as parallel_coordinates
from .pareto_front import pareto_front as pareto_front
from .plots import Plots as Plots
from .setting_slices import setting_slices as setting_slices
from .style import (
    BLUE as BLUE,
    FATES as FATES,
    FULL_LENGTH as FULL_LENGTH,
    GREY as GREY,
    SWEEP_COLORS as SWEEP_COLORS,
    VERMILLION as VERMILLION,
)
