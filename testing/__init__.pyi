from .promotion import PromotionContract as PromotionContract
from .sampler import SamplerContract as SamplerContract
from .space import SpaceContract as SpaceContract
from .tracker import ArrivedRun as ArrivedRun, TrackerContract as TrackerContract
