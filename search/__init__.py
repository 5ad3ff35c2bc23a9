"""How many designs are tried, which, where, and how a sweep survives."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
