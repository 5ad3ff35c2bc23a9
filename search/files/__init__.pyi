from .append_only import (
    Entry as Entry,
    Spool as Spool,
    count_damaged as count_damaged,
    count_entries as count_entries,
    every_entry as every_entry,
    last_line as last_line,
    read_entries as read_entries,
)
from .atomic import temporary_path as temporary_path, write_atomically as write_atomically
from .bucket_mark import (
    BUCKET as BUCKET,
    BucketMark as BucketMark,
    copied_up as copied_up,
    held_elsewhere as held_elsewhere,
    read_mark as read_mark,
)
from .buckets import (
    bucket_url as bucket_url,
    folder_here as folder_here,
    local_copy as local_copy,
    make_local_copy as make_local_copy,
    url_of as url_of,
)
from .flock import lock_file as lock_file
from .former import (
    discard as discard,
    former_sweeps as former_sweeps,
    how_to_put_back as how_to_put_back,
    is_sweep as is_sweep,
    put_aside as put_aside,
    put_back as put_back,
)
from .image_cache import (
    images_copy as images_copy,
    images_here as images_here,
    images_url as images_url,
    is_copy as is_copy,
)
from .layout import (
    CONFIG as CONFIG,
    INPUTS as INPUTS,
    LINES as LINES,
    LOCK as LOCK,
    LOOKS as LOOKS,
    MARK as MARK,
    PLACEMENT as PLACEMENT,
    PRECISION as PRECISION,
    PROGRESS as PROGRESS,
    REACHED_BY as REACHED_BY,
    RETRAINED as RETRAINED,
    SPOOL as SPOOL,
    SPOOLED as SPOOLED,
    STOP as STOP,
    STUDY as STUDY,
    TRIALS as TRIALS,
    UPLOADED as UPLOADED,
    command_about as command_about,
    option_for as option_for,
    trial_folder as trial_folder,
)
from .links import PLAIN as PLAIN, refuse_links as refuse_links
from .lock import hold_file as hold_file, hold_path as hold_path, is_locked as is_locked, sweep_lock as sweep_lock
from .looks import count_look as count_look
from .sealed import (
    open_seal as open_seal,
    read_lines as read_lines,
    seal as seal,
    unseal as unseal,
)
from .sealed_json import (
    LARGEST_JSON as LARGEST_JSON,
    has_seal as has_seal,
    read_changed as read_changed,
    read_or_tell as read_or_tell,
    read_sealed as read_sealed,
    reseal as reseal,
    write_sealed as write_sealed,
)
from .state import state_folder as state_folder
from .telling import tell_once as tell_once
