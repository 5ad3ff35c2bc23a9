"""What is measured on the device at hand: the faster precision, and how long classifying an image takes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
