from .comparison import CropComparison as CropComparison, compare_with_crops as compare_with_crops
from .network import (
    FullyConvolutional as FullyConvolutional,
    convert_weights as convert_weights,
    sliding_network as sliding_network,
)
from .score_map import (
    average_scores as average_scores,
    crops as crops,
    slide as slide,
    sliding_probabilities as sliding_probabilities,
)
