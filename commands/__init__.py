"""What each command does: it reads its options, calls one function of a room below, and prints what came of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
