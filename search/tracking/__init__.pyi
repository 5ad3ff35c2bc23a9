from .bundle_upload import log_bundle as log_bundle
from .datasets import TrackedDataset as TrackedDataset
from .delivery import UploadProgress as UploadProgress
from .mlflow_store import (
    connect_store as connect_store,
    experiment_in as experiment_in,
    file_problem as file_problem,
    is_foreign as is_foreign,
    refuse_place as refuse_place,
    search_runs as search_runs,
    sqlite_file as sqlite_file,
    store_error as store_error,
    uri_problem as uri_problem,
    whole_uri as whole_uri,
)
from .probe import StoreProbe as StoreProbe
from .registered_names import check_alias as check_alias, check_registered_name as check_registered_name
from .registry import Registered as Registered, register_bundle as register_bundle
from .report_upload import (
    ANSWER as ANSWER,
    LONGEST_NOTE as LONGEST_NOTE,
    REPORT as REPORT,
    REPORT_MARK as REPORT_MARK,
    lacks_report as lacks_report,
    launch_description as launch_description,
    send_report as send_report,
)
from .secrets import (
    environment as environment,
    held as held,
    hide as hide,
    public_address as public_address,
    reveal as reveal,
    values_without_secrets as values_without_secrets,
    without_secrets as without_secrets,
)
from .tracker import Tracker as Tracker, TrialStart as TrialStart, sync as sync
from .uploader import (
    LONGEST_PARAM as LONGEST_PARAM,
    LONGEST_TAG as LONGEST_TAG,
    upload_problem as upload_problem,
)
from .view import TRAINING as TRAINING, VIEW as VIEW, runs_address as runs_address
