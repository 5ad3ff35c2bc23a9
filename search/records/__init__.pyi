from .failures import failures as failures
from .objectives import (
    Objective as Objective,
    directions as directions,
    inference_memory as inference_memory,
    objective_values as objective_values,
    values as values,
)
from .pareto import (
    Fronts as Fronts,
    Values as Values,
    comparable as comparable,
    fronts as fronts,
    least_crowded_first as least_crowded_first,
    ordered as ordered,
)
from .results import epoch_metrics as epoch_metrics, invalid_metric as invalid_metric
from .trial import (
    ENDED as ENDED,
    TIME_BUDGET as TIME_BUDGET,
    Design as Design,
    Enqueued as Enqueued,
    Job as Job,
    Role as Role,
    State as State,
    TrialRecord as TrialRecord,
    epochs as epochs,
)
