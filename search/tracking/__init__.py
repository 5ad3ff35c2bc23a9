"""MLflow: what a sweep reports, sent from the background, each thing once. A copy of what the study knows."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
