from .catalog import CLASSICS as CLASSICS, classic as classic, is_classic as is_classic
from .classic_space import DEFAULTS as DEFAULTS, KEYS as KEYS, ClassicSpace as ClassicSpace
