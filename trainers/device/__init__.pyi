from .arithmetic import (
    PRECISIONS as PRECISIONS,
    Precision as Precision,
    autocast as autocast,
    empty_cache as empty_cache,
    is_out_of_memory as is_out_of_memory,
    oom_as_training_error as oom_as_training_error,
    still_computes as still_computes,
)
from .machine import (
    CONTEXT as CONTEXT,
    IMAGES as IMAGES,
    cpus_here as cpus_here,
    device_memory as device_memory,
    gpus_here as gpus_here,
    memory_for_images as memory_for_images,
    processor as processor,
)
from .memory import (
    USABLE as USABLE,
    WORKSPACE as WORKSPACE,
    batch_bytes as batch_bytes,
    parts_that_fit as parts_that_fit,
    training_bytes as training_bytes,
    validated_at_once as validated_at_once,
)
