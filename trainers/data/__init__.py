"""Images: data sets by name, folders and functions, in memory or read anew each epoch, and batches of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
