"""A trained network looked into: its filters, what excites them, what it looks at, and what it takes for alike."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
