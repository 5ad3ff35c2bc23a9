from .delivery import UploadProgress as UploadProgress
from .mlflow_store import (
    connect_store as connect_store,
    search_runs as search_runs,
    sqlite_file as sqlite_file,
    without_password as without_password,
)
from .tracker import Tracker as Tracker, TrialStart as TrialStart, sync as sync
