"""What is trained next, and what a result means: promotion at rungs, finals, what a resume takes up."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
