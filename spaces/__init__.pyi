from .alternatives import alternatives_to as alternatives_to, format_alternatives as format_alternatives
from .architecture import Architecture as Architecture
from .budget import SHRINKING_STEPS as SHRINKING_STEPS, Budget as Budget, bytes_from as bytes_from, narrowed as narrowed
from .choices import (
    Choice as Choice,
    Options as Options,
    Trial as Trial,
    number as number,
    options as options,
    read_settings as read_settings,
    values as values,
    whole_numbers as whole_numbers,
)
from .classics import CLASSICS as CLASSICS, ClassicSpace as ClassicSpace, classic as classic
from .contract import Space as Space
from .conv_space import ConvSpace as ConvSpace
from .cost import CostTable as CostTable, cost_table as cost_table
from .custom import CustomSpace as CustomSpace
from .errors import (
    MOST_TOLD as MOST_TOLD,
    ArchitectureError as ArchitectureError,
    CheckpointError as CheckpointError,
    ConfigError as ConfigError,
    ConvscapeError as ConvscapeError,
    DataError as DataError,
    DivergenceError as DivergenceError,
    ExportError as ExportError,
    ForeignCheckpointError as ForeignCheckpointError,
    GeometryError as GeometryError,
    MemoryFullError as MemoryFullError,
    Mistakes as Mistakes,
    SpaceError as SpaceError,
    SweepError as SweepError,
    TrainingError as TrainingError,
    nearest as nearest,
    together as together,
)
from .former_names import former_names as former_names
from .geometry import Fit as Fit, output_size as output_size
from .import_path import (
    STANDARD as STANDARD,
    describe_exception as describe_exception,
    find_module as find_module,
    import_object as import_object,
    is_import_path as is_import_path,
    is_installed as is_installed,
    missing_init as missing_init,
)
from .kinds import Kind as Kind, numbers as numbers, one_of as one_of, whole as whole
from .layer_table import (
    WIDTH as WIDTH,
    format_layer_table as format_layer_table,
    format_memory_table as format_memory_table,
    readable_bytes as readable_bytes,
    short as short,
)
from .layers import (
    Activation as Activation,
    BatchNorm as BatchNorm,
    Conv as Conv,
    Dropout as Dropout,
    Flatten as Flatten,
    GlobalPool as GlobalPool,
    Layer as Layer,
    Linear as Linear,
    LocallyConnected as LocallyConnected,
    LocalResponseNorm as LocalResponseNorm,
    Pair as Pair,
    Parallel as Parallel,
    Pool as Pool,
    Residual as Residual,
    Sides as Sides,
)
from .lookup import is_name as is_name, load_architecture as load_architecture
from .memory import (
    Precision as Precision,
    overwrites as overwrites,
    pads_apart as pads_apart,
    sees_padding_only as sees_padding_only,
)
from .notation import to_notation as to_notation
from .parsing import parse_notation as parse_notation
from .plain_files import check_plain as check_plain, read_plain as read_plain
from .printable import html_table as html_table, printable as printable
from .sliding import (
    SlidingNetwork as SlidingNetwork,
    fully_convolutional as fully_convolutional,
    sliding_paths as sliding_paths,
    total_stride as total_stride,
)
from .source_finder import (
    FOLDERS as FOLDERS,
    SENT as SENT,
    is_export_source as is_export_source,
    sent_folders as sent_folders,
)
from .tracing import Step as Step, Traced as Traced, trace as trace
