from .address import refuse_unreachable as refuse_unreachable, token_mode as token_mode
from .draining import Notice as Notice, node_died as node_died, was_drained as was_drained
from .fair_share import FairShare as FairShare, place_of_its_own as place_of_its_own
from .gpu_asking import NewGpus as NewGpus
from .gpu_nodes import (
    LateNodes as LateNodes,
    nodes_with_gpus as nodes_with_gpus,
    request_of as request_of,
    usage_here as usage_here,
)
from .head_watch import head_watched as head_watched
from .joining import joined as joined
from .node_check import NodeCheck as NodeCheck
from .node_guard import NodeGuard as NodeGuard, problem_on_this_node as problem_on_this_node
from .node_processes import Clock as Clock, NodeProcesses as NodeProcesses
from .node_survey import PACKAGES as PACKAGES, small_training as small_training, survey as survey
from .nodes import (
    Answer as Answer,
    Node as Node,
    alive_nodes as alive_nodes,
    ask_node as ask_node,
    trials_that_fit as trials_that_fit,
)
from .package import modules_below as modules_below, packaged as packaged
from .settings import TUNE_LOGGERS as TUNE_LOGGERS, TUNE_SETTINGS as TUNE_SETTINGS, environment as environment
from .starting import (
    code_of as code_of,
    start_ray as start_ray,
    tell_without_room as tell_without_room,
    workers_that_fit as workers_that_fit,
)
from .versions import versions_fit as versions_fit
