"""Proves the GPU path on a machine with a GPU: `make gpu`, or `python tests/gpu`. See docs/gpu.md."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - machines with GPUs have what they have
    running = ".".join(map(str, sys.version_info[:2]))
    sys.exit("Convscape needs Python 3.11 or newer, and this is " + running + ". Use: make gpu PYTHON=python3.12")

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120

from gpu.running import main  # noqa: E402

sys.exit(main())
