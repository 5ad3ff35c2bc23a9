from .append_only import (
    Entry as Entry,
    Spool as Spool,
    count_entries as count_entries,
    read_all_entries as read_all_entries,
    read_entries as read_entries,
)
from .atomic import temporary_path as temporary_path, write_atomically as write_atomically
from .layout import (
    CONFIG as CONFIG,
    INPUTS as INPUTS,
    LOCK as LOCK,
    PRECISION as PRECISION,
    PROGRESS as PROGRESS,
    SPOOL as SPOOL,
    STUDY as STUDY,
    TRIALS as TRIALS,
    UPLOADED as UPLOADED,
    trial_folder as trial_folder,
)
from .lock import is_locked as is_locked, sweep_lock as sweep_lock
