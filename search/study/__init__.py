"""Optuna: the study in the sweep's folder, which is the one truth of a sweep, and the samplers that propose."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
