"""What a sweep learnt as pandas frames, each with documented columns: trials, curves, rungs, importance, the path."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
