from .checkpoint import read_checkpoint as read_checkpoint, unpack as unpack
from .checkpoint_files import (
    PackedCheckpoint as PackedCheckpoint,
    read_packed as read_packed,
    values_of as values_of,
    write_packed as write_packed,
)
from .checkpoints import Checkpoints as Checkpoints
from .data import Dataset as Dataset, Source as Source, load_dataset as load_dataset
from .epoch_result import EpochResult as EpochResult
from .export import export_bundle as export_bundle
from .network import Network as Network, build_network as build_network
from .optimization import learning_rate as learning_rate, same_so_far as same_so_far
from .predicting import (
    Classifier as Classifier,
    Prediction as Prediction,
    exported_classifier as exported_classifier,
    trained_network as trained_network,
)
from .recipe import (
    CLASS_WEIGHTS as CLASS_WEIGHTS,
    DOWNLOAD as DOWNLOAD,
    LARGEST_SHIFT as LARGEST_SHIFT,
    OPTIMIZERS as OPTIMIZERS,
    SCHEDULES as SCHEDULES,
    Recipe as Recipe,
)
from .sliding import (
    CropComparison as CropComparison,
    FullyConvolutional as FullyConvolutional,
    average_scores as average_scores,
    compare_with_crops as compare_with_crops,
    convert_weights as convert_weights,
    slide as slide,
    sliding_network as sliding_network,
    sliding_probabilities as sliding_probabilities,
)
from .training import Training as Training
from .transfer import (
    LARGEST_WEIGHTS as LARGEST_WEIGHTS,
    check_fit as check_fit,
    network_for as network_for,
    read_weights as read_weights,
)
from .weights_digest import weights_digest as weights_digest
