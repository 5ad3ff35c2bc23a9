from .address import refuse_unreachable as refuse_unreachable
from .epoch_seconds import epoch_seconds as epoch_seconds
from .inline_runner import run_inline as run_inline
from .joining import joined as joined
from .node_processes import Clock as Clock, NodeProcesses as NodeProcesses
from .nodes import Answer as Answer, Node as Node, alive_nodes as alive_nodes, trials_that_fit as trials_that_fit
from .package import modules_below as modules_below, packaged as packaged
from .placement import refuse_without_gpus as refuse_without_gpus, shares_line as shares_line
from .ray_runner import run_ray as run_ray
from .survey import PACKAGES as PACKAGES, small_training as small_training, survey as survey
from .versions import versions_fit as versions_fit
