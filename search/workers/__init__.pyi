from .address import refuse_unreachable as refuse_unreachable
from .epoch_seconds import epoch_seconds as epoch_seconds
from .inline_runner import run_inline as run_inline
from .ray_runner import run_ray as run_ray
