from .budget import BudgetConfig as BudgetConfig
from .data import DataConfig as DataConfig
from .question import QuestionConfig as QuestionConfig
from .resources import ResourcesConfig as ResourcesConfig
from .search import LONGEST as LONGEST, UNLIMITED as UNLIMITED, SearchConfig as SearchConfig
from .section import Section as Section, at_home as at_home
from .tracking import TrackingConfig as TrackingConfig
