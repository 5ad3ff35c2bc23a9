"""`python -m convscape`."""

import os
import sys

# Python puts the current folder first: a random.py there, of whoever prepared it, would run in place of Python's own.
if sys.path and sys.path[0] == os.getcwd() and not os.path.isdir(os.path.join(sys.path[0], "convscape")):  # noqa: PTH109, PTH112, PTH118
    del sys.path[0]

from .cli import main

main()
