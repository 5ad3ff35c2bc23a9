from .ablation import PathStep as PathStep, change_path as change_path
from .cmaes import CmaEs as CmaEs, is_ordered as is_ordered
from .events import whole_lines as whole_lines
from .importance import FEWEST as FEWEST, SettingImportance as SettingImportance, importances as importances
from .reading import read_experiment as read_experiment, read_trials as read_trials
from .samplers import SAMPLER_KEY as SAMPLER_KEY, Samplers as Samplers, is_optuna_s as is_optuna_s
from .settings_text import settings_of_text as settings_of_text, settings_text as settings_text
from .study import Study as Study, quiet_optuna as quiet_optuna
from .with_optuna import read_params as read_params
