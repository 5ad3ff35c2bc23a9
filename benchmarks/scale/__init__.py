"""What `benchmarks/scale.py` is made of: how far one sweep's process, and a sweep on nodes that come and go, can go."""
