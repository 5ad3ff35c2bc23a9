"""What a network can be: layers, geometry, cost, notation, and the spaces they are sampled from. Pure Python."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
