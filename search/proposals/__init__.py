"""Which designs are tried: those the sweep file names, then those a sampler proposes; all within budget."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
