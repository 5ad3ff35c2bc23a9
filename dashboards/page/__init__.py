"""The page of one or several sweeps: as a file of its own, or served and following sweeps that run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
