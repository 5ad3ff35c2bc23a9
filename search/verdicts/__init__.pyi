from .answer import Answer as Answer, answer_of as answer_of, ends_early as ends_early
from .contrast import Compared as Compared, Contrast as Contrast, contrasts as contrasts
from .costs import COSTS as COSTS, Costs as Costs, cost_of as cost_of
from .intervals import (
    LEVEL as LEVEL,
    Interval as Interval,
    mean_interval as mean_interval,
    median_interval as median_interval,
)
from .learning_rates import TunedRate as TunedRate, choose_rates as choose_rates, tuned_rates as tuned_rates
from .notes import (
    different_networks as different_networks,
    experiment_notes as experiment_notes,
    plan_lines as plan_lines,
    reasons as reasons,
)
from .pairs import Pair as Pair, reached as reached
from .paragraph import paragraph as paragraph, points as points
from .power import POWER as POWER, detectable as detectable, pairs_needed as pairs_needed, power as power
from .significance import (
    fewest_pairs as fewest_pairs,
    holm as holm,
    permutation_p as permutation_p,
    permutation_ps as permutation_ps,
)
from .stopping import (
    ERROR as ERROR,
    final_level as final_level,
    interim_looks as interim_looks,
    level_after as level_after,
)
