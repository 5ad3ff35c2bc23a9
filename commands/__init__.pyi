from .asking import ask as ask
from .beginning import init as init, schema as schema
from .comparing import compare as compare
from .dashboard import dashboard as dashboard
from .doctor import doctor as doctor
from .handover import export as export, sync as sync
from .inspecting import inspect as inspect
from .networks import describe as describe, sample as sample
from .predicting import predict as predict
from .printing import echo as echo
from .reading import list_ as list_, show as show, status as status
from .sweeping import launch as launch, resume as resume, stop as stop
from .ui import ui as ui
