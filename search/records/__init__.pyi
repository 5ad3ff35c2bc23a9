from .experiment import Experiment as Experiment
from .failures import failures as failures
from .objectives import (
    Objective as Objective,
    directions as directions,
    inference_memory as inference_memory,
    objective_values as objective_values,
    reported_values as reported_values,
)
from .pairing import Pairing as Pairing
from .pareto import (
    Fronts as Fronts,
    Values as Values,
    comparable as comparable,
    least_crowded_first as least_crowded_first,
    ordered as ordered,
)
from .ranking import (
    finalists as finalists,
    last_trainings as last_trainings,
    leads_the_textbook as leads_the_textbook,
    ranked as ranked,
    standings as standings,
    why_refused as why_refused,
)
from .results import epoch_metrics as epoch_metrics, invalid_metric as invalid_metric
from .summary import TrialSummary as TrialSummary, summaries as summaries
from .sureness import Sureness as Sureness, reach_of_share as reach_of_share, sureness as sureness
from .trial import (
    TIME_BUDGET as TIME_BUDGET,
    Design as Design,
    Enqueued as Enqueued,
    Role as Role,
    State as State,
    TrialRecord as TrialRecord,
    epochs_in_words as epochs_in_words,
    is_compared as is_compared,
    is_initial as is_initial,
    is_refit as is_refit,
    is_sampled as is_sampled,
    is_trained as is_trained,
    state_counts as state_counts,
)
