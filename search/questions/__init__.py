"""A design question as a paired experiment: its variants, the bases that are built in each, what to train next."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
