"""The Ray cluster that is started here or joined: its nodes, what they are asked, and what they are sent."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
