"""What a paired experiment says: intervals, tests, power, when to stop, and the verdict in words."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
