"""The built-in space of convolutional networks: its settings, what it samples, how many networks it holds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
