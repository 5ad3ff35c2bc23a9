"""What a CPU or GPU can do: its arithmetic, its memory, and what of it a training takes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
