"""What is measured: the faster precision and the time for an image on the device at hand; how good answers are."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
