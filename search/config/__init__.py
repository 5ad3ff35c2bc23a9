"""A sweep file as values: what may be written there, how it is read, and what it means."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
