from .folder import inspect_to as inspect_to
from .inspection import Inspection as Inspection, inspect_network as inspect_network
from .manifest import INSPECTION as INSPECTION
from .result import Drawing as Drawing, Omission as Omission
from .sample import (
    Sample as Sample,
    sample_of_data_set as sample_of_data_set,
    sample_of_files as sample_of_files,
    sample_of_part as sample_of_part,
)
