from .comparing import compare as compare
from .mlflow_server import MlflowServer as MlflowServer
from .queries import links as links, runs as runs
from .reports import launch as launch, resume as resume
