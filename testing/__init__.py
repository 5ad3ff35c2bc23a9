"""What a replacement must pass: contracts to subclass in pytest, for samplers, promotions, trackers and spaces.

They need `pip install 'convscape[test]'`. Say how yours is made, and the contract's tests run:

    from convscape.testing import SamplerContract

    class TestMine(SamplerContract):
        sampler = "my_package.MySampler"
"""

import lazy_loader
import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in ("promotion", "sampler", "space", "tracker")))

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
