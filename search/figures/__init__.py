"""Figures of what a sweep learnt: functions of pandas frames that give Plotly figures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
