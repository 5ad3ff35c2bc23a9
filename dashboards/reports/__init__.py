"""The report of a sweep that has ended, as an artifact of its run in MLflow, and its summary as the description."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
