"""Says before a sweep whether one can run on this machine or on a cluster, node by node."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
