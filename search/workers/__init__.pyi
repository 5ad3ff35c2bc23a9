from .cluster import (
    PACKAGES as PACKAGES,
    Answer as Answer,
    Clock as Clock,
    Node as Node,
    NodeProcesses as NodeProcesses,
    alive_nodes as alive_nodes,
    joined as joined,
    modules_below as modules_below,
    packaged as packaged,
    refuse_unreachable as refuse_unreachable,
    small_training as small_training,
    survey as survey,
    trials_that_fit as trials_that_fit,
    versions_fit as versions_fit,
)
from .epoch_seconds import epoch_seconds as epoch_seconds
from .inline_runner import run_inline as run_inline
from .placement import (
    refuse_without_gpus as refuse_without_gpus,
    shares_line as shares_line,
    threads_of as threads_of,
)
from .ray_runner import run_ray as run_ray
