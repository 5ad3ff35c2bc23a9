"""Which share of which GPU a trial gets, so that small networks share one and large ones have it whole."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
