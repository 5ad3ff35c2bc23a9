from .engine import Engine as Engine, Order as Order
from .finals import Standing as Standing, finalists as finalists, ranked as ranked, standings as standings
from .halving import Halving as Halving
