"""Sweeps on a cluster that is somewhere else: sent there as Ray jobs, asked about, and their results brought here."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
