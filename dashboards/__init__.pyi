from .queries import links as links, runs as runs
