"""What a store of MLflow holds of sweeps, wherever they ran: as a frame, as records of trials, and as links."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
