from .comparing import compare as compare
from .loopback import LOOPBACK as LOOPBACK, is_loopback as is_loopback
from .mlflow_server import MlflowServer as MlflowServer
from .queries import links as links, runs as runs
from .reports import ask as ask, launch as launch, resume as resume
