"""Where `Source` was in the release before."""

from __future__ import annotations

from ..spaces import former_names

__getattr__ = former_names(__name__, {"Source": "Source"}, home="convscape.trainers")
