"""A sweep's folder in object storage: segments that are never rewritten, checkpoints, and a lease for one driver."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
