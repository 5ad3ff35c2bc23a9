from .device import device_of as device_of, threads_of as threads_of
from .idle import IdleWorkers as IdleWorkers
from .needs import Need as Need, Needs as Needs
from .placement import Placement as Placement
from .refusal import refuse_without_gpus as refuse_without_gpus
from .room import Room as Room
from .shares import (
    EIGHTHS as EIGHTHS,
    WHOLE as WHOLE,
    GpuNode as GpuNode,
    Slot as Slot,
    Usage as Usage,
    memory_of as memory_of,
    slot_on as slot_on,
)
from .words import image_bytes as image_bytes, shares_line as shares_line
