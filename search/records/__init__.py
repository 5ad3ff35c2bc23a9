"""Values that all rooms of the search share: trials, objectives, rankings, failures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
