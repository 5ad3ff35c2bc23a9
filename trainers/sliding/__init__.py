"""Trained networks that slide over images larger than their own: score maps, denser ones, and crops to compare with."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
