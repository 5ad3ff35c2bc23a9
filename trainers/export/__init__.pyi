from .agreement import Agreement as Agreement
from .bundle import Exported as Exported, export_bundle as export_bundle
from .bundle_folder import (
    BUNDLE as BUNDLE,
    PROOF as PROOF,
    SOURCE as SOURCE,
    bundle_files as bundle_files,
    is_bundle_file as is_bundle_file,
)
from .forms import FORM_FILES as FORM_FILES, FORMATS as FORMATS, Format as Format
from .markdown import block as block, code as code, plain as plain
from .measured import Measurements as Measurements, accuracy_on_test as accuracy_on_test
from .model_card import About as About
from .trained import Trained as Trained
