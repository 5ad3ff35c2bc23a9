from .calibration import (
    Calibration as Calibration,
    best_temperature as best_temperature,
    reliability as reliability,
    softmax_at_temperature as softmax_at_temperature,
)
from .evaluation import (
    INTERVAL as INTERVAL,
    ClassResult as ClassResult,
    Confusion as Confusion,
    Evaluation as Evaluation,
    Mistake as Mistake,
    evaluate as evaluate,
)
from .latency import measure_latency as measure_latency
from .precision import faster_precision as faster_precision, has_bfloat16 as has_bfloat16
from .threads import faster_threads as faster_threads
from .timing import Timing as Timing, time_calls as time_calls
from .wilson import Z95 as Z95, wilson_interval as wilson_interval
