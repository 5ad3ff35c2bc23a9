from .bringing import bring as bring, sweeps_in as sweeps_in
from .checkpoints import bring_checkpoints as bring_checkpoints
from .driving import copied_up as copied_up, refuse_there as refuse_there, stop_elsewhere as stop_elsewhere
from .image_listing import images_there as images_there
from .images import (
    Brought as Brought,
    bring_as as bring_as,
    bring_images as bring_images,
    brought_here as brought_here,
)
from .lease import Lease as Lease, LostLeaseError as LostLeaseError
from .looks import count_look_there as count_look_there
from .mirror import Mirror as Mirror
from .probe import probe_storage as probe_storage
from .store import Store as Store, open_store as open_store
