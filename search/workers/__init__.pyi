from .ray_runner import run_inline as run_inline, run_ray as run_ray
