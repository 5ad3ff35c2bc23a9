from .fully_convolutional import fully_convolutional as fully_convolutional, sliding_paths as sliding_paths
from .sliding_network import SlidingNetwork as SlidingNetwork
from .strides import total_stride as total_stride
