from .asked import asked_in_words as asked_in_words
from .beginning import begin as begin, is_beginning as is_beginning, read_or_begin as read_or_begin
from .beginning_text import sweep_file_text as sweep_file_text
from .data import load_data as load_data
from .environment import with_environment as with_environment
from .initial_designs import (
    AUTO as AUTO,
    NamedNetwork as NamedNetwork,
    WarmStart as WarmStart,
    network_of as network_of,
)
from .json_schema import keep_schema as keep_schema, sweep_file_schema as sweep_file_schema
from .recipe_params import recipe_of_params as recipe_of_params
from .recipe_space import (
    TEXTBOOK as TEXTBOOK,
    RecipeSpace as RecipeSpace,
    absolute_paths as absolute_paths,
    logged_params as logged_params,
)
from .schema import NAME as NAME, STAGE as STAGE, SweepConfig as SweepConfig
from .sections import (
    LONGEST as LONGEST,
    UNLIMITED as UNLIMITED,
    BudgetConfig as BudgetConfig,
    DataConfig as DataConfig,
    QuestionConfig as QuestionConfig,
    ResourcesConfig as ResourcesConfig,
    SearchConfig as SearchConfig,
    TrackingConfig as TrackingConfig,
)
from .settings import config_of as config_of
from .sweep_file import (
    given_settings as given_settings,
    parse_sweep_file as parse_sweep_file,
    read_sweep_file as read_sweep_file,
    with_settings as with_settings,
    written_setting as written_setting,
)
from .transfer_space import TransferSpace as TransferSpace, suit_transfer as suit_transfer
from .trust import (
    IMPORTABLE as IMPORTABLE,
    MOST_FILES as MOST_FILES,
    Trust as Trust,
    more_trusting as more_trusting,
    remember as remember,
    remembered as remembered,
)
