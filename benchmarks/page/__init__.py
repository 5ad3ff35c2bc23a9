"""What `benchmarks/page.py` is made of: large sweeps of trials that were never trained, and a browser that looks."""
