"""What was learnt: from MLflow as frames and links, as text, as a page, and as the report of a sweep in MLflow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
