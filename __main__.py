"""`python -m convscape`."""

from .cli import main

main()
