from .engine import Engine as Engine
from .halving import Halving as Halving, Promotion as Promotion
from .job import Decision as Decision, Job as Job, Report as Report
from .length import Length as Length
