from .latency import measure_latency as measure_latency
from .precision import faster_precision as faster_precision, has_bfloat16 as has_bfloat16
