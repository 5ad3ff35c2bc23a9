from .ending import nothing_left as nothing_left
from .engine import Engine as Engine
from .finals import CONFIRMING as CONFIRMING, MORE_IMAGES as MORE_IMAGES
from .halving import Halving as Halving, Promotion as Promotion
from .job import Decision as Decision, Job as Job, Report as Report
from .length import LAST as LAST, OPEN as OPEN, Length as Length
