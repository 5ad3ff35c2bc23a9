"""The parts of `benchmarks/gpu.py`: what is measured, in what order, and what follows from it."""
