from .addresses import links as links
from .records import StoredTrials as StoredTrials, stored_records as stored_records
from .sweeps import StoredSweep as StoredSweep, stored_sweeps as stored_sweeps
from .tables import COLUMNS as COLUMNS, runs as runs
