from .addresses import links as links
from .tables import COLUMNS as COLUMNS, runs as runs
