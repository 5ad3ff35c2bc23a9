"""Where jobs are trained: on the warm workers of a Ray cluster, or in this process."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
